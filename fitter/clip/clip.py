"""What every clip can tell, and the one function that opens any of them.

clip = open_clip(Path("hand.mp4"))            # or a folder of images, or one image
first = clip.still(0)
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from fitter.errors import InputError

Frame = UInt8[np.ndarray, "height width 3"]
FOLDER_FPS = 30.0  # frames per second assumed for a folder of images, which has no clock of its own


@runtime_checkable
class Clip(Protocol):
    """T upright RGB frames of one size, with their times.

    `time_s` are seconds from the first frame, strictly increasing; real presentation times where the file has them.
    `files` are what is read: the video file, or the images in their order. `warnings` are sentences about what had to
    be assumed or left out while reading.
    """

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def fps(self) -> float: ...
    @property
    def time_s(self) -> Float[np.ndarray, "frames"]: ...
    @property
    def n_frames(self) -> int: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def files(self) -> tuple[Path, ...]: ...

    def frames(self) -> Iterator[Frame]:
        """All frames in order, in one pass and constant memory."""
        ...

    def still(self, index: int) -> Frame:
        """One frame by its index, 0 <= index < n_frames."""
        ...


def open_clip(path: Path, fps: float = FOLDER_FPS) -> Clip:
    """The clip at `path`: a video file, a folder of images, or a single image; `fps` is used for images only.

    Raises InputError if there is nothing to read there.
    """
    from fitter.clip.images import IMAGE_SUFFIXES, open_images
    from fitter.clip.video import open_video

    mode = _readable_mode(path)
    if stat.S_ISDIR(mode):
        return open_images(path, fps)
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is neither a file nor a folder: expected a video file or a folder of images")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is an empty file: expected a video file or a folder of images")
    return open_images(path, fps) if path.suffix.lower() in IMAGE_SUFFIXES else open_video(path)


def _readable_mode(path: Path) -> int:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a video file or a folder of images") from None
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}): expected a readable file or folder") from None
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise InputError(f"{path} may not be read (permission denied): expected a readable file or folder")
    return mode
