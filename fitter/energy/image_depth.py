"""Every landmark is as far behind or before the wrist as the detector's image depth says."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import FrameRows
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene

POINT_AND_WRIST = np.stack([np.arange(1, 21), np.zeros(20, dtype=int)], axis=1)


@dataclass(frozen=True)
class ImageDepth:
    """f (z - z_wrist) / z_wrist against the source's depth, both in pixels of weak perspective.

    Without a depth cue a fit from one view is wrong by the bas-relief ambiguity (Belhumeur et al. 1999), whatever its
    priors. `sigma_px` scales with the hand as the keypoints' does. The residual is in the detector's pixels, not over
    the focal length: a free focal length could otherwise shrink the noise by growing.
    """

    sigma_px: Positive = 18.0
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames 20 1"]:
        return ((self.predicted(scene) - evidence.depth_px[..., 1:]) * self.weight(evidence)).unsqueeze(-1)

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        weight = self.weight(evidence)
        wrist = scene.points[..., :1, 2]
        slope = weight * scene.focal[..., None, :1] / wrist
        jacobian = torch.zeros(*weight.shape, 1, 2, 3, dtype=weight.dtype, device=weight.device)
        jacobian[..., 0, 0, 2] = slope
        jacobian[..., 0, 1, 2] = -slope * scene.points[..., 1:, 2] / wrist
        focal = self.predicted(scene) * weight
        return FrameRows(self.residual(scene, evidence), jacobian, POINT_AND_WRIST, focal.unsqueeze(-1))

    def predicted(self, scene: Scene) -> Float[Tensor, "*batch frames 20"]:
        return (scene.points[..., 1:, 2] / scene.points[..., :1, 2] - 1.0) * scene.focal[..., None, :1]

    def weight(self, evidence: Evidence) -> Float[Tensor, "*batch frames 20"]:
        return evidence.depth_weight[..., 1:].sqrt() / (self.sigma_px * evidence.pixel_scale[..., None, None])
