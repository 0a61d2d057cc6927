"""A textured surface as a finer mesh with a colour at every point, which any canvas can draw and light.

skin = fine_skin(n_vertices, faces, uv, uv_faces, texture)
points_m = skin.blend @ vertices_m
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float64, Int, UInt8
from scipy.sparse import coo_matrix, csr_matrix, eye

from fitter.export.meshes import split_seams
from fitter.visualize.viewer.light import to_linear

# Each division halves the edges: after two, a hand's points lie about 1.2 mm apart.
DIVISIONS = 2


@dataclass(frozen=True)
class Skin:
    """`blend` (points x vertices) makes the finer points of the vertices; `albedo` is linear RGB."""

    blend: csr_matrix
    faces: Int[np.ndarray, "faces 3"]
    albedo: Float64[np.ndarray, "points 3"]


def fine_skin(
    n_vertices: int,
    faces: Int[np.ndarray, "faces 3"],
    uv: Float[np.ndarray, "corners 2"],
    uv_faces: Int[np.ndarray, "faces 3"],
    texture: UInt8[np.ndarray, "height width 3"],
) -> Skin:
    """The surface with the colours of `texture` (sRGB, first row at v = 1); points on UV seams are doubled."""
    source, split, corner_uv = split_seams(uv, faces, uv_faces)
    blend = csr_matrix((np.ones(len(source)), (np.arange(len(source)), source)), shape=(len(source), n_vertices))
    for _ in range(DIVISIONS):
        finer, split = divided(blend.shape[0], split)
        blend, corner_uv = (finer @ blend).tocsr(), finer @ corner_uv
    return Skin(blend, split, to_linear(sampled(texture, corner_uv)))


def divided(n_points: int, faces: Int[np.ndarray, "faces 3"]) -> tuple[csr_matrix, Int[np.ndarray, "four 3"]]:
    """Each triangle cut into four at the middles of its edges: the blend of old points, and the new triangles."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, index = np.unique(pairs, axis=0, return_inverse=True)
    ab, bc, ca = n_points + index.reshape(3, -1)
    a, b, c = faces.T
    cut = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]).transpose(2, 0, 1).reshape(-1, 3)
    rows = np.repeat(np.arange(len(edges)), 2)
    middles = coo_matrix((np.full(len(rows), 0.5), (rows, edges.reshape(-1))), shape=(len(edges), n_points))
    blend = csr_matrix(_stacked(eye(n_points, format="coo"), middles))
    return blend, np.ascontiguousarray(cut)


def _stacked(upper: coo_matrix, lower: coo_matrix) -> coo_matrix:
    from scipy.sparse import vstack

    return vstack([upper, lower])


def sampled(
    texture: UInt8[np.ndarray, "height width 3"], uv: Float[np.ndarray, "points 2"]
) -> Float64[np.ndarray, "points 3"]:
    """sRGB 0..1 at each UV, between texels bilinear."""
    height, width = texture.shape[:2]
    # OpenCV counts from the first texel's centre; its maps are at most 32767 long, so points go in rows.
    x, y = uv[:, 0] * width - 0.5, (1.0 - uv[:, 1]) * height - 0.5
    rows = -(-len(uv) // ROW)
    maps = [np.resize(part, rows * ROW).reshape(rows, ROW).astype(np.float32) for part in (x, y)]
    seen = cv2.remap(texture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return seen.reshape(-1, 3)[: len(uv)] / 255.0


ROW = 1024
