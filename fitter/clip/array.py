"""Frames in memory as a clip, for those who have read them already.

clip = clip_of_frames(frames, fps=30.0)             # (frames, height, width, 3) uint8, RGB, upright
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from fitter.clip.clip import FOLDER_FPS, Frame
from fitter.errors import InputError


@dataclass(frozen=True)
class ArrayClip:
    """Frames of an array, which is not copied; see `Clip`. It has no files, so that nothing can be kept for it."""

    array: UInt8[np.ndarray, "frames height width 3"] = field(repr=False)
    fps: float
    warnings: tuple[str, ...] = ()
    path: Path = Path("frames")
    name: str = "frames"
    files: tuple[Path, ...] = ()

    @property
    def n_frames(self) -> int:
        return len(self.array)

    @property
    def height(self) -> int:
        return self.array.shape[1]

    @property
    def width(self) -> int:
        return self.array.shape[2]

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return np.arange(self.n_frames) / self.fps

    def frames(self) -> Iterator[Frame]:
        return iter(self.array)

    def still(self, index: int) -> Frame:
        return self.array[index]


def clip_of_frames(frames: np.ndarray, fps: float | None = None) -> ArrayClip:
    """The clip of an array (frames, height, width, 3) of 8-bit RGB; without `fps` FOLDER_FPS, said in a warning.

    Raises InputError for any other array or a rate that is none.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise InputError(
            f"frames: expected an array (frames, height, width, 3) of uint8 RGB, got {frames.dtype} of {frames.shape}"
        )
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected frames per second above 0, got {fps}")
    warnings = () if fps is not None else (f"no fps given with the frames: {FOLDER_FPS:g} frames per second assumed",)
    return ArrayClip(frames, float(fps or FOLDER_FPS), warnings)
