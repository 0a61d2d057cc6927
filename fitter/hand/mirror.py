"""Left hands are fitted as mirrored right hands: everything here reflects x -> -x, and is its own inverse.

    left_vertices = mirror_points(right_vertices)
    left_pose = mirror_axis_angle(right_pose.unflatten(-1, (16, 3))).flatten(-2)
    left_faces = mirror_faces(right_faces)
    left_lighting = mirror_lighting(right_lighting)

The camera of the flipped frames is `Camera.mirrored()`. A mirrored pose and translation reproduce the mirrored vertices
in MANO's left model with the same betas, provided that its shape basis is corrected: the published MANO_LEFT repeats
the right hand's, so `shapedirs[:, 0, :] *= -1` first (github.com/vchoutas/smplx/issues/48).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def mirror_points(points: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Points, joints, vertices or translations (any unit) seen in the mirror."""
    return points * points.new_tensor([-1.0, 1.0, 1.0])


def mirror_axis_angle(axis_angle: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Rotation vectors (radians) seen in the mirror: an axis is a pseudovector, so what lies in the mirror flips."""
    return axis_angle * axis_angle.new_tensor([1.0, -1.0, -1.0])


def mirror_rotations(rotations: Float[Tensor, "*any 3 3"]) -> Float[Tensor, "*any 3 3"]:
    """Rotation matrices R seen in the mirror: S R S with S = diag(-1, 1, 1)."""
    sign = rotations.new_tensor([-1.0, 1.0, 1.0])
    return rotations * sign[:, None] * sign


def mirror_lighting(lighting: Float[Tensor, "*any 9 3"]) -> Float[Tensor, "*any 9 3"]:
    """Second-order spherical harmonics (the order of `fitter.render.shading.sh_basis`) of the light in the mirror.

    Those odd in x change their sign: Y11 ~ x, Y2-2 ~ xy and Y21 ~ xz.
    """
    sign = lighting.new_tensor([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
    return lighting * sign.unsqueeze(-1)


def mirror_faces(faces: Int[Tensor, "faces 3"]) -> Int[Tensor, "faces 3"]:
    """Faces wound so that their normals point outwards again after `mirror_points`."""
    return torch.flip(faces, dims=(-1,))
