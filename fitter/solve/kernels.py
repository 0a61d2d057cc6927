"""The numba kernels of the assembly: arrays in, arrays out, a loop over the frames each. `assembly` tells the idea."""

import numba
import numpy as np

# Where a finger's sums keep what rows touch: its points, wrist first, then the palm's rotation and the focal length.
PALM_PLACE = 15
FOCAL_PLACE = 18
PLACES = 19


@numba.njit(cache=True)
def rotation_levers(points, centres, bone_rotations, ancestors):
    """Derivative of each point by each of its rotations' tangents (frames, 21, 4, 3, 3): -[p - c]x R."""
    n_frames = len(points)
    levers = np.zeros((n_frames, 21, 4, 3, 3))
    for t in range(n_frames):
        for p in range(21):
            for a in range(4):
                joint = ancestors[p, a]
                if joint < 0:
                    continue
                x = points[t, p, 0] - centres[t, joint, 0]
                y = points[t, p, 1] - centres[t, joint, 1]
                z = points[t, p, 2] - centres[t, joint, 2]
                for c in range(3):
                    r0 = bone_rotations[t, joint, 0, c]
                    r1 = bone_rotations[t, joint, 1, c]
                    r2 = bone_rotations[t, joint, 2, c]
                    levers[t, p, a, 0, c] = z * r1 - y * r2
                    levers[t, p, a, 1, c] = x * r2 - z * r0
                    levers[t, p, a, 2, c] = y * r0 - x * r1
    return levers


@numba.njit(cache=True)
def shape_slopes(bone_rotations, bones, offsets, parents, near_rotation):
    """Derivative of each landmark by the betas (frames, 21, 3, betas).

    A joint moves with its parent and its own bone, turned by the rotation at the bone's near end; a landmark keeps its
    `offsets` (21, 3, betas) from its own joint, turned by that joint's rotation.
    """
    n_frames, n_betas = len(bone_rotations), bones.shape[2]
    slopes = np.zeros((n_frames, 21, 3, n_betas))
    for t in range(n_frames):
        joints = np.zeros((21, 3, n_betas))
        for p in range(1, 21):
            turn = bone_rotations[t, near_rotation[p]]
            for i in range(3):
                for s in range(n_betas):
                    joints[p, i, s] = (
                        joints[parents[p], i, s]
                        + turn[i, 0] * bones[p, 0, s]
                        + turn[i, 1] * bones[p, 1, s]
                        + turn[i, 2] * bones[p, 2, s]
                    )
        for p in range(21):
            # A tip has no joint of its own: it is placed from the last joint, one point before it.
            tip = p > 0 and p % 4 == 0
            turn = bone_rotations[t, near_rotation[p] if tip or p == 0 else near_rotation[p + 1]]
            own = p - 1 if tip else p
            for i in range(3):
                for s in range(n_betas):
                    slopes[t, p, i, s] = (
                        joints[own, i, s]
                        + turn[i, 0] * offsets[p, 0, s]
                        + turn[i, 1] * offsets[p, 1, s]
                        + turn[i, 2] * offsets[p, 2, s]
                    )
    return slopes


@numba.njit(cache=True, fastmath=True)
def accumulate_fingers(rows, places, totals):
    """Add one term's weighted rows to the fingers' sums (frames, 5, 19, 19) and slopes (frames, 5, 19)."""
    residual, weight, jacobian, focal = rows
    fingers, place = places
    sums, slopes = totals
    n_frames, n_groups, n_components = residual.shape
    n_features = place.shape[1]
    n = 3 * n_features + (1 if focal.shape[0] > 0 else 0)
    where_of = np.full((n_groups, n), FOCAL_PLACE)
    row = np.zeros(n)
    for g in range(n_groups):
        for k in range(n_features):
            for c in range(3):
                where_of[g, 3 * k + c] = place[g, k] + c
    for t in range(n_frames):
        for g in range(n_groups):
            w = weight[t, g]
            if w == 0.0:
                continue
            total, slope, where = sums[t, fingers[g]], slopes[t, fingers[g]], where_of[g]
            for d in range(n_components):
                for k in range(n_features):
                    for c in range(3):
                        row[3 * k + c] = jacobian[t, g, d, k, c]
                if focal.shape[0] > 0:
                    row[n - 1] = focal[t, g, d]
                r = w * residual[t, g, d]
                for i in range(n):
                    slope[where[i]] += r * row[i]
                    value = w * row[i]
                    for j in range(n):
                        total[where[i], where[j]] += value * row[j]


