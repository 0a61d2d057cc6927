"""Who proposes the states that a fit starts from: the list that `benchmarks.initialisers` compares.

    for contestant in contestants():
        given = contestant.enter(clip.given)      # the same problem with its starts, and its depth cues if it makes any

An initializer is added by its line in `contestants`; the targets hold for those that are `judged`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.joint_axes import MEAN_RAD
from fitter.initialise import Initializer, Start, initial_states, joints_of_angles, placed
from fitter.observe.evidence import Evidence
from fitter.pipeline import FitInput

Completion = Callable[[HandModel, Camera, Evidence], Evidence]

NEUTRAL, DETECTIONS = "neutral", "detections"


def as_seen(model: HandModel, camera: Camera, evidence: Evidence) -> Evidence:
    """The completion that adds nothing."""
    return evidence


@dataclass(frozen=True)
class Contestant:
    """`initializer` proposes; `complete` fills in cues that the source does not have. One that `needs_cues` does not
    take part where there are none.
    """

    name: str
    initializer: Initializer
    complete: Completion = as_seen
    needs_cues: bool = False
    judged: bool = False

    def enter(self, given: FitInput) -> FitInput:
        """The problem as this one would have it solved."""
        evidence = self.complete(given.model, given.camera, given.evidence)
        return replace(
            given, evidence=evidence, starts=tuple(self.initializer(given.model, given.camera, given.evidence))
        )


def contestants() -> list[Contestant]:
    """All of them."""
    return [
        Contestant(NEUTRAL, neutral),
        # Without cues these are the neutral one's.
        Contestant(DETECTIONS, initial_states, needs_cues=True),
    ]


def neutral(model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
    """A relaxed hand in every frame, turned and placed by the keypoints (and by image depth where there is some)."""
    relaxed = joints_of_angles(model, torch.from_numpy(MEAN_RAD).expand(evidence.n_frames, 15, 3))
    return [Start("relaxed", placed(model, camera, evidence, relaxed))]
