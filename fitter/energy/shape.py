"""The hand is a likely one: betas are standard deviations of the population."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import SharedRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class Shape:
    """betas / sigma, counted once per `independent_frames` observed ones; `sigma_beta` 1 is the model's own prior.

    A detector errs the same way from frame to frame, so a clip says of the shape what a few independent frames would.
    Counted once per clip, the prior loses to that repetition: betas run to 13 standard deviations in 600 frames.
    """

    sigma_beta: Positive = 1.0
    independent_frames: Positive = 5.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 betas 1"]:
        return (scene.state.betas * self.weight(evidence)[..., None])[..., None, :, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        n_betas = scene.state.betas.shape[-1]
        jacobian = scene.state.betas.new_zeros(n_betas, n_betas + 1)
        jacobian[:, :n_betas].diagonal().add_(self.weight(evidence))
        return SharedRows(self.residual(scene, evidence), jacobian)

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch"]:
        return repetitions(evidence, self.independent_frames).sqrt() / self.sigma_beta


def repetitions(evidence: Evidence, independent_frames: float) -> Float[Tensor, "*batch"]:
    """How often each clip repeats what `independent_frames` say: observed frames over them, at least 1."""
    observed = (evidence.confidence > 0).any(dim=-1).sum(dim=-1)
    return (observed / independent_frames).clamp_min(1.0)
