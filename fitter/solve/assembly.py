"""The normal equations in numba: the CPU's hot spot, compared in tests with the torch twin in `normal_equations`.

A point of one finger moves with the palm, its own three joints, the trajectory and the shared unknowns only, so each
group of rows touches about 15 of the 51 columns; the kernel visits those alone. One thread: the work is
microseconds per frame, and waiting at a barrier for a second, busy core costs milliseconds.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from torch import Tensor

from fitter.energy.term import (
    FIRST_ROTATION,
    N_FEATURES,
    DenseRows,
    FrameRows,
    Rows,
    SharedRows,
    TemporalRows,
    robust_weight,
)
from fitter.scene import Scene
from fitter.skeleton import CHAIN_OF_POINT, POINT_OF_ROTATION, POINT_PARENTS, ROTATION_OF_POINT, ROTATION_PARENTS
from fitter.solve.normal_equations import NormalEquations, add_dense, add_shared, trajectory_jacobian

MOST_ANCESTORS = 4  # palm and three joints
FEW_COLUMNS = 8  # up to which loops are faster than a call of BLAS


def ancestors() -> np.ndarray:
    """The rotations that move each point (21, 4), its own first, then -1."""
    table = np.full((21, MOST_ANCESTORS), -1)
    for point in range(21):
        joint, place = int(ROTATION_OF_POINT[point]), 0
        while joint >= 0:
            table[point, place] = joint
            joint, place = int(ROTATION_PARENTS[joint]), place + 1
    return table


ANCESTORS = ancestors()
NEAR_ROTATION = np.array([0, *ROTATION_OF_POINT[POINT_PARENTS[1:]]])
OWN_JOINT = POINT_OF_ROTATION[ROTATION_OF_POINT]


@dataclass(frozen=True)
class _Motion:
    """How the points move: `levers` (frames, 21, 4, 3, 3) with each ancestor's turn, `trajectory`, and `shape`."""

    levers: np.ndarray
    trajectory: np.ndarray
    shape: np.ndarray

    @staticmethod
    def of(scene: Scene) -> "_Motion":
        bone_rotations = plain(scene.posed.bone_rotations)
        joints = plain(scene.posed.joints)
        basis, landmarks = plain(scene.model.joints_shape_basis), plain(scene.landmarks.shape_basis)
        bones = basis - basis[np.maximum(POINT_PARENTS, 0)]
        return _Motion(
            rotation_levers(plain(scene.points), joints[:, POINT_OF_ROTATION], bone_rotations, ANCESTORS),
            plain(trajectory_jacobian(scene)),
            shape_slopes(bone_rotations, bones, landmarks - basis[OWN_JOINT], POINT_PARENTS, NEAR_ROTATION),
        )


@dataclass(frozen=True)
class _Totals:
    """Views of the normal equations' memory, and what each frame adds to the part that all share."""

    diagonal: np.ndarray
    first: np.ndarray
    second: np.ndarray
    border: np.ndarray
    gradient: np.ndarray
    corners: np.ndarray
    shared_gradients: np.ndarray

    @staticmethod
    def of(normal: NormalEquations) -> "_Totals":
        n_frames, _, n_shared = normal.border.shape
        return _Totals(
            normal.diagonal.numpy(),
            normal.first.numpy(),
            normal.second.numpy(),
            normal.border.numpy(),
            normal.gradient.frames.numpy(),
            np.zeros((n_frames, n_shared, n_shared)),
            np.zeros((n_frames, n_shared)),
        )


def assemble(rows: list[tuple[Rows, float | None]], scene: Scene) -> NormalEquations:
    """As `normal_equations.assemble`, on the CPU in float64."""
    state = scene.state
    normal = NormalEquations.zeros(state.trajectory, state.n_frames, state.n_shared)
    totals, motion = _Totals.of(normal), _Motion.of(scene)
    for each, width in rows:
        weight = robust_weight(each.residual.square().sum(-1), width)
        match each:
            case FrameRows():
                _add_frames(totals, each, plain(weight), motion)
            case DenseRows():
                add_dense(normal, each, weight)
            case TemporalRows():
                _add_temporal(totals, each, plain(weight))
            case SharedRows():
                add_shared(normal, each, weight)
    normal.corner.numpy()[:] += totals.corners.sum(axis=0)
    normal.gradient.shared.numpy()[:] += totals.shared_gradients.sum(axis=0)
    return normal


def plain(tensor: Tensor) -> np.ndarray:
    return tensor.contiguous().numpy()


def _add_frames(totals: _Totals, rows: FrameRows, weight: np.ndarray, motion: _Motion) -> None:
    runs = column_runs(rows.features.tobytes(), rows.features.shape)
    no_focal = np.zeros((0, 0, 0))
    accumulate_frames(
        (plain(rows.residual), weight, plain(rows.jacobian), no_focal if rows.focal is None else plain(rows.focal)),
        rows.features,
        (motion.levers, motion.trajectory, motion.shape, ANCESTORS),
        runs,
        (totals.diagonal, totals.border, totals.gradient, totals.corners, totals.shared_gradients),
    )


def _add_temporal(totals: _Totals, rows: TemporalRows, weight: np.ndarray) -> None:
    accumulate_triples(
        (plain(rows.residual), weight, plain(rows.jacobian)),
        rows.features - FIRST_ROTATION,
        (totals.diagonal, totals.first, totals.second, totals.gradient),
    )


