"""The landmarks, projected, lie where the detector saw them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import FrameRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene

EACH_POINT = np.arange(21)[:, None]


@dataclass(frozen=True)
class Keypoints:
    """(projection - keypoint) / sigma, weighted by the root of the confidence; robust per keypoint.

    `sigma_px` holds for a hand that spans `Evidence.REFERENCE_SPAN_PX` and grows with it: detectors look at a crop
    scaled to one size, so their error does. After S2HAND (Chen et al., CVPR 2021, eq. 7), with a Cauchy loss.
    """

    sigma_px: Positive = 4.0
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 21 2"]:
        return (scene.keypoints - evidence.keypoints_px) * self.weight(evidence)

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        weight = self.weight(evidence)
        centre = scene.points.new_tensor([scene.camera.cx, scene.camera.cy])
        return FrameRows(
            residual=(scene.keypoints - evidence.keypoints_px) * weight,
            jacobian=(scene.projection_jacobian * weight.unsqueeze(-1)).unsqueeze(-2),
            features=EACH_POINT,
            focal=(scene.keypoints - centre) * weight,
        )

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch frames 21 1"]:
        return evidence.confidence.sqrt().unsqueeze(-1) / (self.sigma_px * evidence.pixel_scale[..., None, None, None])


def reprojections_px(scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames"]:
    """Mean distance of each frame's landmarks from its keypoints, weighted by confidence, undistorted pixels; NaN where
    none was seen.
    """
    with torch.no_grad():
        distance = (scene.keypoints - evidence.keypoints_px).norm(dim=-1)
        return (distance * evidence.confidence).sum(-1) / evidence.confidence.sum(-1)
