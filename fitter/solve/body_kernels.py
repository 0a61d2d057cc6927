"""The numba kernels of `surface` that chain sums over the bones to the unknowns of a frame and of the clip.

`surface_kernels` says what the sums hold. No kernel here calls one there: numba would not notice when that one changes.
"""

from typing import no_type_check

import numpy as np
from numba import njit

CONTRACT = {"contract"}  # fused multiply-add, but nothing that would lose a NaN on its way
N_BONES = 16


@njit(cache=True, nogil=True, fastmath=CONTRACT)
@no_type_check
def chain_bones(sums, posed, tree, totals, shared):
    """Chain the frames' sums, which are used up, to their totals and to the betas' own corner and gradient."""
    turns, joints, trajectory = posed
    joints_basis, parents = tree
    for t in range(len(turns)):
        coupling, border, own = sums[0][t], sums[1][t], sums[2][t]
        mirror(coupling)
        follow_shape((coupling, border, own), shape_of_joints(turns[t], joints_basis, parents), shared)
        hang_on_parents(coupling, border, joints[t], parents)
        frame_totals = totals[0][t], totals[1][t], totals[2][t]
        collect(coupling, border, turns[t], trajectory[t], frame_totals)
        if len(own) > 0:
            collect_correctives(border, own, turns[t], trajectory[t], frame_totals)


