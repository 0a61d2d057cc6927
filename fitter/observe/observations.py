"""What a keypoint source saw, first per frame (`Detection`), then per hand over the whole clip (`Observations`).

Pixels are the input frames', the first pixel's centre at (0.5, 0.5). What is missing is 0 with confidence 0, not NaN.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from fitter.mapped import release_pages

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Detection:
    """One hand in one frame, as its source gave it.

    `side` is the anatomical side the source believes in (None: it does not say), with `side_score` in 0..1.
    `depth_px` is the depth relative to the wrist in pixels of weak perspective, that is (z - z_wrist) f / z_wrist,
    positive away from the camera. `landmarks_m` are the source's own root-relative 3D landmarks, with axes
    parallel to the camera's.
    """

    keypoints_px: Float[np.ndarray, "21 2"]
    confidence: Float[np.ndarray, "21"]
    side: Side | None = None
    side_score: float = 0.0
    depth_px: Float[np.ndarray, "21"] | None = None
    landmarks_m: Float[np.ndarray, "21 3"] | None = None


@dataclass(frozen=True)
class Observations:
    """One hand over T frames. Left hands are stored as seen; `mirrored()` turns them into right hands for the engine.

    `depth_px` and `landmarks_m` as in `Detection`; None where the source has no such cue; rows of frames that are not
    `observed` are 0 with confidence 0. `source` names the landmark definition (`mediapipe`, `openpose`, ...).
    """

    source: str
    side: Side
    time_s: Float[np.ndarray, "frames"]
    image_size: tuple[int, int]
    keypoints_px: Float[np.ndarray, "frames 21 2"]
    confidence: Float[np.ndarray, "frames 21"]
    depth_px: Float[np.ndarray, "frames 21"] | None = None
    landmarks_m: Float[np.ndarray, "frames 21 3"] | None = None

    @property
    def observed(self) -> Bool[np.ndarray, "frames"]:
        """Frames in which at least one joint was seen."""
        return (self.confidence > 0).any(axis=1)

    def mirrored(self) -> "Observations":
        """The same hand in the horizontally flipped frames, where a left hand is a right one."""
        width = self.image_size[0]
        seen = self.confidence[..., None] > 0
        flipped = np.where(seen, self.keypoints_px * [-1.0, 1.0] + [width, 0.0], 0.0)
        landmarks = None if self.landmarks_m is None else self.landmarks_m * [-1.0, 1.0, 1.0]
        side: Side = "right" if self.side == "left" else "left"
        return replace(self, side=side, keypoints_px=flipped, landmarks_m=landmarks)

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "Observations":
        """Of some of its frames, in memory."""
        part = replace(
            self,
            time_s=self.time_s[frames],
            keypoints_px=self.keypoints_px[frames],
            confidence=self.confidence[frames],
            depth_px=None if self.depth_px is None else self.depth_px[frames],
            landmarks_m=None if self.landmarks_m is None else self.landmarks_m[frames],
        )
        self.release()
        return part

    def release(self) -> None:
        """Let go of the memory in which rows lie that were read from files."""
        release_pages(self.keypoints_px, self.confidence, self.depth_px, self.landmarks_m)
