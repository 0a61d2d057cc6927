"""The fit in numbers: what `result.npz` holds, checked both when it is written and when it is read.

save_result(result, Path("results/clip"))
result = FitResult.load(Path("results/clip"))
result.joints_m                                        # (hands, frames, 21, 3)
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast, get_type_hints

import numpy as np
from jaxtyping import AbstractArray, Bool, Float32, Float64, Int32, jaxtyped

from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.observe.observations import Side

RESULT_FILE = "result.npz"

# Raised when a name or meaning below changes; files of another version are refused: their numbers would be misread.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class FitResult:
    """0, 1 or 2 hands over all T frames of a clip.

    Metres, radians and OpenCV camera axes (x right, y down, z forward); joints in OpenPose order, rotations in MANO's.
    Rows of frames in which a hand is not `present` hold NaN. What was not estimated at all, such as `lighting` in a fit
    without pixels, is NaN everywhere.
    """

    side: tuple[Side, ...]
    present: Bool[np.ndarray, "hands frames"]
    """The hand is in the frame, by the fit's own judgement."""
    observed: Bool[np.ndarray, "hands frames"]
    """A detection supported the frame."""
    joints_m: Float32[np.ndarray, "hands frames 21 3"]
    joints_sigma_mm: Float32[np.ndarray, "hands frames 21"]
    """One standard deviation of the joint's position, from the fit's own posterior."""
    keypoints_px: Float32[np.ndarray, "hands frames 21 2"]
    """The joints projected into the input frames; the first pixel's centre is (0.5, 0.5)."""
    vertices_m: Float32[np.ndarray, "hands frames vertices 3"]
    faces: Int32[np.ndarray, "faces 3"]
    """Wound for a right hand; a left hand's are the reverse."""
    pose: Float32[np.ndarray, "hands frames 48"]
    """Axis-angle: global orientation, then 15 joints; zero is the flat hand; no PCA, no mean."""
    betas: Float32[np.ndarray, "hands betas"]
    translation_m: Float32[np.ndarray, "hands frames 3"]
    """Added after the pose, as MANO's `transl`."""
    lighting: Float32[np.ndarray, "hands lights 9 3"]
    """Second-order spherical harmonics, one set for the clip (lights = 1) or one per frame."""
    K: Float64[np.ndarray, "3 3"]
    K_known: bool
    """False: the focal length was estimated or assumed."""
    hand_model: Literal["anny", "mano"]
    image_size: tuple[int, int]
    """Width, height."""
    fps: float
    status: str
    """`converged`, or a sentence."""

    @classmethod
    def load(cls, path: Path) -> "FitResult":
        """Read `result.npz`, or the one in the folder `path`; raises InputError, one sentence, for any damage."""
        file = path / RESULT_FILE if path.is_dir() else path
        result = _from_arrays(_read_arrays(file), file)
        problem = find_problem(result)
        if problem:
            raise InputError(f"{file}: {problem}")
        return result


def save_result(result: FitResult, folder: Path) -> Path:
    """Write `result.npz` atomically into `folder`, which must exist; returns its path.

    Raises ValueError where `result` breaks its own contract (the programmer's mistake), else as `atomic_path` does.
    """
    problem = find_problem(result)
    if problem:
        raise ValueError(problem)
    arrays = {field.name: np.asarray(getattr(result, field.name)) for field in fields(result)}
    # An empty tuple would be saved as float64.
    arrays["side"] = np.array(result.side, dtype="U5")
    arrays["format_version"] = np.array(FORMAT_VERSION)
    with atomic_path(folder / RESULT_FILE) as path:
        _write_arrays(path, arrays)
    return folder / RESULT_FILE


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `numpy.savez`, which on a full disk leaves an archive open that complains on stderr when it is collected.

    Not compressed: float noise shrinks by a tenth, and compressing it takes longer than the fit.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def find_problem(result: FitResult) -> str | None:
    """The first breach of the contract in words (array, what is expected, what it is), or None."""
    return _find_wrong_shape(result) or _find_wrong_value(result)


def _find_wrong_shape(result: FitResult) -> str | None:
    """An array whose type or shape is not what the annotation says, the named axes being the same in all arrays."""
    with jaxtyped("context"):
        for name, hint in get_type_hints(FitResult).items():
            if not (isinstance(hint, type) and issubclass(hint, AbstractArray)):
                continue
            array = getattr(result, name)
            if not isinstance(array, hint):
                wanted = f"{hint.dtypes[0].rstrip('_')} of shape ({hint.dim_str.replace(' ', ', ')})"
                return f"{name}: expected {wanted}, got {array.dtype} of shape {array.shape}"
    if len(result.side) != len(result.present):
        return f"side: expected one per hand ({len(result.present)}), got {len(result.side)}"
    if result.lighting.shape[1] not in (1, result.present.shape[1]):
        return f"lighting: expected one per clip or per frame, got {result.lighting.shape[1]}"
    return None


