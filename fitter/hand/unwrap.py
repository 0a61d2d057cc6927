"""Texture coordinates for a mesh that has none (MANO): unwrapped once by xatlas, then read from the cache.

uv, uv_faces = unwrap(template, faces)      # (C, 2) in 0..1, v up; (F, 3) indices into uv
"""

import hashlib
import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from fitter.errors import HandfitError
from fitter.hand.cache import MOST_BYTES, default_folder, write_arrays
from fitter.untrusted import Damaged, read_plain_arrays

logger = logging.getLogger(__name__)

# Part of the cache's key: raise it when the numbers or options below change.
RECIPE = 1
# A texture of about this side; so many texels between charts keep bilinear lookups and two mipmap levels apart.
RESOLUTION_TEXELS = 1024
PADDING_TEXELS = 4
# xatlas packs in texels of one mesh unit at least; in metres a hand would get 250 of them across.
MESH_UNITS_PER_METRE = 1000.0
# Bent charts cost less than seams: 20 charts instead of 23 on a hand, 5 % of faces stretched by more than 1.07.
CHART_COST, CHART_ITERATIONS = 8.0, 4


def unwrap(
    template: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> tuple[Float[np.ndarray, "corners 2"], Integer[np.ndarray, "faces 3"]]:
    """UVs in 0..1 (v pointing up) and, for each face corner, its index into them; cached by the mesh's content.

    xatlas (github.com/jpcy/xatlas) splits the surface into charts and packs them. HandfitError if it drops faces.
    """
    template = np.ascontiguousarray(template, dtype=np.float32)
    faces = np.ascontiguousarray(faces, dtype=np.uint32)
    path = default_folder() / f"uv-{_content_key(template, faces)}.npz"
    cached = _read(path, len(faces))
    if cached is not None:
        return cached
    uv, uv_faces = _parametrize(template, faces)
    _write(path, uv, uv_faces)
    return uv, uv_faces


def _parametrize(
    template: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> tuple[Float[np.ndarray, "corners 2"], Integer[np.ndarray, "faces 3"]]:
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(template * np.float32(MESH_UNITS_PER_METRE), faces)
    charts = xatlas.ChartOptions()
    charts.max_cost, charts.max_iterations, charts.fix_winding = CHART_COST, CHART_ITERATIONS, True
    packing = xatlas.PackOptions()
    packing.padding, packing.resolution = PADDING_TEXELS, RESOLUTION_TEXELS
    packing.bilinear, packing.bruteForce = True, True
    packing.rotate_charts = packing.rotate_charts_to_axis = False  # it turns charts by swapping u and v: mirrored skin
    atlas.generate(charts, packing)
    vertex_of_corner, uv_faces, uv = atlas[0]
    if uv_faces.shape != faces.shape or not np.array_equal(vertex_of_corner[uv_faces], faces):
        raise HandfitError(f"the hand's surface cannot be unwrapped: xatlas changed its {len(faces)} faces")
    return uv.astype(np.float64), uv_faces.astype(np.int64)


def _content_key(template: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]) -> str:
    content = b"".join([str(RECIPE).encode(), str(template.shape).encode(), template.tobytes(), faces.tobytes()])
    return hashlib.sha256(content).hexdigest()[:32]


def _read(path: Path, n_faces: int) -> tuple[Float[np.ndarray, "corners 2"], Integer[np.ndarray, "faces 3"]] | None:
    """The cached unwrap, or None where there is none that can be used."""
    if not path.is_file():
        return None
    try:
        stored = read_plain_arrays(path, {"uv", "uv_faces"}, MOST_BYTES)
        uv, uv_faces = stored["uv"], stored["uv_faces"]
    except (OSError, Damaged, KeyError) as error:
        logger.warning("%s: cannot be read (%s); the mesh is unwrapped again", path, error)
        return None
    numbers = uv.dtype.kind == "f" and uv.ndim == 2 and uv.shape[1:] == (2,) and np.isfinite(uv).all()
    fits = numbers and uv_faces.shape == (n_faces, 3) and n_faces > 0
    if not fits or uv_faces.dtype.kind != "i" or uv_faces.min() < 0 or uv_faces.max() >= len(uv):
        logger.warning("%s: does not fit its mesh; the mesh is unwrapped again", path)
        return None
    return uv.astype(np.float64), uv_faces.astype(np.int64)


def _write(path: Path, uv: Float[np.ndarray, "corners 2"], uv_faces: Integer[np.ndarray, "faces 3"]) -> None:
    """Store for the next start; a folder that cannot be written costs only the time to unwrap again."""
    try:
        write_arrays(path, {"uv": uv, "uv_faces": uv_faces})
    except OSError as error:
        logger.warning("%s: cannot be written (%s); the mesh is unwrapped again at every start", path, error.strerror)
