"""The normal equations of frame rows in numba: the CPU's hot spot, compared in tests with the torch twin.

A point of one finger moves with the palm, its own three joints, the trajectory and the shared unknowns only, so each
group of rows touches about 15 of the 51 columns; the kernel visits those alone. Frames run in parallel.
"""

import numba
import numpy as np

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
from fitter.skeleton import POINT_OF_ROTATION, ROTATION_OF_POINT, ROTATION_PARENTS
from fitter.solve.normal_equations import (
    NormalEquations,
    add_dense,
    add_shared,
    add_temporal,
    shape_jacobian,
    trajectory_jacobian,
)

MOST_ANCESTORS = 4  # palm and three joints


def _ancestors() -> np.ndarray:
    table = np.full((21, MOST_ANCESTORS), -1)
    for point in range(21):
        joint, place = int(ROTATION_OF_POINT[point]), 0
        while joint >= 0:
            table[point, place] = joint
            joint, place = int(ROTATION_PARENTS[joint]), place + 1
    return table


ANCESTORS = _ancestors()


def assemble(rows: list[tuple[Rows, float | None]], scene: Scene) -> NormalEquations:
    """As `normal_equations.assemble`, on the CPU in float64."""
    state = scene.state
    total = NormalEquations.zeros(state.trajectory, state.n_frames, state.n_shared)
    levers = rotation_levers(
        scene.points.numpy(),
        scene.posed.joints.numpy()[:, POINT_OF_ROTATION],
        scene.posed.bone_rotations.numpy(),
        ANCESTORS,
    )
    trajectory = trajectory_jacobian(scene).numpy()
    shape = shape_jacobian(scene).contiguous().numpy()
    corners = np.zeros((state.n_frames, state.n_shared, state.n_shared))
    shared_gradients = np.zeros((state.n_frames, state.n_shared))
    for each, width in rows:
        weight = robust_weight(each.residual.square().sum(-1), width)
        match each:
            case FrameRows():
                columns, n_columns = touched_columns(each.features)
                accumulate(
                    each.residual.contiguous().numpy(),
                    weight.contiguous().numpy(),
                    each.jacobian.contiguous().numpy(),
                    each.residual.new_zeros(0, 0, 0).numpy() if each.focal is None else each.focal.contiguous().numpy(),
                    each.features,
                    (levers, trajectory, shape, ANCESTORS),
                    (columns, n_columns),
                    (
                        total.diagonal.numpy(),
                        total.border.numpy(),
                        total.gradient.frames.numpy(),
                        corners,
                        shared_gradients,
                    ),
                )
            case DenseRows():
                add_dense(total, each, weight)
            case TemporalRows():
                add_temporal(total, each, weight)
            case SharedRows():
                add_shared(total, each, weight)
    total.corner.numpy()[:] += corners.sum(axis=0)
    total.gradient.shared.numpy()[:] += shared_gradients.sum(axis=0)
    return total


def touched_columns(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame unknowns that each group of rows can touch: columns (groups, 51) and how many of them count."""
    columns = np.zeros((len(features), 51), dtype=np.int64)
    n_columns = np.zeros(len(features), dtype=np.int64)
    for group, touched in enumerate(features):
        blocks: set[int] = set()
        for feature in touched:
            if feature < FIRST_ROTATION:
                blocks.update(int(joint) for joint in ANCESTORS[feature] if joint >= 0)
                blocks.add(N_FEATURES - 1 - FIRST_ROTATION)
            else:
                blocks.add(int(feature) - FIRST_ROTATION)
        flat = [3 * block + axis for block in sorted(blocks) for axis in range(3)]
        columns[group, : len(flat)], n_columns[group] = flat, len(flat)
    return columns, n_columns


@numba.njit(cache=True, parallel=True)
def rotation_levers(points, centres, bone_rotations, ancestors):
    """Derivative of each point by each of its rotations' tangents (frames, 21, 4, 3, 3): -[p - c]x R."""
    n_frames = len(points)
    levers = np.zeros((n_frames, 21, 4, 3, 3))
    for t in numba.prange(n_frames):
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


@numba.njit(cache=True, parallel=True)
def accumulate(residual, weight, jacobian, focal, features, scene, touched, totals):
    """Add weighted J'J and J'r of one term's frame rows.

    Shapes as in FrameRows; corners and their gradients by frame.
    """
    levers, trajectory, shape, ancestors = scene
    columns, n_columns = touched
    diagonal, border, gradient, corners, shared_gradients = totals
    n_frames, n_groups, n_components = residual.shape
    n_features = features.shape[1]
    n_shared = border.shape[2]
    has_focal = focal.shape[0] > 0
    for t in numba.prange(n_frames):
        own = np.zeros(51)
        shared = np.zeros(n_shared)
        for g in range(n_groups):
            w = weight[t, g]
            if w == 0.0:
                continue
            touches_shared = has_focal or features[g].min() < 21
            for d in range(n_components):
                own[:] = 0.0
                shared[:] = 0.0
                for k in range(n_features):
                    f = features[g, k]
                    j0 = jacobian[t, g, d, k, 0]
                    j1 = jacobian[t, g, d, k, 1]
                    j2 = jacobian[t, g, d, k, 2]
                    if f >= 21:
                        own[3 * (f - 21)] += j0
                        own[3 * (f - 21) + 1] += j1
                        own[3 * (f - 21) + 2] += j2
                        continue
                    for a in range(4):
                        joint = ancestors[f, a]
                        if joint >= 0:
                            for c in range(3):
                                own[3 * joint + c] += (
                                    j0 * levers[t, f, a, 0, c] + j1 * levers[t, f, a, 1, c] + j2 * levers[t, f, a, 2, c]
                                )
                    for c in range(3):
                        own[48 + c] += j0 * trajectory[t, 0, c] + j1 * trajectory[t, 1, c] + j2 * trajectory[t, 2, c]
                    for s in range(n_shared - 1):
                        shared[s] += j0 * shape[t, f, 0, s] + j1 * shape[t, f, 1, s] + j2 * shape[t, f, 2, s]
                if has_focal:
                    shared[n_shared - 1] = focal[t, g, d]
                r = w * residual[t, g, d]
                for i in range(n_columns[g]):
                    u = columns[g, i]
                    value = w * own[u]
                    gradient[t, u] += r * own[u]
                    for j in range(n_columns[g]):
                        diagonal[t, u, columns[g, j]] += value * own[columns[g, j]]
                    if touches_shared:
                        for s in range(n_shared):
                            border[t, u, s] += value * shared[s]
                if not touches_shared:
                    continue
                for s in range(n_shared):
                    value = w * shared[s]
                    shared_gradients[t, s] += r * shared[s]
                    for q in range(n_shared):
                        corners[t, s, q] += value * shared[q]
