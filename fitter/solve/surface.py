"""The normal equations of what touches the surface, in numba: the compiled twin of `normal_equations.add_surface`.

    add_surface(normal, [photometric_rows, silhouette_rows], scene)

A vertex is blended from the bones that carry it, so it moves with their turns and shifts, six numbers a bone, two bones
on average: there the vertices are summed, not over the 71 unknowns. Once per frame the bones are added up along the
fingers, as composite bodies, which gives what the 16 rotations and the trajectory do.

The betas move the vertex at rest, the same in all frames. So what a vertex feels is turned back to its rest pose and
summed over the frames first; the product of the shape basis with itself, the largest, is made once for the clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fitter.energy.term import SurfaceRows
from fitter.hand import HandModel
from fitter.render.mesh import plain
from fitter.render.workers import over_frames
from fitter.scene import Scene
from fitter.skeleton import POINT_OF_ROTATION, ROTATION_PARENTS
from fitter.solve.body_kernels import chain_bones
from fitter.solve.normal_equations import NormalEquations, trajectory_jacobian
from fitter.solve.surface_kernels import sum_vertices
from fitter.state import N_ROTATIONS

# Frames whose sums lie in memory between the two kernels: what fits in a core's own cache.
BLOCK = 8
TWISTS = 6 * N_ROTATIONS  # a turn about its joint and a shift, for every bone
SYMMETRIC = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])  # xx, xy, xz, yy, yz, zz as a matrix


@dataclass(frozen=True)
class _Still:
    """What does not depend on the frame: gradient and information at the vertices at rest, and the bones' part of the
    betas' corner and gradient.
    """

    gradient: np.ndarray
    information: np.ndarray
    corner: np.ndarray
    shared_gradient: np.ndarray

    @staticmethod
    def of(model: HandModel) -> "_Still":
        vertices, betas = len(model.template), model.n_betas
        return _Still(np.zeros((vertices, 3)), np.zeros((vertices, 6)), np.zeros((betas, betas)), np.zeros(betas))


@dataclass(frozen=True)
class _Moving:
    """How the vertices hang on the bones: constants of the model and the shape, then what each frame has.

    `rest` (1 or T, V, 3) are the vertices before skinning, `pose_basis` is empty where the model has none.
    """

    skin: tuple[np.ndarray, np.ndarray, np.ndarray]
    rest_joints: np.ndarray
    shape_basis: np.ndarray
    pose_basis: np.ndarray
    joints_basis: np.ndarray
    rest: np.ndarray
    turns: np.ndarray
    joints: np.ndarray
    rotations: np.ndarray
    trajectory: np.ndarray

    @staticmethod
    def of(scene: Scene) -> "_Moving":
        model, posed = scene.model, scene.posed
        carriers = model.carriers
        return _Moving(
            (carriers.first, carriers.rotations, carriers.shares),
            plain(posed.shaped.joints[POINT_OF_ROTATION]),
            plain(model.shape_basis),
            np.zeros((0, 3, 0)) if model.pose_basis is None else plain(model.pose_basis),
            plain(model.joints_shape_basis[POINT_OF_ROTATION]),
            plain(posed.rest_vertices),
            plain(posed.bone_rotations),
            plain(posed.joints[:, POINT_OF_ROTATION]),
            plain(posed.rotations),
            plain(trajectory_jacobian(scene)),
        )


def add_surface(normal: NormalEquations, rows: Sequence[SurfaceRows], scene: Scene) -> None:
    """Add the sum of all surface terms' rows, chained once; float64, on the CPU, in the memory of `normal`."""
    if not rows:
        return
    moving, parts = _Moving.of(scene), dict[int, _Still]()

    def add(frames: slice) -> None:
        part = parts[frames.start] = _Still.of(scene.model)
        for start in range(frames.start, frames.stop, BLOCK):
            _add_block(normal, rows, moving, part, slice(start, min(start + BLOCK, frames.stop)))

    over_frames(add, scene.state.n_frames)
    for start in sorted(parts):  # always in the same order, so that a fit repeats to the last digit
        _add_still(normal, parts[start], moving.shape_basis)


def _add_block(
    normal: NormalEquations, rows: Sequence[SurfaceRows], moving: _Moving, still: _Still, block: slice
) -> None:
    """Sum the vertices of a few frames, then chain their bones to the frames' unknowns."""
    n_frames, n_betas = block.stop - block.start, moving.shape_basis.shape[2]
    n_correctives = 3 * (N_ROTATIONS - 1) if len(moving.pose_basis) else 0
    n_columns = n_betas + n_correctives + 1
    shapes = (TWISTS, TWISTS), (TWISTS, n_columns), (n_correctives, n_columns)
    sums = tuple(np.empty((n_frames, *shape)) for shape in shapes)
    sum_vertices(
        _summed(rows, block),
        (*moving.skin, moving.rest_joints, moving.shape_basis, moving.pose_basis),
        (moving.rest[block] if len(moving.rest) > 1 else moving.rest, moving.turns[block], moving.rotations[block]),
        sums,
        (still.gradient, still.information),
    )
    chain_bones(
        sums,
        (moving.turns[block], moving.joints[block], moving.trajectory[block]),
        (moving.joints_basis, ROTATION_PARENTS),
        (normal.diagonal.numpy()[block], normal.border.numpy()[block], normal.gradient.frames.numpy()[block]),
        (still.corner, still.shared_gradient),
    )


def _summed(rows: Sequence[SurfaceRows], frames: slice) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and information of all terms together, float64."""
    gradient = np.ascontiguousarray(plain(rows[0].gradient[frames]), dtype=np.float64)
    information = np.ascontiguousarray(plain(rows[0].information[frames]), dtype=np.float64)
    for each in rows[1:]:
        gradient = gradient + plain(each.gradient[frames])
        information = information + plain(each.information[frames])
    return gradient, information


def _add_still(normal: NormalEquations, still: _Still, basis: np.ndarray) -> None:
    n_betas = basis.shape[2]
    flat = basis.reshape(-1, n_betas)
    stiff = (still.information[:, SYMMETRIC] @ basis).reshape(-1, n_betas)
    normal.corner.numpy()[:n_betas, :n_betas] += still.corner + flat.T @ stiff
    normal.gradient.shared.numpy()[:n_betas] += still.shared_gradient + flat.T @ still.gradient.ravel()
