"""Moving a hand's skin with its bones: turned (linear blend skinning) or stretched along themselves.

Here a bone is the segment that ends at one of the 21 points, and `weights` (V, 21) hold each bone's share of a vertex.

    vertices, points = stretch_bones(vertices, points, weights, stretch)
"""

import numpy as np
from numpy.typing import NDArray

from fitter.skeleton import POINT_PARENTS


def skin(
    vertices: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    rotations: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Linear blend skinning of N hands: the bone ending at p turns by rotations[:, p] and its near end moves."""
    parents = np.maximum(POINT_PARENTS, 0)
    shift = after[:, parents] - np.einsum("npij,npj->npi", rotations, before[:, parents])
    blended = np.einsum("vp,npij->nvij", weights, rotations, optimize=True)
    return np.einsum("nvij,nvj->nvi", blended, vertices) + np.einsum("vp,npi->nvi", weights, shift)


def stretch_bones(
    vertices: NDArray[np.float64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    stretch: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengthen the bone ending at each point by `stretch` (N, 21), relative; linear in `stretch`.

    A vertex moves with its bones' near ends plus, along each bone, by the stretch times its own axial coordinate.
    """
    parents = np.maximum(POINT_PARENTS, 0)
    bone = points - points[:, parents]
    longer = stretch[..., None] * bone
    moved = np.zeros_like(points)
    for point in range(1, 21):
        moved[:, point] = moved[:, parents[point]] + longer[:, point]
    length = np.maximum((bone**2).sum(-1), 1e-12)
    shift = np.einsum("vp,npi->nvi", weights, moved[:, parents])
    for point in range(1, 21):
        bound = weights[:, point] > 0
        along = (
            np.einsum("nvi,ni->nv", vertices[:, bound] - points[:, parents[point], None], bone[:, point])
            / length[:, point, None]
        )
        shift[:, bound] += (weights[bound, point] * along)[..., None] * longer[:, point, None]
    return vertices + shift, points + moved


def rotation_between(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest rotations (N, 3, 3) taking unit vectors `start` (N, 3) to the unit vector `end` (3,)."""
    axis = np.cross(start, end)
    cosine = start @ end
    cross = np.zeros((len(start), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross -= cross.transpose(0, 2, 1)
    return np.eye(3) + cross + cross @ cross / (1 + cosine)[:, None, None]