@njit(cache=True)
@no_type_check
def mirror(coupling):
    """The lower blocks from the upper ones."""
    for i in range(len(coupling)):
        for j in range(i):
            coupling[i, j] = coupling[j, i]


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def shape_of_joints(turns, basis, parents):
    """How the betas shift the bones (16, 3, betas): the joint's own motion less the turned one of its place at rest."""
    n_betas = basis.shape[2]
    joints, shifts = np.zeros((N_BONES, 3, n_betas)), np.empty((N_BONES, 3, n_betas))
    for b in range(N_BONES):
        p = parents[b]
        for i in range(3):
            if b > 0:
                r0, r1, r2 = turns[p, i, 0], turns[p, i, 1], turns[p, i, 2]
                for s in range(n_betas):
                    bone = r0 * (basis[b, 0, s] - basis[p, 0, s]) + r1 * (basis[b, 1, s] - basis[p, 1, s])
                    joints[b, i, s] = joints[p, i, s] + bone + r2 * (basis[b, 2, s] - basis[p, 2, s])
            r0, r1, r2 = turns[b, i, 0], turns[b, i, 1], turns[b, i, 2]
            for s in range(n_betas):
                shifts[b, i, s] = joints[b, i, s] - (r0 * basis[b, 0, s] + r1 * basis[b, 1, s] + r2 * basis[b, 2, s])
    return shifts


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def follow_shape(sums, shifts, still):
    """Let the betas shift the bones (16, 3, betas): in the border, in the sums over frames, against the correctives."""
    coupling, border, own = sums
    corner, shared_gradient = still
    n_betas, last = shifts.shape[2], border.shape[1] - 1
    for b in range(N_BONES):
        for i in range(3):
            row = 6 * b + 3 + i
            for s in range(n_betas):
                shared_gradient[s] += shifts[b, i, s] * border[row, last]
            for q in range(last):
                value = border[row, q]
                for s in range(n_betas):
                    if q < n_betas:
                        corner[q, s] += value * shifts[b, i, s]
                    else:
                        own[q - n_betas, s] += value * shifts[b, i, s]
    for r in range(len(coupling)):
        for b in range(N_BONES):
            for i in range(3):
                value = coupling[r, 6 * b + 3 + i]
                for s in range(n_betas):
                    border[r, s] += value * shifts[b, i, s]
    for b in range(N_BONES):
        for i in range(3):
            for s in range(n_betas):
                value = shifts[b, i, s]
                for q in range(n_betas):
                    corner[s, q] += value * border[6 * b + 3 + i, q]


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def hang_on_parents(coupling, border, joints, parents):
    """From the last bones in, add each to its parent, which carries it: composite bodies (Featherstone 2008, ch. 6).

    A parent's turn w turns the bone as much and shifts its joint by w x (joint - parent's joint).
    """
    columns = coupling.T
    for b in range(N_BONES - 1, 0, -1):
        p = parents[b]
        arm = joints[b, 0] - joints[p, 0], joints[b, 1] - joints[p, 1], joints[b, 2] - joints[p, 2]
        add_body(coupling[6 * b : 6 * b + 6], coupling[6 * p : 6 * p + 6], arm)
        add_body(columns[6 * b : 6 * b + 6], columns[6 * p : 6 * p + 6], arm)
        add_body(border[6 * b : 6 * b + 6], border[6 * p : 6 * p + 6], arm)


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def add_body(bone, parent, arm):
    x, y, z = arm
    for s in range(bone.shape[1]):
        u0, u1, u2 = bone[3, s], bone[4, s], bone[5, s]
        parent[0, s] += bone[0, s] + y * u2 - z * u1
        parent[1, s] += bone[1, s] + z * u0 - x * u2
        parent[2, s] += bone[2, s] + x * u1 - y * u0
        parent[3, s] += u0
        parent[4, s] += u1
        parent[5, s] += u2


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def collect(coupling, border, turns, trajectory, totals):
    """From composite bodies to a frame's unknowns: turns in the bones' own axes, and the wrist's trajectory."""
    diagonal, shared, gradient = totals
    n_betas, last = shared.shape[1] - 1, border.shape[1] - 1
    half = np.empty((3, 3))
    for j in range(N_BONES + 1):
        left, row = (turns[j], 6 * j) if j < N_BONES else (trajectory, 3)
        for a in range(3):
            l0, l1, l2 = left[0, a], left[1, a], left[2, a]
            gradient[3 * j + a] += l0 * border[row, last] + l1 * border[row + 1, last] + l2 * border[row + 2, last]
            for s in range(n_betas):
                shared[3 * j + a, s] += l0 * border[row, s] + l1 * border[row + 1, s] + l2 * border[row + 2, s]
        for k in range(j, N_BONES + 1):
            right, column = (turns[k], 6 * k) if k < N_BONES else (trajectory, 3)
            for i in range(3):
                for c in range(3):
                    half[i, c] = 0.0
                    for e in range(3):
                        half[i, c] += coupling[row + i, column + e] * right[e, c]
            for a in range(3):
                for c in range(3):
                    value = left[0, a] * half[0, c] + left[1, a] * half[1, c] + left[2, a] * half[2, c]
                    diagonal[3 * j + a, 3 * k + c] += value
                    if k > j:
                        diagonal[3 * k + c, 3 * j + a] += value


@njit(cache=True, fastmath=CONTRACT)
@no_type_check
def collect_correctives(border, own, turns, trajectory, totals):
    """Add what the pose's correctives do to its unknowns, 3..47 of a frame, alone and beside the bones' turns."""
    diagonal, shared, gradient = totals
    n_correctives, n_betas = len(own), shared.shape[1] - 1
    for j in range(N_BONES + 1):
        left, row = (turns[j], 6 * j) if j < N_BONES else (trajectory, 3)
        for a in range(3):
            for q in range(n_correctives):
                s = n_betas + q
                value = left[0, a] * border[row, s] + left[1, a] * border[row + 1, s] + left[2, a] * border[row + 2, s]
                diagonal[3 * j + a, 3 + q] += value
                diagonal[3 + q, 3 * j + a] += value
    for q in range(n_correctives):
        gradient[3 + q] += own[q, n_betas + n_correctives]
        for s in range(n_betas):
            shared[3 + q, s] += own[q, s]
        for s in range(n_correctives):
            diagonal[3 + q, 3 + s] += own[q, n_betas + s]