@lru_cache(maxsize=64)
def column_runs(features: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of consecutive groups that touch the same finger: columns (runs, 51), how many count, each run's end.

    `features` are the bytes of an integer array (groups, k), which can be looked up in a cache.
    """
    table = np.frombuffer(features, dtype=np.int64).reshape(shape)
    ends = [g for g in range(1, shape[0] + 1) if g == shape[0] or _finger(table[g]) != _finger(table[g - 1])]
    columns = np.zeros((len(ends), 51), dtype=np.int64)
    n_columns = np.zeros(len(ends), dtype=np.int64)
    for run, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        blocks = sorted(set().union(*(_blocks(int(feature)) for feature in table[start:end].ravel())))
        flat = [3 * block + axis for block in blocks for axis in range(3)]
        columns[run, : len(flat)], n_columns[run] = flat, len(flat)
    return columns, n_columns, np.array(ends)


def _finger(features: np.ndarray) -> int:
    """The finger whose points a group touches; groups of rotations alone are each their own."""
    points = features[features < FIRST_ROTATION]
    return int(CHAIN_OF_POINT[points].max()) if len(points) else 100 + int(features[0])


def _blocks(feature: int) -> set[int]:
    """The 3-vectors of a frame's unknowns that move a feature."""
    if feature >= FIRST_ROTATION:
        return {feature - FIRST_ROTATION}
    return {int(joint) for joint in ANCESTORS[feature] if joint >= 0} | {N_FEATURES - 1 - FIRST_ROTATION}


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
def accumulate_frames(rows, features, motion, runs, totals):
    """Add weighted J'J and J'r of one term's frame rows; shapes as in FrameRows.

    The rows of one finger are gathered over the columns it touches and the shared ones after them, multiplied out there
    by BLAS, and scattered once. Corners and their gradients are kept by frame.
    """
    residual, weight, jacobian, focal = rows
    columns, n_columns, ends = runs
    diagonal, border, gradient, corners, shared_gradients = totals
    n_frames, n_groups, n_components = residual.shape
    n_shared = border.shape[2]
    own = np.zeros(51)
    widest = (51 + n_shared) * n_groups * n_components
    plain_memory, weighted_memory = np.zeros(widest), np.zeros(widest)
    for t in range(n_frames):
        g = 0
        for run in range(len(ends)):
            m = n_columns[run]
            n = m + n_shared if focal.shape[0] > 0 or features[g].min() < 21 else m
            n_rows = (ends[run] - g) * n_components
            rows_of_run = plain_memory[: n_rows * n].reshape(n_rows, n)
            weighted = weighted_memory[: n_rows * n].reshape(n_rows, n)
            rows_of_run[:] = 0.0
            at = 0
            while g < ends[run]:
                w = weight[t, g]
                for d in range(n_components):
                    row = rows_of_run[at]
                    own[:] = 0.0
                    chain_row(jacobian[t, g, d], features[g], t, motion, own, row[m:])
                    if focal.shape[0] > 0:
                        row[n - 1] = focal[t, g, d]
                    r = w * residual[t, g, d]
                    for i in range(m):
                        row[i] = own[columns[run, i]]
                        gradient[t, columns[run, i]] += r * row[i]
                    for s in range(n - m):
                        shared_gradients[t, s] += r * row[m + s]
                    for i in range(n):
                        weighted[at, i] = w * row[i]
                    at += 1
                g += 1
            local = np.dot(weighted.T, rows_of_run) if n > FEW_COLUMNS else small_product(weighted, rows_of_run)
            for i in range(m):
                u = columns[run, i]
                for j in range(m):
                    diagonal[t, u, columns[run, j]] += local[i, j]
                for s in range(n - m):
                    border[t, u, s] += local[i, m + s]
            for s in range(n - m):
                for q in range(n - m):
                    corners[t, s, q] += local[m + s, m + q]


@numba.njit(cache=True, fastmath=True)
def small_product(left, right):
    """left' right, where calling BLAS costs more than the product."""
    product = np.zeros((left.shape[1], right.shape[1]))
    for row in range(len(left)):
        for i in range(left.shape[1]):
            for j in range(right.shape[1]):
                product[i, j] += left[row, i] * right[row, j]
    return product


@numba.njit(cache=True, fastmath=True)
def chain_row(jacobian, features, t, motion, own, shared):
    """One row's derivative by feature (k, 3) -> by the frame's `own` unknowns (51) and the `shared` ones (or none)."""
    levers, trajectory, shape, ancestors = motion
    for k in range(len(features)):
        f = features[k]
        j0, j1, j2 = jacobian[k, 0], jacobian[k, 1], jacobian[k, 2]
        if f >= 21:
            own[3 * (f - 21)] += j0
            own[3 * (f - 21) + 1] += j1
            own[3 * (f - 21) + 2] += j2
            continue
        for a in range(4):
            joint = ancestors[f, a]
            if joint >= 0:
                lever = levers[t, f, a]
                for c in range(3):
                    own[3 * joint + c] += j0 * lever[0, c] + j1 * lever[1, c] + j2 * lever[2, c]
        for c in range(3):
            own[48 + c] += j0 * trajectory[t, 0, c] + j1 * trajectory[t, 1, c] + j2 * trajectory[t, 2, c]
        slopes = shape[t, f]
        for s in range(slopes.shape[1]):
            shared[s] += j0 * slopes[0, s] + j1 * slopes[1, s] + j2 * slopes[2, s]


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
