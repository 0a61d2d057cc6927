"""The numba kernels of `self_collision`: which capsules touch, and how that changes with the frame's unknowns."""

import numpy as np
from numba import njit

from fitter.hand.capsules import N_CAPSULES, ROTATIONS
from fitter.skeleton import NEAR_ROTATION, POINT_OF_ROTATION, POINT_PARENTS, ROTATION_PARENTS
from fitter.state import FRAME_UNKNOWNS

CENTRES = POINT_OF_ROTATION[ROTATIONS]
# Axes nearer than this count as this far apart: where they cross there is no direction.
SHORTEST_M = 1e-6
# Squared sine below which two axes are parallel, and any pair of opposite places is nearest.
PARALLEL = 1e-9


@njit(cache=True, nogil=True)
def touching_rows(posed, ends, radii, pairs, limits):
    """Rows of the pairs that touch: residual (frames, most), by the frame (.., 51), by the betas (.., betas).

    posed   joints (frames, 21, 3), bone_rotations (frames, 16, 3, 3)
    ends    offsets of the capsules' ends from their joints at rest (19, 2, 3), their slopes and those of all joints by
            the betas (19, 2, 3, betas), (21, 3, betas)
    radii   (19,) and their slopes (19, betas)
    limits  softness and sigma, metres

    Whole-hand motion changes no distance, so the palm's rotation and the trajectory have no derivative.
    """
    joints, turns = posed
    softness, sigma = limits
    n_frames, n_betas = len(joints), radii[1].shape[1]
    found, count, places = _touching(posed, ends[0], radii[0], pairs, softness)
    most = 0
    for t in range(n_frames):
        most = max(most, count[t])
    residual = np.zeros((n_frames, most))
    frames, betas = np.zeros((n_frames, most, FRAME_UNKNOWNS)), np.zeros((n_frames, most, n_betas))
    for t in range(n_frames):
        for k in range(count[t]):
            pair = pairs[found[t, k]]
            points = np.zeros((2, 3))
            for side in range(2):
                _place(joints[t], turns[t], ends[0], pair[side], places[t, k, side], points[side])
            way = points[0] - points[1]
            apart = max(np.sqrt(way[0] ** 2 + way[1] ** 2 + way[2] ** 2), SHORTEST_M)
            way /= apart
            residual[t, k] = (radii[0][pair[0]] + radii[0][pair[1]] - apart - softness) / sigma
            for side in range(2):
                # The residual falls as the first's point moves along the way, and rises as the second's does.
                push = way * ((2 * side - 1) / sigma)
                _turn(joints[t], turns[t], pair[side], points[side], push, frames[t, k])
                _grow(turns[t], ends, pair[side], places[t, k, side], push, betas[t, k])
                for b in range(n_betas):
                    betas[t, k, b] += radii[1][pair[side], b] / sigma
    return residual, frames, betas


@njit(cache=True, nogil=True)
def residuals(posed, offsets, radii, pairs, limits):
    """Residual (frames, pairs) of every pair; the arguments are those of `touching_rows`."""
    softness, sigma = limits
    joints, turns = posed
    out = np.zeros((len(joints), len(pairs)))
    ends = np.zeros((N_CAPSULES, 2, 3))
    for t in range(len(joints)):
        for c in range(N_CAPSULES):
            for e in range(2):
                _place(joints[t], turns[t], offsets, c, float(e), ends[c, e])
        for p in range(len(pairs)):
            i, j = pairs[p]
            apart = max(np.sqrt(_nearest(ends[i], ends[j])[2]), SHORTEST_M)
            out[t, p] = max(radii[i] + radii[j] - apart - softness, 0.0) / sigma
    return out


