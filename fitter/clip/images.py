"""A folder of images as a clip: natural file order (2 before 10), one size, an assumed frame rate.

Grey, palette and 16-bit images become 8-bit RGB; an alpha channel is dropped (the stored colours are kept); an EXIF
orientation is applied, as a video's rotation is, so that frames are upright.

    clip = open_images(Path("frames/"), fps=30.0)
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.clip.clip import Frame
from fitter.errors import InputError
from fitter.untrusted import MOST_PIXELS, announced_size, quoted, read_regular

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"))
MOST_BYTES = 2**30  # of one file: MOST_PIXELS of 16 bits, not compressed
REDUCTION = 8  # images are first looked at in an eighth of their size


@dataclass(frozen=True)
class ImageClip:
    """Images of one size in a fixed order; see `Clip`."""

    path: Path
    name: str
    width: int
    height: int
    fps: float
    time_s: Float[np.ndarray, "frames"] = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        return len(self.files)

    def frames(self) -> Iterator[Frame]:
        return (self.still(index) for index in range(self.n_frames))

    def still(self, index: int) -> Frame:
        image = read_image(self.files[index])
        if image.shape[:2] != (self.height, self.width):
            raise _size_error(self.files[0], (self.height, self.width), self.files[index], image.shape[:2])
        return image


def open_images(path: Path, fps: float) -> ImageClip:
    """The images in folder `path` (or the single image `path`) as a clip of `fps` frames per second.

    Raises InputError if there is none, one cannot be read, or two differ in size.
    """
    files = _image_files(path)
    first = read_image(files[0])
    height, width = first.shape[:2]
    with ThreadPoolExecutor() as pool:
        rough_sizes = list(pool.map(_rough_size, files))
    for file, rough_size in zip(files, rough_sizes, strict=True):
        if max(abs(np.subtract(rough_size, rough_sizes[0]))) > REDUCTION:
            raise _size_error(files[0], (height, width), file, read_image(file).shape[:2])
    time_s = np.arange(len(files)) / fps
    warnings = (f"{path} has no frame rate of its own: {fps:g} frames per second assumed",) if len(files) > 1 else ()
    return ImageClip(path, path.stem if path.is_file() else path.name, width, height, fps, time_s, files, warnings)


def read_image(file: Path) -> Frame:
    """One image as 8-bit RGB, upright. Raises InputError if it cannot be read."""
    import cv2

    image = decoded(file, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return cv2.cvtColor(_to_8_bit(image), cv2.COLOR_BGR2RGB)


def _to_8_bit(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 / 257 = 255
    scaled = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=1.0, neginf=0.0)  # float images hold 0..1
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _rough_size(file: Path) -> tuple[int, int]:
    """(height, width) to within REDUCTION: proves that the file decodes, at a fraction of the cost for JPEG.

    The exact size is compared when the frame is read.
    """
    import cv2

    try:
        height, width = decoded(file, cv2.IMREAD_REDUCED_GRAYSCALE_8).shape[:2]
    except InputError:  # OpenCV cannot reduce what is only a few pixels wide
        height, width = (round(side / REDUCTION) for side in read_image(file).shape[:2])
    return height * REDUCTION, width * REDUCTION


def decoded(file: Path, flags: int) -> np.ndarray:
    """What OpenCV makes of the file under its `flags`.

    Raises InputError if it makes nothing of it, or if the image is of another format or larger than MOST_PIXELS.
    """
    import cv2

    try:
        content = read_regular(file, MOST_BYTES)
        size = announced_size(content)
        if size is not None and size[0] * size[1] > MOST_PIXELS:
            raise InputError(f"{file} says to be {size[0]}x{size[1]}: expected at most {MOST_PIXELS >> 20} megapixels")
        known = size is not None and len(content) <= MOST_BYTES
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags) if known else None
    except OSError as error:
        raise InputError(f"{file} cannot be read as an image: {error.strerror or quoted(error)}") from None
    except cv2.error as error:
        raise InputError(f"{file} cannot be read as an image: {quoted(error)}") from None
    if image is None:
        raise InputError(f"{file} cannot be read as an image: expected a complete {file.suffix[1:].upper()} file")
    return image


def _image_files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    try:
        entries = list(path.iterdir())
    except OSError as error:
        raise InputError(f"{path} cannot be listed ({error.strerror}): expected a readable folder of images") from None
    images = [file for file in entries if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")]
    if not images:
        raise InputError(f"{path} holds no images: expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}")
    return tuple(sorted(images, key=lambda file: natural_key(file.name)))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that reads digits as numbers, so that `frame2` comes before `frame10`."""
    parts = re.split(r"([0-9]+)", Path(name).stem.lower())
    return (*((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts), (-1, 0, name))


def _size_error(first: Path, first_size: tuple[int, ...], other: Path, other_size: tuple[int, ...]) -> InputError:
    sizes = [f"{size[1]}x{size[0]}" for size in (first_size, other_size)]
    return InputError(f"{first} is {sizes[0]} but {other} is {sizes[1]}: expected images of one size in a clip")
