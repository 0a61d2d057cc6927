"""The pose is one that hands are seen in: all joint angles together, whitened by a learnt Gaussian.

What `pose` and `coupling` say by hand, joint by joint, this says of all joints at once, so it stands in for both.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.anatomy import EACH_JOINT
from fitter.energy.term import FrameRows
from fitter.hand.pose_prior import PosePrior
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class LearnedPose:
    """W (angles - mean) / width by the prior of the evidence; acts only where there is one.

    A group is a finger's nine numbers, whose norm is 3 for a usual pose: so wide a `robust_width` bites on every frame.
    """

    width: Positive = 1.0
    robust_width: Positive | None = None

    def given(self, evidence: Evidence) -> bool:
        return evidence.pose_prior is not None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames groups components"]:
        prior = known_prior(evidence)
        off = scene.joint_angles - prior.mean_rad.to(scene.joint_angles)
        return torch.einsum("gci,...i->...gc", prior.whitening.to(off) / self.width, off.flatten(-2))

    def rows(self, scene: Scene, evidence: Evidence) -> FrameRows:
        jacobian = scene.joint_angles_jacobian
        whitening = known_prior(evidence).whitening.to(jacobian).unflatten(-1, (15, 3)) / self.width
        features = np.tile(EACH_JOINT[:, 0], (len(whitening), 1))
        whitened = torch.einsum("gcja,...jab->...gcjb", whitening, jacobian)
        return FrameRows(self.residual(scene, evidence), whitened, features)


def known_prior(evidence: Evidence) -> PosePrior:
    if evidence.pose_prior is None:
        raise AssertionError("no prior of the pose is known: the term is not given")
    return evidence.pose_prior
