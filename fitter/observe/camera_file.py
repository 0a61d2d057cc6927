"""Cameras of a clip from `--cameras`: intrinsics and motion by frame, out of a file that anybody may have written.

    cameras = read_cameras(Path("cameras.npz"), (width, height), n_frames)
    cameras.intrinsics, cameras.camera_from_world

`.npz` or `.json` with at least one of
    K                  (T, 3, 3) or (3, 3)   pixels of the input frames; the first pixel's centre is (0.5, 0.5)
    camera_from_world  (T, 4, 4)             rigid transforms, metres, OpenCV's axes: x right, y down, z forward
and beside K `distortion`, OpenCV's k1, k2, p1, p2[, k3], the same for all frames. A folder is COLMAP's text model, see
`fitter.observe.colmap`.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from fitter.camera_motion import find_motion_problem
from fitter.errors import InputError
from fitter.observe.colmap import read_colmap
from fitter.observe.given_cameras import GivenCameras
from fitter.observe.json_file import read_json
from fitter.observe.plain_arrays import read_arrays

NAMES = ("K", "camera_from_world", "distortion")
CONTENT = "K (T, 3, 3) in pixels, camera_from_world (T, 4, 4) in metres, or both"
MOST_BYTES = 64 * 2**20  # ten hours of matrices at 30 frames per second fill it
FORMATS = "expected a .npz or .json file, or a folder with COLMAP's cameras.txt and images.txt"


def read_cameras(path: Path, size: tuple[int, int], n_frames: int) -> GivenCameras:
    """Read the cameras of a clip of `n_frames` of `size` (width, height).

    Raises InputError, one sentence, where the file does not fit the clip or holds what is no camera.
    """
    if path.is_dir():
        given = read_colmap(path, size, n_frames)
    else:
        given = _read_file(path, n_frames)
    problem = find_motion_problem(given.matrices, given.camera_from_world)
    if problem:
        raise InputError(f"--cameras {path}: {problem}")
    if given.matrices is not None:
        _check_principal_points(path, given.matrices, size)
    return given


def _read_file(path: Path, n_frames: int) -> GivenCameras:
    if not path.is_file():
        raise InputError(f"--cameras {path} does not exist: {FORMATS}")
    match path.suffix.lower():
        case ".npz":
            arrays = read_arrays(path, set(NAMES), CONTENT, MOST_BYTES)
        case ".json":
            arrays = _arrays_of_json(path)
        case _:
            raise InputError(f"--cameras {path} is of an unknown kind: {FORMATS}")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise InputError(f"--cameras {path}: {name} is of type {array.dtype}, expected numbers")
    if not arrays.keys() & {"K", "camera_from_world"}:
        raise InputError(f"--cameras {path} holds neither K nor camera_from_world: expected {CONTENT}")
    matrices, motion, distortion = (arrays.get(name) for name in NAMES)
    if matrices is not None:
        if matrices.shape not in ((3, 3), (n_frames, 3, 3)):
            raise _wrong_shape(path, "K", matrices, f"({n_frames}, 3, 3) or (3, 3)", n_frames)
        matrices = np.broadcast_to(matrices.astype(np.float64), (n_frames, 3, 3)).copy()
    if motion is not None and motion.shape != (n_frames, 4, 4):
        raise _wrong_shape(path, "camera_from_world", motion, f"({n_frames}, 4, 4)", n_frames)
    if distortion is not None:
        if matrices is None:
            raise InputError(f"--cameras {path} holds distortion without K: expected both, or neither")
        if distortion.shape not in ((0,), (4,), (5,)) or not np.isfinite(distortion).all():
            raise InputError(f"--cameras {path}: expected distortion as 4 or 5 finite numbers, k1, k2, p1, p2[, k3]")
    coefficients = () if distortion is None else tuple(float(number) for number in distortion)
    return GivenCameras(matrices, None if motion is None else motion.astype(np.float64), coefficients)


def _arrays_of_json(path: Path) -> dict[str, np.ndarray]:
    """The named lists of an object as arrays."""
    content = read_json(path, CONTENT)
    if not isinstance(content, dict):
        raise InputError(f"--cameras {path}: expected a JSON object with {CONTENT}")
    arrays = {}
    for name in NAMES:
        if name not in content:
            continue
        try:
            arrays[name] = np.array(content[name], dtype=np.float64)
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise InputError(
                f"--cameras {path}: {name} is no list of matrices of numbers, expected {CONTENT}"
            ) from None
    return arrays


def _wrong_shape(path: Path, name: str, array: np.ndarray, wanted: str, n_frames: int) -> InputError:
    return InputError(
        f"--cameras {path}: {name} has shape {array.shape}, expected {wanted}: a row for each of the clip's "
        f"{n_frames} frames"
    )


def _check_principal_points(path: Path, matrices: Float64[np.ndarray, "frames 3 3"], size: tuple[int, int]) -> None:
    outside = ((matrices[:, :2, 2] < 0) | (matrices[:, :2, 2] > size)).any(axis=1)
    if outside.any():
        frame = int(np.argmax(outside))
        cx, cy = matrices[frame, :2, 2].tolist()
        raise InputError(
            f"--cameras {path}: the principal point ({cx:g}, {cy:g}) of frame {frame} lies outside the "
            f"{size[0]}x{size[1]} frames; expected intrinsics of frames of this size"
        )
