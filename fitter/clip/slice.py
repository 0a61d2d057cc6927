"""Some frames of a clip as a clip of their own; only they are read.

part = ClipSlice(clip, np.arange(300, 640))
for frame in part.frames(): ...                 # a video is decoded from the key frame before frame 300 on
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from fitter.clip.clip import Clip, Frame


@runtime_checkable
class Seekable(Protocol):
    """A clip of which a run of frames costs less than each frame by itself."""

    def frames_between(self, first: int, end: int) -> Iterator[Frame]: ...


@dataclass(frozen=True)
class ClipSlice:
    """The `chosen` frames of the `whole` clip, in increasing order; see `Clip`. Their times are those of the whole.

    It names no files, so that nothing is kept for it as if it were the whole.
    """

    whole: Clip
    chosen: Int[np.ndarray, "frames"] = field(repr=False)

    def __post_init__(self) -> None:
        if not (np.diff(self.chosen) > 0).all():
            raise AssertionError("the frames of a slice increase")
        if len(self.chosen) and not 0 <= self.chosen[0] <= self.chosen[-1] < self.whole.n_frames:
            raise IndexError(f"frames {self.chosen[0]} to {self.chosen[-1]} of a clip of {self.whole.n_frames} frames")

    @property
    def path(self) -> Path:
        return self.whole.path

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def width(self) -> int:
        return self.whole.width

    @property
    def height(self) -> int:
        return self.whole.height

    @property
    def fps(self) -> float:
        return self.whole.fps

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return self.whole.time_s[self.chosen]

    @property
    def n_frames(self) -> int:
        return len(self.chosen)

    @property
    def warnings(self) -> tuple[str, ...]:
        return ()

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def frames(self) -> Iterator[Frame]:
        for run in runs_of(self.chosen):
            yield from frames_between(self.whole, run.start, run.stop)

    def still(self, index: int) -> Frame:
        return self.whole.still(int(self.chosen[index]))


def frames_between(clip: Clip, first: int, end: int) -> Iterator[Frame]:
    """Frames first to end - 1 of any clip, as cheaply as it can."""
    if isinstance(clip, Seekable):
        return clip.frames_between(first, end)
    return (clip.still(index) for index in range(first, end))


def runs_of(chosen: Int[np.ndarray, "frames"]) -> list[range]:
    """Increasing numbers as runs without a gap."""
    if len(chosen) == 0:
        return []
    starts = np.flatnonzero(np.diff(chosen, prepend=-2) != 1)
    ends = np.append(starts[1:], len(chosen))
    return [range(int(chosen[a]), int(chosen[b - 1]) + 1) for a, b in zip(starts, ends, strict=True)]
