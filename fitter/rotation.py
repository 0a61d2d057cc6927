"""Rotations as elements of SO(3): exponential, logarithm and the derivative of the logarithm.

A tangent vector is a rotation vector (radians) applied on the right: R exp(delta). Axis-angle vectors are never
subtracted.

    rotation = rotation @ exp(delta)
    log(rotation @ exp(delta)) ~ log(rotation) + inverse_right_jacobian(log(rotation)) @ delta
"""

import roma
import torch
from jaxtyping import Float
from torch import Tensor

# Below this angle (radians) the series replaces the closed form, whose 0/0 loses half the digits of float64 there.
SMALL_ANGLE = 1e-4

# Cosine of the angle (168 degrees) beyond which the antisymmetric part of a rotation loses its axis to rounding.
LEAST_COSINE = -0.98


def exp(vector: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3 3"]:
    """Rotation matrix of a rotation vector (radians)."""
    return roma.rotvec_to_rotmat(vector)


def log(rotation: Float[Tensor, "*any 3 3"]) -> Float[Tensor, "*any 3"]:
    """Rotation vector (radians, norm at most pi) of a rotation matrix.

    Where no derivative is asked for, from the antisymmetric part: a tenth of the cost of roma's way over quaternions,
    which is exact near half turns, too, and takes over there.
    """
    if torch.is_grad_enabled():
        return roma.rotmat_to_rotvec(rotation)
    flat = rotation.flatten(-2)
    vector = 0.5 * (flat[..., [7, 2, 3]] - flat[..., [5, 6, 1]])
    sine, cosine = vector.norm(dim=-1), 0.5 * (flat[..., [0, 4, 8]].sum(-1) - 1.0)
    if bool((cosine < LEAST_COSINE).any()):
        return roma.rotmat_to_rotvec(rotation)
    small = sine < SMALL_ANGLE
    ratio = torch.atan2(sine, cosine) / torch.where(small, torch.ones_like(sine), sine)
    return vector * torch.where(small, 1.0 + sine.square() / 6.0, ratio).unsqueeze(-1)


def skew(vector: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3 3"]:
    """The matrix of the cross product: skew(a) @ b = a x b."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))


def inverse_right_jacobian(vector: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3 3"]:
    """Derivative of log(exp(vector) exp(delta)) with respect to delta at 0 (Sola et al. 2018, eq. 144)."""
    angle_squared = (vector * vector).sum(-1)
    small = angle_squared < SMALL_ANGLE**2
    safe = torch.where(small, torch.ones_like(angle_squared), angle_squared)
    angle = safe.sqrt()
    closed = 1.0 / safe - (1.0 + angle.cos()) / (2.0 * angle * angle.sin())
    factor = torch.where(small, torch.full_like(closed, 1.0 / 12.0), closed)
    cross = skew(vector)
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + 0.5 * cross + factor[..., None, None] * (cross @ cross)
