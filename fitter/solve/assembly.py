"""The normal equations in numba: the CPU's hot spot, compared in tests with the torch twin in `normal_equations`.

A point of one finger moves with the palm, its own three joints, the trajectory and the shared unknowns only. So rows
are first summed over what they touch: the finger's five points (the wrist among them), the palm's rotation and the
focal length, 19 numbers; once per frame and finger, these are chained to the 15 columns of the frame and the shared
ones. One thread: the work is microseconds per frame, and waiting at a barrier for a second, busy core costs
milliseconds.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch import Tensor

from fitter.energy.term import (
    FIRST_ROTATION,
    DenseRows,
    FrameRows,
    Rows,
    SharedRows,
    SurfaceRows,
    TemporalRows,
    robust_weight,
)
from fitter.scene import Scene
from fitter.skeleton import (
    CHAIN_OF_POINT,
    NEAR_ROTATION,
    POINT_OF_ROTATION,
    POINT_PARENTS,
    ROTATION_OF_POINT,
    ROTATION_PARENTS,
)
from fitter.solve.kernels import (
    PALM_PLACE,
    PLACES,
    accumulate_fingers,
    accumulate_rotations,
    accumulate_triples,
    chain_fingers,
    rotation_levers,
    shape_slopes,
)
from fitter.solve.normal_equations import (
    NormalEquations,
    add_dense,
    add_shared,
    dense_of_features,
    feature_jacobian,
    trajectory_jacobian,
)
from fitter.solve.surface import add_surface

MOST_ANCESTORS = 4  # palm and three joints
# From so many rotations a group on, a product of matrices is faster than the kernel that looks for zeros.
MANY_ROTATIONS = 6
# Frames whose products stay in a core's own cache.
BLOCK = 16


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
# Wrist and the four points of each chain of rotations (5, 5).
POINTS_OF_FINGER = np.array([[0, *np.flatnonzero(CHAIN_OF_POINT == chain)] for chain in range(5)])
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
    fingers: np.ndarray
    finger_slopes: np.ndarray

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
            np.zeros((n_frames, 5, PLACES, PLACES)),
            np.zeros((n_frames, 5, PLACES)),
        )


def assemble(rows: list[tuple[Rows, float | None]], scene: Scene) -> NormalEquations:
    """As `normal_equations.assemble`, on the CPU in float64."""
    state = scene.state
    normal = NormalEquations.zeros(state.trajectory, state.n_frames, state.n_shared)
    totals, motion = _Totals.of(normal), _Motion.of(scene)
    for each, width in rows:
        if isinstance(each, SurfaceRows):
            continue
        weight = robust_weight(each.residual.square().sum(-1), width)
        match each:
            case FrameRows():
                if not _add_frames(totals, each, plain(weight)):
                    add_dense(normal, dense_of_features(each, feature_jacobian(scene)), weight)
            case DenseRows() if each.residual.numel() > 0:
                add_dense(normal, each, weight)
            case TemporalRows():
                _add_temporal(totals, each, plain(weight))
            case SharedRows():
                add_shared(normal, each, weight)
    chain_fingers(
        (totals.fingers, totals.finger_slopes),
        (motion.levers, motion.trajectory, motion.shape),
        (POINTS_OF_FINGER, ANCESTORS),
        (totals.diagonal, totals.border, totals.gradient, totals.corners, totals.shared_gradients),
    )
    add_surface(normal, [each for each, _ in rows if isinstance(each, SurfaceRows)], scene)
    normal.corner.numpy()[:] += totals.corners.sum(axis=0)
    normal.gradient.shared.numpy()[:] += totals.shared_gradients.sum(axis=0)
    return normal


def plain(tensor: Tensor) -> np.ndarray:
    return tensor.contiguous().numpy()


def _add_frames(totals: _Totals, rows: FrameRows, weight: np.ndarray) -> bool:
    """Add the rows if they touch one finger, or rotations alone, per group; False if they are of another kind."""
    sorted_rows = (plain(rows.residual), weight, plain(rows.jacobian))
    if rows.features.min() >= FIRST_ROTATION and rows.focal is None:
        if rows.features.shape[1] >= MANY_ROTATIONS and touch_one_run(rows.features):
            _add_run(totals, *sorted_rows, 3 * int(rows.features[0, 0] - FIRST_ROTATION))
            return True
        accumulate_rotations(sorted_rows, rows.features - FIRST_ROTATION, (totals.diagonal, totals.gradient))
        return True
    places = finger_places(rows.features.tobytes(), rows.features.shape)
    if places is None:
        return False
    focal = np.zeros((0, 0, 0)) if rows.focal is None else plain(rows.focal)
    accumulate_fingers((*sorted_rows, focal), places, (totals.fingers, totals.finger_slopes))
    return True


def touch_one_run(features: np.ndarray) -> bool:
    """Whether all groups touch the same rotations, in their order, without a gap."""
    return bool((features == np.arange(features.shape[1]) + features[0, 0]).all())


def _add_run(totals: _Totals, residual: np.ndarray, weight: np.ndarray, jacobian: np.ndarray, first: int) -> None:
    """Add rows that all touch the columns from `first` on: dense, so one matrix product a frame."""
    touched = slice(first, first + 3 * jacobian.shape[3])
    for start in range(0, len(jacobian), BLOCK):
        block = slice(start, start + BLOCK)
        root = np.sqrt(weight[block])[..., None]
        sides = (jacobian[block] * root[..., None, None]).reshape(len(root), -1, 3 * jacobian.shape[3])
        totals.diagonal[block, touched, touched] += sides.transpose(0, 2, 1) @ sides
        totals.gradient[block, touched] += np.einsum(
            "tri,tr->ti", sides, (residual[block] * root).reshape(len(root), -1)
        )


def _add_temporal(totals: _Totals, rows: TemporalRows, weight: np.ndarray) -> None:
    accumulate_triples(
        (plain(rows.residual), weight, plain(rows.jacobian)),
        rows.features - FIRST_ROTATION,
        (totals.diagonal, totals.first, totals.second, totals.gradient),
    )


@lru_cache(maxsize=64)
def finger_places(features: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Each group's finger (groups,) and the place of each 3-vector it touches (groups, k) in that finger's sums.

    None if a group touches two fingers, or a rotation other than the palm's. `features` are the bytes of an integer
    array (groups, k), which can be looked up in a cache.
    """
    table = np.frombuffer(features, dtype=np.int64).reshape(shape)
    fingers, places = np.zeros(shape[0], dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for group, touched in enumerate(table):
        chains = {int(CHAIN_OF_POINT[feature]) for feature in touched if 0 < feature < FIRST_ROTATION}
        if len(chains) > 1 or any(feature > FIRST_ROTATION for feature in touched):
            return None
        fingers[group] = chains.pop() if chains else 0
        points = list(POINTS_OF_FINGER[fingers[group]])
        places[group] = [PALM_PLACE if f == FIRST_ROTATION else 3 * points.index(f) for f in touched]
    return fingers, places
