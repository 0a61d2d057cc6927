"""Which point of the surface each texel of a texture belongs to: made once per model and size.

    texels = texels_of(model, 256)
    texels.weights, texels.corners     # a texel's place is the weighted sum of its triangle's three vertices

Texels just off a chart belong to the plane of the nearest triangle: beyond a seam that is where the surface goes on, so
both sides of a seam see nearly the same places, and bilinear look-ups near a chart's border mix in nothing foreign.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt

from fitter.hand import HandModel
from fitter.render.zbuffer import ZBuffer

# A bilinear look-up inside a chart reaches the centres of texels up to the square root of two outside of it.
GUTTER_TEXELS = 1.5
# A triangle's plane leaves the surface further away than about its own size.
FURTHEST_WEIGHT = 1.5


@dataclass(frozen=True)
class Texels:
    """The N texels of a size x size texture that have a place on the surface, ordered by triangle.

    index     row * size + column
    triangle  face that the texel belongs to, and `corners` its vertices
    weights   of the three corners, summing to 1; some are negative in texels off the charts
    inside    whether the texel's centre is in a chart
    edges     the mesh's edges, each once: pairs of vertices
    """

    size: int
    index: Int[np.ndarray, "texels"]
    triangle: Int[np.ndarray, "texels"]
    corners: Int[np.ndarray, "texels 3"]
    weights: Float[np.ndarray, "texels 3"]
    inside: Bool[np.ndarray, "texels"]
    edges: Int[np.ndarray, "edges 2"]

    @property
    def count(self) -> int:
        return len(self.index)


def texels_of(model: HandModel, size: int) -> Texels:
    """The texels of a size x size texture in the model's UV layout; kept for the next call."""
    uv = model.uv.detach().cpu().double().numpy()
    uv_faces, faces = (f.cpu().numpy().astype(np.int32) for f in (model.uv_faces, model.faces))
    return _texels(uv.tobytes(), uv_faces.tobytes(), faces.tobytes(), size)


@lru_cache(maxsize=8)
def _texels(uv_bytes: bytes, uv_faces_bytes: bytes, faces_bytes: bytes, size: int) -> Texels:
    uv = np.frombuffer(uv_bytes).reshape(-1, 2)
    uv_faces, faces = (np.frombuffer(b, np.int32).reshape(-1, 3).copy() for b in (uv_faces_bytes, faces_bytes))
    places = uv * [size, -size] + [0.0, size]  # in texels, y down
    triangle = chart_triangles(places, uv_faces, size)
    inside = triangle >= 0
    if not inside.any():
        raise AssertionError(f"no texel of a {size}x{size} texture lies inside the model's texture coordinates")
    distance, (row, column) = distance_transform_edt(~inside, return_indices=True)
    rows, columns = np.nonzero(distance <= GUTTER_TEXELS)
    owner = triangle[row[rows, columns], column[rows, columns]]
    centres = np.stack([columns, rows], axis=1) + 0.5
    weights = plane_weights(places[uv_faces[owner]], centres)
    kept = np.nonzero(inside[rows, columns] | (np.abs(weights - 0.5) <= FURTHEST_WEIGHT).all(axis=1))[0]
    kept = kept[np.argsort(owner[kept], kind="stable")]
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return Texels(
        size=size,
        index=(rows * size + columns)[kept],
        triangle=owner[kept].astype(np.int32),
        corners=faces[owner[kept]],
        weights=weights[kept].astype(np.float32),
        inside=inside[rows, columns][kept],
        edges=np.unique(sides, axis=0),
    )


def chart_triangles(
    places: Float[np.ndarray, "corners 2"], uv_faces: Int[np.ndarray, "faces 3"], size: int
) -> Int[np.ndarray, "size size"]:
    """The triangle that each texel's centre lies in, -1 off the charts; `places` in texels, y down."""
    flat = torch.from_numpy(np.concatenate([places, np.ones((len(places), 1))], axis=1))
    drawn = ZBuffer(cull_back_faces=False).rasterize(flat.unsqueeze(0), torch.from_numpy(uv_faces), (size, size))
    return drawn.triangle_id[0].numpy()


def plane_weights(
    triangles: Float[np.ndarray, "points 3 2"], points: Float[np.ndarray, "points 2"]
) -> Float[np.ndarray, "points 3"]:
    """Barycentric weights of each point in its own triangle, inside or not; triangles without area give 1, 0, 0."""
    a, b, c = (triangles[:, k] for k in range(3))
    area = _cross(b - a, c - a)
    usable = np.abs(area) > 1e-12  # square texels
    divisor = np.where(usable, area, 1.0)
    second = np.where(usable, _cross(points - a, c - a) / divisor, 0.0)
    third = np.where(usable, _cross(b - a, points - a) / divisor, 0.0)
    return np.stack([1.0 - second - third, second, third], axis=1)


def _cross(a: Float[np.ndarray, "points 2"], b: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points"]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
