"""What an initialiser is: anything that proposes states. Learned ones live outside the engine.

starts = initializer(model, camera, evidence)    # tried in turn by the pipeline, the best one is refined
evidence = advice(state, evidence)               # and what it knows of depth, once it is clear where the fit stands
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.observe.evidence import Evidence
from fitter.state import State


@dataclass(frozen=True)
class Start:
    """A named proposal, so that the report can say which one won."""

    name: str
    state: State


class Initializer(Protocol):
    """Proposes states for one right hand; the first is the one that the fit must never be worse than."""

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]: ...


@runtime_checkable
class FrameInitializer(Protocol):
    """An initializer that knows the frames of a clip, and so can be asked of some of them."""

    def at(self, frames: Int[np.ndarray, "chosen"]) -> Initializer: ...


class Advice(Protocol):
    """Adds cues that the source lacks to the evidence of a clip whose fit has come to `state` (CPU).

    From one view without depth a hand can be meant in several ways. Which one, keypoints, shape and motion decide best
    by themselves; only then the guess that is nearest to it says how the fingers are bent.
    """

    def __call__(self, state: State, evidence: Evidence) -> Evidence: ...
