"""A film in memory, what is done to it, and where its hand is afterwards.

film = Film.of(clip, "name", slice(0, 80), camera)
spoilt = Spoilt(film.at(kept), (shown_as_it_was(len(kept)),))
spoilt.shown[0].hidden                             # (frames, 21)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from fitter.camera import Camera
from fitter.clip import Clip, Frame

Pictures = UInt8[np.ndarray, "frames height width 3"]
Keypoints = Float[np.ndarray, "frames 21 2"]


@dataclass(frozen=True)
class Film:
    """Frames in memory with their own times and camera, as a `fitter.clip.Clip`; it has no files: nothing is kept."""

    name: str
    pictures: Pictures
    time_s: Float[np.ndarray, "frames"]
    camera: Camera
    fps: float
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @staticmethod
    def of(clip: Clip, name: str, stretch: slice, camera: Camera) -> "Film":
        frames = [frame for index, frame in enumerate(clip.frames()) if stretch.start <= index < stretch.stop]
        time_s = clip.time_s[stretch.start : stretch.start + len(frames)]
        return Film(name, np.stack(frames), time_s - time_s[0], camera, clip.fps)

    @property
    def path(self) -> Path:
        return Path(self.name)

    @property
    def n_frames(self) -> int:
        return len(self.pictures)

    @property
    def height(self) -> int:
        return self.pictures.shape[1]

    @property
    def width(self) -> int:
        return self.pictures.shape[2]

    def frames(self) -> Iterator[Frame]:
        return iter(self.pictures)

    def still(self, index: int) -> Frame:
        return self.pictures[index]

    def at(self, rows: Int[np.ndarray, "new_frames"]) -> "Film":
        """Other frames of this film, in the time of their own number."""
        return replace(self, pictures=self.pictures[rows], time_s=self.time_s[rows])


@dataclass(frozen=True)
class Shown:
    """One hand of a spoilt film.

    source   the frame of the unspoilt film that each frame shows; -1 where the hand is away
    matrix   from the pixels of that frame to this one's
    hidden   joints that are hidden, beyond the border or blurred
    """

    source: Int[np.ndarray, "frames"]
    matrix: Float[np.ndarray, "frames 2 3"]
    hidden: Bool[np.ndarray, "frames 21"]

    @property
    def mirrored(self) -> bool:
        return bool(np.linalg.det(self.matrix[0, :, :2]) < 0)


@dataclass(frozen=True)
class Spoilt:
    """A film after something was done to it, and its hands: one, or two in two films side by side."""

    film: Film
    shown: tuple[Shown, ...]


def shown_as_it_was(n_frames: int) -> Shown:
    identity = np.tile(np.eye(2, 3), (n_frames, 1, 1))
    return Shown(np.arange(n_frames), identity, np.zeros((n_frames, 21), dtype=bool))


def extent_px(keypoints_px: Keypoints) -> float:
    """The diagonal of the hand's bounding box, median over the frames."""
    return float(np.median(np.linalg.norm(np.ptp(keypoints_px, axis=1), axis=1)))
