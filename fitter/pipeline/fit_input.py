"""All that is given about one hand before it is fitted.

given = FitInput(model, landmarks, camera, evidence, starts)
given = with_known(given, Known(betas, log_focal, appearance, decided, held))
"""

from dataclasses import dataclass, replace

import torch

from fitter.camera import Camera
from fitter.hand import HandModel, Landmarks
from fitter.initialise import Advice, Start
from fitter.observe.depth_maps import DepthFolder
from fitter.observe.evidence import Evidence
from fitter.observe.footage import Footage
from fitter.pipeline.known import Known, adapted
from fitter.render.beside import Beside
from fitter.solve.schedule import Stage


@dataclass(frozen=True)
class FitInput:
    """All that is given about one right hand: `camera` may be of unknown focal length. `known` is what other frames of
    the same clip have decided, see `with_known`.
    """

    model: HandModel
    landmarks: Landmarks
    camera: Camera
    evidence: Evidence
    starts: tuple[Start, ...]  # the first is the one that the fit is never worse than
    footage: Footage | None = None  # the frames as this hand's camera sees them; None: keypoints alone
    depth: DepthFolder | None = None  # seen once it is known where the hand is
    advice: Advice | None = None  # asked once it is known where the hand is
    known: Known | None = None
    mirrored: bool = False  # a left hand, in frames flipped so that it looks like a right one
    beside: Beside | None = None  # the other hand of the clip, which may hide this one

    @property
    def held(self) -> int:
        """How many of the first frames do not move."""
        return 0 if self.known is None else self.known.n_held

    def free(self, stage: Stage) -> tuple[str, ...]:
        """What may move in a stage."""
        return stage.free_names(self.camera.known, self.known is not None)

    def to(self, device: torch.device | str) -> "FitInput":
        """The same on another device: there the fit computes what depends on the frames, see `fit_hand`."""
        return replace(
            self,
            model=self.model.to(device=device),
            landmarks=self.landmarks.to(device),
            evidence=self.evidence.to(device),
            starts=tuple(Start(start.name, start.state.to(device=device)) for start in self.starts),
            beside=None if self.beside is None else self.beside.to(device),
        )


def with_known(given: FitInput, known: Known) -> FitInput:
    """The input of a part whose shared unknowns are known; its starts have them, and begin as they are held."""
    starts = tuple(Start(start.name, adapted(start.state, known, given.model)) for start in given.starts)
    return replace(given, starts=starts, known=known)
