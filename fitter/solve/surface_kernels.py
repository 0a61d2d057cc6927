"""The numba kernels of `surface` that sum a frame's vertices over the bones that carry them.

A sum has six rows per bone: its turn about its joint and its shift, camera axes. Its columns are the bones' six again
(`coupling`), or what moves a vertex at rest, betas and then the pose's correctives, and last the gradient (`border`).
`own` has the correctives for rows. What is indexed by a vertex is passed whole: a view costs more than its use.
"""

from typing import no_type_check

import numpy as np
from numba import njit

CONTRACT = {"contract"}  # fused multiply-add, but nothing that would lose a NaN on its way
N_BONES = 16
N_TURNS = N_BONES - 1  # rotations that a pose basis knows: all but the first


@njit(cache=True, nogil=True, fastmath=CONTRACT)
@no_type_check
def sum_vertices(rows, hand, posed, sums, still):
    """Sum the frames' J'HJ and J'g; of `coupling` only the blocks of a bone with itself and with later ones.

    `still` gathers gradient and information as the vertices at rest feel them, over the frames.
    """
    gradient, information = rows
    rest, turns, rotations = posed
    coupling, border, own = sums
    spins = np.zeros((N_TURNS, 9, 3))
    for t in range(len(gradient)):
        coupling[t], border[t], own[t] = 0.0, 0.0, 0.0
        if own.shape[1] > 0:
            spin(rotations[t], spins)
        frame = (rest[t if len(rest) > 1 else 0], turns[t], spins)
        sum_frame((gradient[t], information[t]), hand, frame, (coupling[t], border[t], own[t]), still)


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def sum_frame(rows, hand, frame, sums, still):
    """As `sum_vertices`, for one frame: vertices that no row touches cost nothing."""
    gradient, information = rows
    first, rotations, shares, rest_joints, shape_basis, pose_basis = hand
    rest, turns, spins = frame
    coupling, border, own = sums
    n_columns, n_betas = border.shape[1] - 1, shape_basis.shape[2]
    h, blend, arms, slopes = np.empty((3, 3)), np.empty((3, 3)), np.empty((N_BONES, 3)), np.empty((6, 3))
    motion, felt = np.empty((3, n_columns)), np.empty((3, n_columns + 1))
    for v in range(len(gradient)):
        if is_silent(gradient, information, v):
            continue
        h[0, 0], h[0, 1], h[0, 2] = information[v, 0], information[v, 1], information[v, 2]
        h[1, 0], h[1, 1], h[1, 2] = information[v, 1], information[v, 3], information[v, 4]
        h[2, 0], h[2, 1], h[2, 2] = information[v, 2], information[v, 4], information[v, 5]
        reach(v, rest, (first, rotations, shares), turns, rest_joints, blend, arms)
        for i in range(3):
            for s in range(n_betas):
                motion[i, s] = shape_basis[v, i, s]
        if len(own) > 0:
            correct(v, pose_basis, spins, motion, n_betas)
        feel(v, gradient, h, blend, motion, felt, still)
        begin, end = first[v], first[v + 1]
        for k in range(begin, end):
            b, weight = rotations[k], shares[k]
            x, y, z = weight * arms[k - begin, 0], weight * arms[k - begin, 1], weight * arms[k - begin, 2]
            add_to_border((weight, x, y, z), felt, border, 6 * b)
            push((weight, x, y, z), h, slopes)
            for other in range(k, end):
                arm = arms[other - begin, 0], arms[other - begin, 1], arms[other - begin, 2]
                add_to_coupling(shares[other], arm, slopes, coupling, 6 * b, 6 * rotations[other])
        if len(own) > 0:
            add_correctives(blend, motion, n_betas, felt, own)


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def is_silent(gradient, information, v):
    """Whether a vertex has nothing to say (NaN is not nothing)."""
    for i in range(3):
        if gradient[v, i] != 0.0:
            return False
    for i in range(6):
        if information[v, i] != 0.0:
            return False
    return True


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def reach(v, rest, skin, turns, rest_joints, blend, arms):
    """Where a vertex would be from each carrier's joint, were that its only one, and the mean of their turns."""
    first, rotations, shares = skin
    blend[:] = 0.0
    for k in range(first[v], first[v + 1]):
        b, weight, place = rotations[k], shares[k], k - first[v]
        x, y, z = rest[v, 0] - rest_joints[b, 0], rest[v, 1] - rest_joints[b, 1], rest[v, 2] - rest_joints[b, 2]
        for i in range(3):
            arms[place, i] = turns[b, i, 0] * x + turns[b, i, 1] * y + turns[b, i, 2] * z
            for j in range(3):
                blend[i, j] += weight * turns[b, i, j]


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def spin(rotations, spins):
    """Derivative of the 15 rotations' nine numbers by their tangents (15, 9, 3): R [e]x for each axis e."""
    for j in range(N_TURNS):
        for i in range(3):
            a, b, c = rotations[j + 1, i, 0], rotations[j + 1, i, 1], rotations[j + 1, i, 2]
            spins[j, 3 * i, 1], spins[j, 3 * i, 2] = -c, b
            spins[j, 3 * i + 1, 0], spins[j, 3 * i + 1, 2] = c, -a
            spins[j, 3 * i + 2, 0], spins[j, 3 * i + 2, 1] = -b, a


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def correct(v, basis, spins, motion, begin):
    """How a vertex at rest moves with the turns of the 15 rotations, by its pose basis: columns from `begin` on."""
    for i in range(3):
        for j in range(N_TURNS):
            for k in range(3):
                total = 0.0
                for f in range(9):
                    total += basis[v, i, 9 * j + f] * spins[j, f, k]
                motion[i, begin + 3 * j + k] = total


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def feel(v, gradient, h, blend, motion, felt, still):
    """H times the motion at rest turned to the camera, beside the gradient; and both as the vertex at rest feels
    them.
    """
    still_gradient, still_information = still
    n_columns = motion.shape[1]
    for i in range(3):
        p0 = h[i, 0] * blend[0, 0] + h[i, 1] * blend[1, 0] + h[i, 2] * blend[2, 0]
        p1 = h[i, 0] * blend[0, 1] + h[i, 1] * blend[1, 1] + h[i, 2] * blend[2, 1]
        p2 = h[i, 0] * blend[0, 2] + h[i, 1] * blend[1, 2] + h[i, 2] * blend[2, 2]
        for s in range(n_columns):
            felt[i, s] = p0 * motion[0, s] + p1 * motion[1, s] + p2 * motion[2, s]
        felt[i, n_columns] = gradient[v, i]
        for j in range(3):
            still_gradient[v, j] += blend[i, j] * gradient[v, i]
        still_information[v, 0] += blend[i, 0] * p0
        still_information[v, 1] += blend[i, 0] * p1
        still_information[v, 2] += blend[i, 0] * p2
        still_information[v, 3] += blend[i, 1] * p1
        still_information[v, 4] += blend[i, 1] * p2
        still_information[v, 5] += blend[i, 2] * p2


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def add_to_border(lever, felt, border, row):
    """Add what a vertex feels to one carrier's six rows: its arm x felt, then felt, by the carrier's weight."""
    weight, x, y, z = lever
    for s in range(felt.shape[1]):
        border[row, s] += y * felt[2, s] - z * felt[1, s]
    for s in range(felt.shape[1]):
        border[row + 1, s] += z * felt[0, s] - x * felt[2, s]
    for s in range(felt.shape[1]):
        border[row + 2, s] += x * felt[1, s] - y * felt[0, s]
    for i in range(3):
        for s in range(felt.shape[1]):
            border[row + 3 + i, s] += weight * felt[i, s]


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def push(lever, h, slopes):
    """A carrier's six rows times H (6, 3)."""
    weight, x, y, z = lever
    for c in range(3):
        slopes[0, c] = y * h[2, c] - z * h[1, c]
        slopes[1, c] = z * h[0, c] - x * h[2, c]
        slopes[2, c] = x * h[1, c] - y * h[0, c]
        slopes[3, c], slopes[4, c], slopes[5, c] = weight * h[0, c], weight * h[1, c], weight * h[2, c]


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def add_to_coupling(weight, arm, slopes, coupling, row, column):
    """Add one carrier's slopes times another's six columns: arm x slope, then slope, by the other's weight."""
    x, y, z = arm[0], arm[1], arm[2]
    for r in range(6):
        u0, u1, u2 = weight * slopes[r, 0], weight * slopes[r, 1], weight * slopes[r, 2]
        coupling[row + r, column] += y * u2 - z * u1
        coupling[row + r, column + 1] += z * u0 - x * u2
        coupling[row + r, column + 2] += x * u1 - y * u0
        coupling[row + r, column + 3] += u0
        coupling[row + r, column + 4] += u1
        coupling[row + r, column + 5] += u2


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def add_correctives(blend, motion, begin, felt, own):
    """Add the product of the correctives' motion with what the vertex feels (45, columns)."""
    for q in range(len(own)):
        m0, m1, m2 = motion[0, begin + q], motion[1, begin + q], motion[2, begin + q]
        u0 = blend[0, 0] * m0 + blend[0, 1] * m1 + blend[0, 2] * m2  # turned to the camera, where `felt` is
        u1 = blend[1, 0] * m0 + blend[1, 1] * m1 + blend[1, 2] * m2
        u2 = blend[2, 0] * m0 + blend[2, 1] * m1 + blend[2, 2] * m2
        for s in range(felt.shape[1]):
            own[q, s] += u0 * felt[0, s] + u1 * felt[1, s] + u2 * felt[2, s]
