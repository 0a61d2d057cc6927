"""How hands are held: the mean and the whitening of the finger joints' angles, learnt elsewhere and given as data.

prior = PosePrior.of_moments(mean_rad, covariance_rad2)
residual = torch.einsum("gci,...i->...gc", prior.whitening, (angles - prior.mean_rad).flatten(-2))   # N(0, 1) each
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

N_ANGLES = 45  # twist, spread and flexion of 15 joints, as `joint_axes` orders them


@dataclass(frozen=True)
class PosePrior:
    """A Gaussian over the joint angles of a right hand, radians: whitening (angles - mean) has unit covariance.

    A group is what a robust loss judges together: one per finger, MANO order.
    """

    mean_rad: Float[Tensor, "15 3"]
    whitening: Float[Tensor, "groups components 45"]

    @staticmethod
    def of_moments(mean_rad: Float[Tensor, "15 3"], covariance_rad2: Float[Tensor, "45 45"]) -> "PosePrior":
        """Whitened by the covariance's inverse symmetric root, of all roots the one whose numbers stay nearest to the
        angles they stand for (Kessy, Lewin and Strimmer 2018, ZCA), so that a finger's group is mostly of that finger.
        """
        values, vectors = torch.linalg.eigh(covariance_rad2)
        if not bool((values > 0).all()):
            raise AssertionError("a covariance has only positive eigenvalues")
        whitening = vectors @ torch.diag(values.rsqrt()) @ vectors.mT
        return PosePrior(mean_rad, whitening.reshape(5, N_ANGLES // 5, N_ANGLES))

    @property
    def covariance_rad2(self) -> Float[Tensor, "45 45"]:
        """Of the angles, in the order of `mean_rad` flattened."""
        whitening = self.whitening.flatten(0, 1)
        return torch.linalg.inv(whitening.mT @ whitening)

    def to(self, device: torch.device | str) -> "PosePrior":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})
