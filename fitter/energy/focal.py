"""The focal length is near the assumed one, where it is not known."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fitter.energy.shape import repetitions
from fitter.energy.term import SharedRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class Focal:
    """log(focal / assumed) / sigma. 0.2 covers phone and web cameras: 0.7 to 1.05 of the longer image side. Where the
    file's metadata tell the focal length, their own sigma holds. Counted once per `independent_frames`, as shapes
    are: landmarks that err alike in all frames repeat what they say of the lens.
    """

    sigma_log: Positive = 0.2
    independent_frames: Positive = 5.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch 1 1 1"]:
        return (scene.state.log_focal * self.weight(scene, evidence))[..., None, None, None]

    def rows(self, scene: Scene, evidence: Evidence) -> SharedRows:
        jacobian = scene.state.betas.new_zeros(1, scene.state.n_shared)
        jacobian[0, -1] = self.weight(scene, evidence)
        return SharedRows(self.residual(scene, evidence), jacobian)

    def weight(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch"]:
        sigma = scene.camera.focal_sigma if scene.camera.focal_source == "metadata" else self.sigma_log
        return repetitions(evidence, self.independent_frames).sqrt() / sigma
