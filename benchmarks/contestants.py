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
from priors.learned import LearnedInitializer, load_learned

NEUTRAL, DETECTIONS, NETWORK = "neutral", "detections", "network"


@dataclass(frozen=True)
class Contestant:
    """`enter` gives the problem as this one would have it solved: its starts, and cues that the source does not have.

    One that `needs_cues` does not take part where there are none.
    """

    name: str
    enter: Callable[[FitInput], FitInput]
    needs_cues: bool = False
    judged: bool = False


def contestants(learned: LearnedInitializer | None = None) -> list[Contestant]:
    """All of them; `learned` is the network that ships, if none is given. It sees keypoints alone: so does the fit."""
    network = learned or load_learned()
    return [
        Contestant(NEUTRAL, starting_at(neutral)),
        # Without cues these are the neutral one's.
        Contestant(DETECTIONS, starting_at(initial_states), needs_cues=True),
        Contestant(NETWORK, network.begin, judged=True),
    ]


def starting_at(initializer: Initializer) -> Callable[[FitInput], FitInput]:
    """The problem with the states that an initializer of the engine's protocol proposes."""

    def enter(given: FitInput) -> FitInput:
        return replace(given, starts=tuple(initializer(given.model, given.camera, given.evidence)))

    return enter


def neutral(model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
    """A relaxed hand in every frame, turned and placed by the keypoints (and by image depth where there is some)."""
    relaxed = joints_of_angles(model, torch.from_numpy(MEAN_RAD).expand(evidence.n_frames, 15, 3))
    return [Start("relaxed", placed(model, camera, evidence, relaxed))]
