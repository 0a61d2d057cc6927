"""No joint bends further than joints do, nor in a direction in which it has no axis."""

from dataclasses import dataclass
from math import radians

import numpy as np
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import FIRST_ROTATION, FrameRows
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene

EACH_JOINT = FIRST_ROTATION + np.arange(1, 16)[:, None]


@dataclass(frozen=True)
class Anatomy:
    """How far each joint's twist, spread and flexion lie outside their range, over sigma (S2HAND, CVPR 2021, eq.

    14).
    """

    sigma_deg: Positive = 3.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 15 3"]:
        return outside(scene.joint_angles) / radians(self.sigma_deg)

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        excess = outside(scene.joint_angles)
        jacobian = scene.joint_angles_jacobian * (excess != 0).unsqueeze(-1) / radians(self.sigma_deg)
        return FrameRows(excess / radians(self.sigma_deg), jacobian.unsqueeze(-2), EACH_JOINT)


def outside(angles: Float[Tensor, "*any 15 3"]) -> Float[Tensor, "*any 15 3"]:
    """Signed distance outside the natural range, 0 inside, radians."""
    above = (angles - angles.new_tensor(HIGHEST_RAD)).clamp_min(0.0)
    below = (angles.new_tensor(LOWEST_RAD) - angles).clamp_min(0.0)
    return above - below
