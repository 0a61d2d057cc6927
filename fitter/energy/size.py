"""The hand is as long as it was measured to be, or as hands are."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.shape import repetitions
from fitter.energy.term import SharedRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class Size:
    """(hand length - length) / sigma, wrist to middle fingertip along the bones.

    One view cannot tell a small near hand from a large far one: without a length the absolute scale is this prior's.
    Counted once per `independent_frames`, as the shape is.
    186 +- 10 mm is the adult mean over both sexes (ANSUR II, Gordon et al. 2014: women 181, men 194 mm).
    """

    length_mm: Positive = 186.0
    sigma_mm: Positive = 10.0
    independent_frames: Positive = 5.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 1 1"]:
        length_mm = scene.model.hand_length(scene.state.betas) * 1000.0
        return ((length_mm - self.length_mm) * self.weight(evidence))[..., None, None, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        slope = torch.func.grad(scene.model.hand_length)(scene.state.betas) * 1000.0 * self.weight(evidence)
        jacobian = torch.cat([slope, slope.new_zeros(1)]).unsqueeze(0)
        return SharedRows(self.residual(scene, evidence), jacobian)

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch"]:
        return repetitions(evidence, self.independent_frames).sqrt() / self.sigma_mm
