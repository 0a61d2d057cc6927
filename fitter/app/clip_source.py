"""A clip with all that is known of its hands, of which any frames can be had ready to be fitted.

source = ClipSource(clip, camera, model, seen, cues, learned)
inputs = source.inputs(np.arange(300, 640))    # one per hand; only these frames are read
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int

from fitter.app.cues import NO_CUES, Cues
from fitter.app.steps import initialise
from fitter.camera import Camera
from fitter.clip import Clip
from fitter.clip.slice import ClipSlice
from fitter.hand import HandModel
from fitter.observe.evidence import REFERENCE_SPAN_PX, spans_px
from fitter.observe.landmarks import landmarks_of
from fitter.observe.observations import Observations
from fitter.pipeline import FitInput
from fitter.scene import Scene
from fitter.state import State
from priors.learned import LearnedInitializer

FRAMES_AT_ONCE = 4096


@dataclass(frozen=True)
class ClipSource:
    """What `initialise` takes, of the whole clip."""

    clip: Clip
    camera: Camera
    model: HandModel
    seen: Sequence[Observations]
    cues: Cues = NO_CUES
    learned: LearnedInitializer | None = None

    def inputs(
        self, frames: Int[np.ndarray, "chosen"] | None = None, hands: Sequence[int] | None = None
    ) -> list[FitInput]:
        """Inputs of some frames (increasing; None: all) and hands (None: all), with the scale of the whole clip."""
        chosen = range(len(self.seen)) if hands is None else hands
        if frames is None or len(frames) == self.clip.n_frames:
            seen = [self.seen[hand] for hand in chosen]
            return initialise(self.clip, self.camera, self.model, seen, self.cues, self.learned)
        part, cues = ClipSlice(self.clip, frames), self.cues.at(frames)
        seen = [self.seen[hand].at(frames) for hand in chosen]
        if cues.initial is not None and len(self.seen) > len(seen) and seen[0].side not in cues.initial.by_side:
            cues = replace(cues, initial=None)  # of two hands one may go without
        camera = self.camera.of_frames(frames)
        inputs = initialise(part, camera, self.model, seen, cues, self.learned)
        return [
            replace(given, evidence=replace(given.evidence, pixel_scale=torch.tensor(self.pixel_scales[hand]).double()))
            for hand, given in zip(chosen, inputs, strict=True)
        ]

    @cached_property
    def pixel_scales(self) -> list[float]:
        """Of every hand, how large it is in the whole clip, see `Evidence`."""
        scales = []
        for hand in self.seen:
            spans = []
            for first in range(0, self.clip.n_frames, FRAMES_AT_ONCE):
                rows = slice(first, first + FRAMES_AT_ONCE)
                seen = hand.confidence[rows] > 0
                straight = self.camera.of_frames(rows).undistort_frames(hand.keypoints_px[rows])
                pixels = np.where(seen[..., None], straight, 0.0)
                spans.append(spans_px(pixels, seen))
                hand.release()
            every = np.concatenate(spans)
            scales.append(float(np.median(every)) / REFERENCE_SPAN_PX if len(every) else 1.0)
        return scales

    @property
    def confidence(self) -> Float[np.ndarray, "hands frames"]:
        """Of every hand and frame, the mean over the joints."""
        means = np.stack([hand.confidence.mean(axis=1) for hand in self.seen])
        for hand in self.seen:
            hand.release()
        return means

    def scenes(self) -> list[Scene]:
        """Of every hand its model, landmarks and camera; the states mean nothing."""
        found = []
        for hand in self.seen:
            camera = self.camera.mirrored() if hand.side == "left" else self.camera
            nowhere = State(torch.eye(3).expand(0, 16, 3, 3), torch.zeros(0, 3), torch.zeros(0), torch.zeros(()))
            found.append(Scene(self.model, landmarks_of(self.model, hand.source), camera, nowhere))
        return found
