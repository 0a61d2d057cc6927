"""The pose is a likely one: each joint near the middle of its range, the end joints following the middle ones."""

from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.anatomy import EACH_JOINT
from fitter.energy.term import FIRST_ROTATION, FrameRows
from fitter.hand.joint_axes import DEVIATION_RAD, MEAN_RAD
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene

FLEXION = 2
MIDDLE_JOINTS = np.array([1, 4, 7, 10])  # of the four fingers, among the 15 joints
END_JOINTS = MIDDLE_JOINTS + 1
END_AND_MIDDLE = FIRST_ROTATION + 1 + np.stack([END_JOINTS, MIDDLE_JOINTS], axis=1)


@dataclass(frozen=True)
class Pose:
    """(twist, spread, flexion - mean) / (width * deviation), by the table of natural ranges."""

    width: Positive = 1.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 15 3"]:
        angles = scene.joint_angles
        return (angles - angles.new_tensor(MEAN_RAD)) / (self.width * angles.new_tensor(DEVIATION_RAD))

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        jacobian = scene.joint_angles_jacobian
        whitened = jacobian / (self.width * jacobian.new_tensor(DEVIATION_RAD)).unsqueeze(-1)
        return FrameRows(self.residual(scene, evidence), whitened.unsqueeze(-2), EACH_JOINT)


@dataclass(frozen=True)
class Coupling:
    """A finger's end joint flexes two thirds as far as its middle joint (Rijpkema & Girard 1991), within
    `sigma_deg`.
    """

    ratio: Positive = 2 / 3
    sigma_deg: Positive = 15.0
    robust_width: Positive | None = 2.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 4 1"]:
        flexion = scene.joint_angles[..., FLEXION]
        excess = flexion[..., END_JOINTS] - self.ratio * flexion[..., MIDDLE_JOINTS]
        return (excess / radians(self.sigma_deg)).unsqueeze(-1)

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        slope = scene.joint_angles_jacobian[..., FLEXION, :] / radians(self.sigma_deg)
        pair = torch.stack([slope[..., END_JOINTS, :], -self.ratio * slope[..., MIDDLE_JOINTS, :]], dim=-2)
        return FrameRows(self.residual(scene, evidence), pair.unsqueeze(-3), END_AND_MIDDLE)