@numba.njit(cache=True, fastmath=True)
def accumulate_rotations(rows, rotations, totals):
    """Add weighted J'J and J'r of rows that touch rotations (groups, k) alone."""
    residual, weight, jacobian = rows
    diagonal, gradient = totals
    n_frames, n_groups, n_components = residual.shape
    n_features = rotations.shape[1]
    for t in range(n_frames):
        for g in range(n_groups):
            w = weight[t, g]
            for d in range(n_components):
                for k in range(n_features):
                    for c in range(3):
                        value = w * jacobian[t, g, d, k, c]
                        if value == 0.0:
                            continue
                        column = 3 * rotations[g, k] + c
                        gradient[t, column] += value * residual[t, g, d]
                        for other in range(n_features):
                            for e in range(3):
                                product = value * jacobian[t, g, d, other, e]
                                diagonal[t, column, 3 * rotations[g, other] + e] += product


@numba.njit(cache=True)
def chain_fingers(sums, motion, tables, totals):
    """Chain every finger's sums to the unknowns: the palm's turn, its three joints', the trajectory, and the shared
    ones.
    """
    fingers, finger_slopes = sums
    levers, trajectory, shape = motion
    points_of_finger, ancestors = tables
    diagonal, border, gradient, corners, shared_gradients = totals
    n_frames, _, n_shared = border.shape
    n = 15 + n_shared
    columns = np.zeros(15, dtype=np.int64)
    slopes = np.zeros((PLACES, n))
    for t in range(n_frames):
        for finger in range(5):
            slopes[:] = 0.0
            for i in range(5):
                p = points_of_finger[finger, i]
                for a in range(4):
                    joint = ancestors[p, a]
                    at = 0 if joint <= 0 else 3 + 3 * (joint - 1 - 3 * finger)
                    if joint >= 0:
                        slopes[3 * i : 3 * i + 3, at : at + 3] = levers[t, p, a]
                slopes[3 * i : 3 * i + 3, 12:15] = trajectory[t]
                slopes[3 * i : 3 * i + 3, 15 : n - 1] = shape[t, p]
            for c in range(3):
                slopes[PALM_PLACE + c, c] = 1.0
                columns[c], columns[12 + c] = c, 48 + c
            for c in range(9):
                columns[3 + c] = 3 + 9 * finger + c
            slopes[FOCAL_PLACE, n - 1] = 1.0
            local = np.dot(slopes.T, np.dot(fingers[t, finger], slopes))
            local_slope = np.dot(slopes.T, finger_slopes[t, finger])
            for i in range(15):
                u = columns[i]
                gradient[t, u] += local_slope[i]
                for j in range(15):
                    diagonal[t, u, columns[j]] += local[i, j]
                for s in range(n_shared):
                    border[t, u, s] += local[i, 15 + s]
            for s in range(n_shared):
                shared_gradients[t, s] += local_slope[15 + s]
                for q in range(n_shared):
                    corners[t, s, q] += local[15 + s, 15 + q]


@numba.njit(cache=True)
def accumulate_triples(rows, coupled, totals):
    """Add weighted J'J and J'r of one term's temporal rows: every frame gathers from the three triples it is part
    of.
    """
    residual, weight, jacobian = rows
    diagonal, first, second, gradient = totals
    n_triples, n_groups = weight.shape
    for t in range(len(diagonal)):
        for lag in range(3):
            triple = t - lag
            if triple < 0 or triple >= n_triples:
                continue
            for g in range(n_groups):
                w = weight[triple, g]
                block = coupled[g]
                for i in range(3):
                    for d in range(3):
                        slope = w * jacobian[triple, g, d, lag, i]
                        gradient[t, 3 * block + i] += slope * residual[triple, g, d]
                        for j in range(3):
                            diagonal[t, 3 * block + i, 3 * block + j] += slope * jacobian[triple, g, d, lag, j]
                            if lag < 2:
                                first[t, block, i, j] += slope * jacobian[triple, g, d, lag + 1, j]
                            if lag == 0:
                                second[t, block, i, j] += slope * jacobian[triple, g, d, 2, j]
