"""Texture coordinates for a mesh that has none (MANO): unwrapped once by xatlas, then read from the cache.

    uv, uv_faces = unwrap(template, faces)      # (C, 2) in 0..1, v up; (F, 3) indices into uv
"""

import hashlib
import logging
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from fitter.errors import HandfitError

logger = logging.getLogger(__name__)

# Part of the cache's key: raise it when the options below change.
RECIPE = 1
# Texels between charts at the texture size they are packed for, so that bilinear lookups and mipmaps stay apart.
PADDING_TEXELS = 4
RESOLUTION_TEXELS = 1024


def unwrap(
    template: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 3"]
) -> tuple[Float[np.ndarray, "corners 2"], Int[np.ndarray, "faces 3"]]:
    """UVs in 0..1 (v pointing up) and, for each face corner, its index into them; cached by the mesh's content.

    xatlas (github.com/jpcy/xatlas) splits the surface into charts and packs them. Raises HandfitError if it drops faces.
    """
    template = np.ascontiguousarray(template, dtype=np.float32)
    faces = np.ascontiguousarray(faces, dtype=np.uint32)
    path = cache_folder() / f"uv-{_content_key(template, faces)}.npz"
    cached = _read(path, len(faces))
    if cached is not None:
        return cached
    uv, uv_faces = _parametrize(template, faces)
    _write(path, uv, uv_faces)
    return uv, uv_faces


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/handfit, by default ~/.cache/handfit (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "handfit"


def _parametrize(
    template: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 3"]
) -> tuple[Float[np.ndarray, "corners 2"], Int[np.ndarray, "faces 3"]]:
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(template, faces)
    packing = xatlas.PackOptions()
    packing.padding = PADDING_TEXELS
    packing.resolution = RESOLUTION_TEXELS
    packing.bilinear = True
    packing.bruteForce = True
    atlas.generate(pack_options=packing)
    vertex_of_corner, uv_faces, uv = atlas[0]
    if uv_faces.shape != faces.shape or not np.array_equal(vertex_of_corner[uv_faces], faces):
        raise HandfitError(f"the hand's surface cannot be unwrapped: xatlas changed its {len(faces)} faces")
    return uv.astype(np.float64), uv_faces.astype(np.int64)


def _content_key(template: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 3"]) -> str:
    content = b"".join([str(RECIPE).encode(), str(template.shape).encode(), template.tobytes(), faces.tobytes()])
    return hashlib.sha256(content).hexdigest()[:32]


def _read(
    path: Path, n_faces: int
) -> tuple[Float[np.ndarray, "corners 2"], Int[np.ndarray, "faces 3"]] | None:
    """The cached unwrap, or None where there is none that can be used."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            uv, uv_faces = stored["uv"], stored["uv_faces"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("%s: cannot be read (%s); the mesh is unwrapped again", path, error)
        return None
    fits = uv_faces.shape == (n_faces, 3) and uv.ndim == 2 and uv.shape[1:] == (2,) and np.isfinite(uv).all()
    if not fits or uv_faces.dtype.kind != "i" or uv_faces.min() < 0 or uv_faces.max() >= len(uv):
        logger.warning("%s: does not fit its mesh; the mesh is unwrapped again", path)
        return None
    return uv.astype(np.float64), uv_faces.astype(np.int64)


def _write(path: Path, uv: Float[np.ndarray, "corners 2"], uv_faces: Int[np.ndarray, "faces 3"]) -> None:
    """Store for the next start; a folder that cannot be written costs only the time to unwrap again."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".tmp", delete=False) as handle:
            temporary = Path(handle.name)
            np.savez(handle, uv=uv, uv_faces=uv_faces)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        logger.warning("%s: cannot be written (%s); the mesh is unwrapped again at every start", path, error.strerror)
        if temporary is not None:
            temporary.unlink(missing_ok=True)
