"""The model's joints lie where they are known to be in 3D, as by another system of cameras or a tracker."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fitter.observe.evidence import Evidence
from fitter.observe.known_positions import KnownPositions
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class JointPositions:
    """(joint - known) / sigma, weighted by the root of its weight; robust per joint. The model's own 21 joints and
    tips, not a keypoint source's landmarks.

    The default is loose: a joint lies inside the hand, where nobody sees it, and no two systems put it at one place.
    Give `sigma_mm` the accuracy of your own.
    """

    sigma_mm: Positive = 5.0
    robust_width: Positive | None = 3.0

    def given(self, evidence: Evidence) -> bool:
        return evidence.joints is not None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 21 3"]:
        known = known_joints(evidence)
        weight = known.weight.sqrt().unsqueeze(-1) * (1000.0 / self.sigma_mm)
        return (scene.posed.joints - known.positions_m) * weight


def known_joints(evidence: Evidence) -> KnownPositions:
    if evidence.joints is None:
        raise AssertionError("joints are not known: the term is not given")
    return evidence.joints
