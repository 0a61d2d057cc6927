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
    """betas / sigma; `sigma_beta` 1 is the model's own prior."""

    sigma_beta: Positive = 1.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 betas 1"]:
        return (scene.state.betas / self.sigma_beta)[..., None, :, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        n_betas = scene.state.betas.shape[-1]
        jacobian = scene.state.betas.new_zeros(n_betas, n_betas + 1)
        jacobian[:, :n_betas].fill_diagonal_(1.0 / self.sigma_beta)
        return SharedRows(self.residual(scene, evidence), jacobian)
