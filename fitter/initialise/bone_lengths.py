"""The hand's shape from how long its bones are to each other, whatever the unit.

betas = shape_of_joints(model, joints)                # (frames, 21, 3) in any unit, weights (frames, 21) if some lack
betas = shape_of_bones(model, lengths, weight)        # (20) lengths, 0 weight where not known
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.skeleton import BONES, POINT_PARENTS

# What 3D joints by a network are wrong by, against the length of a bone, after the median over a clip: 3 mm of 40.
SIGMA_LOG_LENGTH = 0.07
STEPS = 8  # lengths are nearly linear in betas: three steps reach rounding


def shape_of_joints(
    model: HandModel,
    joints: Float[Tensor, "frames 21 3"],
    weight: Float[Tensor, "frames 21"] | None = None,
    in_metres: bool = False,
) -> Float[Tensor, "betas"]:
    """The likeliest betas of one hand seen in all frames, of which each bone's median length counts."""
    weight = joints.new_ones(joints.shape[:2]) if weight is None else weight
    lengths = (joints[:, BONES] - joints[:, POINT_PARENTS[BONES]]).norm(dim=-1)
    both = torch.minimum(weight[:, BONES], weight[:, POINT_PARENTS[BONES]]) * torch.isfinite(lengths) * (lengths > 0)
    known = np.ma.masked_array(lengths.numpy(), mask=(both <= 0).numpy())
    median = torch.from_numpy(np.ma.median(known, axis=0).filled(1.0))
    seen = (both > 0).to(joints.dtype).sum(0)
    return shape_of_bones(model, median, both.sum(0) / seen.clamp_min(1.0), in_metres)


def shape_of_bones(
    model: HandModel, lengths: Float[Tensor, "20"], weight: Float[Tensor, "20"], in_metres: bool = False
) -> Float[Tensor, "betas"]:
    """Betas that minimise E(beta) = sum w (log(model's length / length) - their mean)^2 / sigma^2 + |beta|^2.

    After Zhou et al. (CVPR 2020, E(beta) of their shape fit), who divide by one reference bone and so add its error to
    all others; here the common scale is the mean logarithm, which stays in where lengths are `in_metres`. Gauss-Newton.
    """
    betas = torch.zeros(model.n_betas, dtype=lengths.dtype)
    if not bool((weight > 0).any()):
        return betas
    root = weight.sqrt() / SIGMA_LOG_LENGTH

    def residual(betas: Float[Tensor, "betas"]) -> Float[Tensor, "20"]:
        difference = bone_lengths(model, betas).log() - lengths.log()
        common = 0.0 if in_metres else (weight * difference).sum() / weight.sum()
        return (difference - common) * root

    for _ in range(STEPS):
        jacobian = torch.func.jacfwd(residual)(betas)
        normal = jacobian.mT @ jacobian + torch.eye(len(betas), dtype=betas.dtype)
        betas = betas - torch.linalg.solve(normal, jacobian.mT @ residual(betas) + betas)
    return betas


def bone_lengths(model: HandModel, betas: Float[Tensor, "betas"]) -> Float[Tensor, "20"]:
    """Of the shaped hand, metres."""
    joints = model.with_shape(betas).joints
    return (joints[BONES] - joints[POINT_PARENTS[BONES]]).norm(dim=-1)
