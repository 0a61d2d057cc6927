"""The hand is a likely one: betas are standard deviations of the population."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import SharedRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene

STIFFER = 10.0  # in standard deviations, of what is beyond the limit: 100 times the energy


@dataclass(frozen=True)
class Shape:
    """betas / sigma, counted once per `independent_frames` observed ones; `sigma_beta` 1 is the model's own prior.

    Beyond `limit` standard deviations there is hardly anybody (one in 140 by each beta), and the model's meshes are no
    hands any more: what exceeds it counts in addition, `STIFFER` times as much.

    A detector errs the same way from frame to frame, so a clip says of the shape what a few independent frames would.
    Counted once per clip, the prior loses to that repetition: betas run to 13 standard deviations in 600 frames.
    """

    sigma_beta: Positive = 1.0
    independent_frames: Positive = 5.0
    robust_width: Positive | None = None
    limit: Positive = 2.7

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 groups 1"]:
        betas = scene.state.betas
        both = torch.cat([betas, STIFFER * (betas - self._within(betas))], dim=-1)
        return (both * self.weight(evidence)[..., None])[..., None, :, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        betas = scene.state.betas
        beyond = STIFFER * (betas != self._within(betas)).to(betas)
        slopes = torch.cat([torch.eye(len(betas)).to(betas), beyond.diag()]) * self.weight(evidence)
        return SharedRows(self.residual(scene, evidence), torch.nn.functional.pad(slopes, (0, 1)))

    def _within(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch betas"]:
        most = self.limit * self.sigma_beta
        return betas.clamp(-most, most)

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch"]:
        return repetitions(evidence, self.independent_frames).sqrt() / self.sigma_beta


def repetitions(evidence: Evidence, independent_frames: float) -> Float[Tensor, "*batch"]:
    """How often each clip repeats what `independent_frames` say: observed frames over them, at least 1."""
    observed = (evidence.confidence > 0).any(dim=-1).sum(dim=-1)
    return (observed / independent_frames).clamp_min(1.0)
