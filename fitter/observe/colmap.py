"""Cameras out of COLMAP's text model: cameras.txt and images.txt of a folder (`colmap model_converter
--output_type TXT`; https://colmap.github.io/format.html).

    given = read_colmap(Path("sparse/0"), (width, height), n_frames)

Images stand for the clip's frames in the natural order of their names, so every frame must be registered. COLMAP finds
a scene up to its size: its unit is taken as a metre, and the log says so. Pixels are counted as here, from the image's
corner.
"""

import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from fitter.clip.images import natural_key
from fitter.errors import InputError
from fitter.observe.given_cameras import GivenCameras
from fitter.untrusted import open_regular, quoted

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 2**20  # images.txt holds the points of every image, too
# Where fx, fy, cx, cy and the coefficients k1, k2, p1, p2 stand among a model's parameters; -1: there is none.
MODELS = {
    "SIMPLE_PINHOLE": (0, 0, 1, 2, -1, -1, -1, -1),
    "PINHOLE": (0, 1, 2, 3, -1, -1, -1, -1),
    "SIMPLE_RADIAL": (0, 0, 1, 2, 3, -1, -1, -1),
    "RADIAL": (0, 0, 1, 2, 3, 4, -1, -1),
    "OPENCV": (0, 1, 2, 3, 4, 5, 6, 7),
}


@dataclass(frozen=True)
class _Lens:
    matrix: Float64[np.ndarray, "3 3"]
    distortion: tuple[float, ...]


def read_colmap(folder: Path, size: tuple[int, int], n_frames: int) -> GivenCameras:
    """The cameras of all frames; raises InputError, one sentence, where they are not those of this clip."""
    lenses = _read_lenses(folder / "cameras.txt", size)
    images = _read_images(folder / "images.txt")
    where = f"--cameras {folder / 'images.txt'}"
    if len(images) != n_frames:
        raise InputError(f"{where} registers {len(images)} images, expected {n_frames}: one for each frame of the clip")
    motion, matrices, distortions = [], [], set()
    for name in sorted(images, key=natural_key):
        transform, lens = images[name]
        if lens not in lenses:
            by = f"image {quoted(name)} is by camera {quoted(lens)}"
            raise InputError(f"{where}: {by}, which cameras.txt does not hold")
        motion.append(transform)
        matrices.append(lenses[lens].matrix)
        distortions.add(lenses[lens].distortion)
    if len(distortions) > 1:
        raise InputError(
            f"{where}: the frames have {len(distortions)} different lens distortions; expected the same in all of them "
            "(undistort the images first)"
        )
    log.warning("%s: COLMAP's unit is taken as a metre; scale the model first if it is another", where)
    return GivenCameras(np.stack(matrices), np.stack(motion), distortions.pop())


def _read_lenses(path: Path, size: tuple[int, int]) -> dict[str, _Lens]:
    lenses = {}
    for words in _lines(path):
        if len(words) < 5 or words[1] not in MODELS:
            found = words[1] if len(words) > 1 else words[0]
            raise InputError(f"--cameras {path}: expected a camera of model {', '.join(MODELS)}, found {quoted(found)}")
        if words[2:4] != [str(side) for side in size]:
            raise InputError(
                f"--cameras {path}: camera {quoted(words[0])} is of {quoted(f'{words[2]}x{words[3]}')} images, "
                f"expected {size[0]}x{size[1]} as the frames are"
            )
        places = MODELS[words[1]]
        numbers = [*_numbers(words[4:], path), 0.0]  # the last stands for what the model has not
        if len(numbers) != max(places) + 2:
            found = f"camera {quoted(words[0])} has {len(numbers) - 1} parameters"
            raise InputError(f"--cameras {path}: {found}, not {words[1]}'s")
        fx, fy, cx, cy, *distortion = (numbers[place] for place in places)
        matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        lenses[words[0]] = _Lens(matrix, tuple(distortion) if any(distortion) else ())
    return lenses


def _read_images(path: Path) -> dict[str, tuple[Float64[np.ndarray, "4 4"], str]]:
    """Of each image its transform and the number of its camera; the points of an image, every second line, are left."""
    images = {}
    for words in _lines(path, every_second=True):
        if len(words) < 10:
            raise InputError(
                f"--cameras {path}: expected IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, found {len(words)} words"
            )
        name = " ".join(words[9:])
        numbers = _numbers(words[1:8], path)
        length = float(np.linalg.norm(numbers[:4]))
        if name in images or not (np.isfinite([*numbers, length]).all() and length > 0):
            fault = "is there twice" if name in images else "has no rotation"
            raise InputError(f"--cameras {path}: image {quoted(name)} {fault}; expected one pose for each image")
        images[name] = _transform(np.array(numbers[:4]) / length, np.array(numbers[4:])), words[8]
    return images


def _transform(quaternion: Float64[np.ndarray, "4"], shift: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "4 4"]:
    """camera_from_world of a unit quaternion (w, x, y, z) and a translation."""
    w, x, y, z = quaternion.tolist()
    transform = np.eye(4)
    transform[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    transform[:3, 3] = shift
    return transform


def _lines(path: Path, every_second: bool = False) -> Iterator[list[str]]:
    """The words of each line that is no comment; an image's list of points may be an empty line."""
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                most = f"{MOST_BYTES // 2**20} MiB"
                raise InputError(f"--cameras {path} is larger than {most}: expected COLMAP's text model")
            number = 0
            for line in file:
                if line.startswith("#") or (not line.strip() and not (every_second and number % 2)):
                    continue
                if not (every_second and number % 2):
                    yield line.split()
                number += 1
    except OSError as error:
        raise InputError(f"--cameras {path} cannot be read ({error.strerror}): expected COLMAP's text model") from None
    except UnicodeDecodeError:
        raise InputError(f"--cameras {path} is no text: expected COLMAP's text model") from None


def _numbers(words: list[str], path: Path) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise InputError(f"--cameras {path}: {quoted(' '.join(words), 80)} are no numbers") from None
