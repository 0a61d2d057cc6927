"""The bones, seen from the palm, point the way the detector's 3D landmarks say."""

from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import FIRST_ROTATION, FrameRows, unit_jacobian
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.rotation import skew
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS

NEAR, FAR = POINT_PARENTS[BONES], BONES
ENDS_AND_PALM = np.stack([FAR, NEAR, np.full(20, FIRST_ROTATION)], axis=1)
SHORTEST_M = 1e-6  # keeps the direction of a bone of no length finite


@dataclass(frozen=True)
class Articulation:
    """Difference of unit 3D bone vectors in the palm's axes: the detector's global orientation plays no part."""

    sigma_deg: Positive = 12.0
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 20 3"]:
        unit, _ = unit_bones(scene.points)
        return (in_palm_axes(scene, unit) - evidence.bone_directions) * self.weight(evidence)

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        weight = self.weight(evidence)
        unit, length = unit_bones(scene.points)
        seen = in_palm_axes(scene, unit)
        palm_camera = scene.state.rotations[..., :1, :, :].mT
        far = palm_camera @ unit_jacobian(unit, length)
        jacobian = torch.stack([far, -far, skew(seen)], dim=-2) * weight[..., None, None]
        return FrameRows((seen - evidence.bone_directions) * weight, jacobian, ENDS_AND_PALM)

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch frames 20 1"]:
        return evidence.bone_weight.sqrt().unsqueeze(-1) / radians(self.sigma_deg)


def unit_bones(points: Float[Tensor, "*any 21 3"]) -> tuple[Float[Tensor, "*any 20 3"], Float[Tensor, "*any 20"]]:
    """Unit vectors of the 20 bones in camera axes, and their lengths in metres."""
    bones = points[..., FAR, :] - points[..., NEAR, :]
    length = (bones.square().sum(-1) + SHORTEST_M**2).sqrt()
    return bones / length.unsqueeze(-1), length


def in_palm_axes(scene: Scene, vectors: Float[Tensor, "*any 20 3"]) -> Float[Tensor, "*any 20 3"]:
    """Vectors in camera axes -> the palm's rest axes."""
    return torch.einsum("...ji,...bj->...bi", scene.state.rotations[..., 0, :, :], vectors)
