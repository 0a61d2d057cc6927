"""The focal length is near the assumed one, where it is not known."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import SharedRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class Focal:
    """log(focal / assumed) / sigma. 0.2 covers phone and web cameras: 0.7 to 1.05 of the longer image side. Where the
    file's metadata tell the focal length, their own sigma holds.
    """

    sigma_log: Positive = 0.2
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 1 1"]:
        return (scene.state.log_focal / self.sigma(scene))[..., None, None, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        jacobian = scene.state.betas.new_zeros(1, scene.state.n_shared)
        jacobian[0, -1] = 1.0 / self.sigma(scene)
        return SharedRows(self.residual(scene, evidence), jacobian)

    def sigma(self, scene: Scene) -> float:
        return scene.camera.focal_sigma if scene.camera.focal_source == "metadata" else self.sigma_log