def _find_wrong_value(result: FitResult) -> str | None:
    if any(side not in ("left", "right") for side in result.side) or len(set(result.side)) != len(result.side):
        return f"side: expected left and right at most once each, got {list(result.side)}"
    if result.hand_model not in ("anny", "mano"):
        return f"hand_model: expected anny or mano, got {result.hand_model!r}"
    if len(result.image_size) != 2 or min(result.image_size) < 1:
        return f"image_size: expected width and height in pixels, got {result.image_size}"
    if not (np.isfinite(result.fps) and result.fps > 0):
        return f"fps: expected frames per second above 0, got {result.fps}"
    if not (np.isfinite(result.K).all() and (result.K[2] == [0, 0, 1]).all()):
        return "K: expected a finite intrinsic matrix whose last row is 0, 0, 1"
    if not np.isfinite(result.betas).all():
        return "betas: expected finite numbers"
    vertices = result.vertices_m.shape[2]
    if result.faces.size and not (0 <= result.faces.min() and result.faces.max() < vertices):
        return f"faces: expected vertex numbers from 0 to {vertices - 1}"
    return _find_wrong_row(result)


def _find_wrong_row(result: FitResult) -> str | None:
    """Rows are finite exactly where the hand is present."""
    for name in ("joints_m", "joints_sigma_mm", "keypoints_px", "vertices_m", "pose", "translation_m"):
        array: np.ndarray = getattr(result, name)
        rows = array.reshape(*result.present.shape, int(np.prod(array.shape[2:])))
        if not np.isfinite(rows[result.present]).all():
            return f"{name}: expected finite numbers where the hand is present"
        if not np.isnan(rows[~result.present]).all():
            return f"{name}: expected NaN where the hand is not present"
    return None


def _read_arrays(file: Path) -> dict[str, np.ndarray]:
    damaged = f"{file}: damaged or not a result of a fit, expected an .npz archive of arrays"
    try:
        with file.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise InputError(damaged)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as loaded:
                return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise InputError(f"{file}: cannot be read ({reason}), expected the {RESULT_FILE} of a fit") from error
    except (ValueError, EOFError, KeyError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(damaged) from error


def _from_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> FitResult:
    """The typed result; shapes and values are checked afterwards."""
    if "format_version" not in arrays:
        raise InputError(f"{file}: no format_version, so not a result of a fit or one by an older handfit; fit again")
    version = arrays["format_version"]
    if version.shape != () or version.dtype.kind != "i" or int(version) != FORMAT_VERSION:
        raise InputError(f"{file}: its format_version is {version}, this handfit reads {FORMAT_VERSION}; fit again")
    missing = [field.name for field in fields(FitResult) if field.name not in arrays]
    if missing:
        raise InputError(f"{file}: {missing[0]} is missing")
    return FitResult(
        side=cast("tuple[Side, ...]", tuple(str(side) for side in _typed(arrays, "side", "U", 1, file))),
        present=arrays["present"],
        observed=arrays["observed"],
        joints_m=arrays["joints_m"],
        joints_sigma_mm=arrays["joints_sigma_mm"],
        keypoints_px=arrays["keypoints_px"],
        vertices_m=arrays["vertices_m"],
        faces=arrays["faces"],
        pose=arrays["pose"],
        betas=arrays["betas"],
        translation_m=arrays["translation_m"],
        lighting=arrays["lighting"],
        K=arrays["K"],
        K_known=bool(_typed(arrays, "K_known", "b", 0, file)),
        hand_model=cast('Literal["anny", "mano"]', str(_typed(arrays, "hand_model", "U", 0, file))),
        image_size=cast("tuple[int, int]", tuple(int(size) for size in _typed(arrays, "image_size", "i", 1, file))),
        fps=float(_typed(arrays, "fps", "f", 0, file)),
        status=str(_typed(arrays, "status", "U", 0, file)),
    )


def _typed(arrays: Mapping[str, np.ndarray], name: str, kind: str, axes: int, file: Path) -> np.ndarray:
    """An array of Python scalars, of numpy's dtype `kind` and with this many axes."""
    array = arrays[name]
    if array.dtype.kind != kind or array.ndim != axes:
        expected = {"U": "text", "b": "true or false", "i": "whole numbers", "f": "a number"}[kind]
        shape = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"{file}: {name}: expected {expected} with {axes} axes, got {shape}")
    return array
