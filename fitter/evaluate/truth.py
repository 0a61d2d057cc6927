"""What a fit is measured against: one hand of a clip as somebody annotated it, every frame a row, unknown points NaN.

truth.between(65, 108).joints_m                          # (44, 21, 3), frames by the annotator's own numbers
"""

from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from fitter.errors import InputError
from fitter.observe.observations import Side

# The points that stand still in root-relative measures: the wrist; the palm's centre, for data sets that annotate that
# in its stead; the centroid of the points that are known, for those with fingertips alone.
Origin = Literal["wrist", "palm", "centroid"]


@dataclass(frozen=True)
class Truth:
    """One hand over all frames of a clip; metres, camera axes, pixels of the input frames, points in OpenPose order.

    `name` is the file's or the sequence's, for messages. `frames` are the numbers that the annotator gave the frames.
    A frame without annotation is NaN throughout.
    """

    name: str
    side: Side
    frames: Int[np.ndarray, "frames"]
    joints_m: Float[np.ndarray, "frames 21 3"]
    keypoints_px: Float[np.ndarray, "frames 21 2"]
    vertices_m: Float[np.ndarray, "frames vertices 3"] | None = None
    palm_m: Float[np.ndarray, "frames 3"] | None = None

    @property
    def origin(self) -> Origin:
        if np.isfinite(self.joints_m[:, 0]).any():
            return "wrist"
        return "palm" if self.palm_m is not None else "centroid"

    @property
    def annotated(self) -> np.ndarray:
        """(frames,) bool: something of the hand is known in the frame."""
        return np.isfinite(self.joints_m).any(axis=(1, 2)) | np.isfinite(self.keypoints_px).any(axis=(1, 2))

    def between(self, first: int, last: int) -> "Truth":
        """The frames numbered `first` to `last`. Raises InputError where one of them is not annotated."""
        place = {int(number): row for row, number in enumerate(self.frames)}
        missing = [number for number in range(first, last + 1) if number not in place]
        if first > last or missing:
            has = f"{self.name} has frames {self.frames.min()} to {self.frames.max()}"
            without = f" without {missing[0]}" if missing and self.frames.min() < missing[0] < self.frames.max() else ""
            raise InputError(f"--frames {first} {last}: {has}{without}, expected FIRST LAST among them")
        return self._rows(np.array([place[number] for number in range(first, last + 1)]))

    def _rows(self, rows: Int[np.ndarray, "some"]) -> "Truth":
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        kept = {name: array[rows] for name, array in arrays.items() if isinstance(array, np.ndarray)}
        return replace(self, **kept)