@njit(cache=True, nogil=True)
def _touching(posed, offsets, radii, pairs, softness):
    """Which pairs touch (frames, pairs), how many (frames,), and where on their axes (frames, pairs, 2)."""
    joints, turns = posed
    n_frames, n_pairs = len(joints), len(pairs)
    found = np.zeros((n_frames, n_pairs), dtype=np.int64)
    count = np.zeros(n_frames, dtype=np.int64)
    places = np.zeros((n_frames, n_pairs, 2))
    ends = np.zeros((N_CAPSULES, 2, 3))
    for t in range(n_frames):
        for c in range(N_CAPSULES):
            for e in range(2):
                _place(joints[t], turns[t], offsets, c, float(e), ends[c, e])
        for p in range(n_pairs):
            i, j = pairs[p]
            s, u, squared = _nearest(ends[i], ends[j])
            if np.sqrt(squared) < radii[i] + radii[j] - softness:
                k = count[t]
                found[t, k], places[t, k, 0], places[t, k, 1] = p, s, u
                count[t] += 1
    return found, count, places


@njit(cache=True, nogil=True, inline="always")
def _place(joints, turns, offsets, capsule, share, out):
    """The point at a share of a capsule's axis."""
    turn, centre = turns[ROTATIONS[capsule]], joints[CENTRES[capsule]]
    for i in range(3):
        out[i] = centre[i]
        for j in range(3):
            out[i] += turn[i, j] * ((1.0 - share) * offsets[capsule, 0, j] + share * offsets[capsule, 1, j])


@njit(cache=True, nogil=True)
def _turn(joints, turns, capsule, point, push, row):
    """Add how `push` . point changes with the finger's rotations: R' (arm x push), arm being point - joint."""
    rotation = ROTATIONS[capsule]
    while rotation > 0:
        centre = joints[POINT_OF_ROTATION[rotation]]
        x, y, z = point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]
        moment = (y * push[2] - z * push[1], z * push[0] - x * push[2], x * push[1] - y * push[0])
        for i in range(3):
            for j in range(3):
                row[3 * rotation + i] += turns[rotation, j, i] * moment[j]
        rotation = ROTATION_PARENTS[rotation]


@njit(cache=True, nogil=True)
def _grow(turns, ends, capsule, share, push, row):
    """Add how `push` . point changes with the betas: the bones up to the capsule's joint, then its own offset."""
    _, slopes, joint_slopes = ends
    n_betas = len(row)
    own = push @ turns[ROTATIONS[capsule]]
    for i in range(3):
        for b in range(n_betas):
            row[b] += own[i] * ((1.0 - share) * slopes[capsule, 0, i, b] + share * slopes[capsule, 1, i, b])
    point = CENTRES[capsule]
    while point > 0:
        parent = POINT_PARENTS[point]
        along = push @ turns[NEAR_ROTATION[point]]
        for i in range(3):
            for b in range(n_betas):
                row[b] += along[i] * (joint_slopes[point, i, b] - joint_slopes[parent, i, b])
        point = parent


@njit(cache=True, nogil=True)
def _nearest(first, second):
    """Shares of two segments at which they are nearest, and the squared distance there; as `self_collision.nearest`."""
    aa = bb = ab = ac = bc = 0.0
    for i in range(3):
        a, b, between = first[1, i] - first[0, i], second[1, i] - second[0, i], first[0, i] - second[0, i]
        aa, bb, ab = aa + a * a, bb + b * b, ab + a * b
        ac, bc = ac + a * between, bc + b * between
    spread = aa * bb - ab * ab
    s = 0.5 if spread <= PARALLEL * aa * bb else min(max((ab * bc - ac * bb) / spread, 0.0), 1.0)
    free = (ab * s + bc) / bb
    t = min(max(free, 0.0), 1.0)
    if free != t:
        s = min(max((ab * t - ac) / aa, 0.0), 1.0)
    squared = 0.0
    for i in range(3):
        way = first[0, i] + s * (first[1, i] - first[0, i]) - second[0, i] - t * (second[1, i] - second[0, i])
        squared += way * way
    return s, t, squared
