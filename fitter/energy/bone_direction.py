"""The bones, projected, point the way the detector saw them point."""

from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import FrameRows, unit_jacobian
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS

NEAR, FAR = POINT_PARENTS[BONES], BONES
BOTH_ENDS = np.stack([FAR, NEAR], axis=1)
SHORTEST_PX = 1e-3  # keeps the direction of a bone that points at the camera finite


@dataclass(frozen=True)
class BoneDirection:
    """Difference of unit 2D bone vectors (S2HAND, Chen et al., CVPR 2021, eq. 8).

    Its standard deviation is `sigma_deg` plus, in quadrature, what an end off by `endpoint_px` (scaled as the
    keypoints' sigma) turns a bone of the observed length: a bone that points at the camera says nothing.
    """

    sigma_deg: Positive = 10.0
    endpoint_px: Positive = 4.0
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 20 2"]:
        predicted, _ = unit_bones(scene.keypoints)
        observed, weight = self.observed(evidence)
        return (predicted - observed) * weight

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        predicted, length = unit_bones(scene.keypoints)
        observed, weight = self.observed(evidence)
        turn = unit_jacobian(predicted, length) * weight.unsqueeze(-1)
        far = turn @ scene.projection_jacobian[..., FAR, :, :]
        near = -turn @ scene.projection_jacobian[..., NEAR, :, :]
        # A common factor of fx and fy stretches the picture evenly, which turns no bone: no focal derivative.
        return FrameRows((predicted - observed) * weight, torch.stack([far, near], dim=-2), BOTH_ENDS)

    def observed(self, evidence: Evidence) -> tuple[Tensor, Tensor]:
        directions, length = unit_bones(evidence.keypoints_px)
        confidence = (evidence.confidence[..., FAR] * evidence.confidence[..., NEAR]).sqrt()
        endpoint_rad = 2**0.5 * self.endpoint_px * evidence.pixel_scale[..., None, None] / length
        sigma = (radians(self.sigma_deg) ** 2 + endpoint_rad**2).sqrt()
        return directions, (confidence.sqrt() / sigma).unsqueeze(-1)


def unit_bones(keypoints: Float[Tensor, "*any 21 2"]) -> tuple[Float[Tensor, "*any 20 2"], Float[Tensor, "*any 20"]]:
    """Unit vectors of the 20 bones in the image, and their lengths in pixels."""
    bones = keypoints[..., FAR, :] - keypoints[..., NEAR, :]
    length = (bones.square().sum(-1) + SHORTEST_PX**2).sqrt()
    return bones / length.unsqueeze(-1), length
