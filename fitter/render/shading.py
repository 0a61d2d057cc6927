"""Light on a surface: normals, second-order spherical harmonics, a soft headlight, and sRGB to and from linear light.

    normals = vertex_normals(vertices, faces)
    rgb = linear_to_srgb(albedo * irradiance(normals, lighting))

Everything is torch, differentiable and takes any leading batch axes. Colours are RGB 0..1, linear where light is added.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Real spherical harmonics up to second order, the constants of Ramamoorthi and Hanrahan 2001, eq. 3.
SH_CONSTANT = 0.5 / math.sqrt(math.pi)
SH_LINEAR = math.sqrt(3.0 / (4.0 * math.pi))
SH_PRODUCT = math.sqrt(15.0 / (4.0 * math.pi))
SH_SQUARE = math.sqrt(5.0 / (16.0 * math.pi))
# A cosine lobe keeps these shares of the three orders (the same paper, eq. 8).
LAMBERT = (math.pi, 2.0 * math.pi / 3.0, math.pi / 4.0)


def vertex_normals(
    vertices: Float[Tensor, "*any vertices 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "*any vertices 3"]:
    """Unit normals, the mean of the adjacent faces' weighted by area; 0 for a vertex without a face of any area."""
    index = faces.long()
    a, b, c = (vertices.index_select(-2, index[:, k]) for k in range(3))
    face_normals = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(vertices)
    for k in range(3):
        normals = normals.index_add(-2, index[:, k], face_normals)
    return torch.nn.functional.normalize(normals, dim=-1, eps=torch.finfo(vertices.dtype).tiny)


def sh_basis(directions: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 9"]:
    """The nine real spherical harmonics Y00, Y1-1, Y10, Y11, Y2-2, Y2-1, Y20, Y21, Y22 of unit `directions`."""
    x, y, z = directions.unbind(-1)
    columns = (
        torch.full_like(x, SH_CONSTANT),
        *(SH_LINEAR * y, SH_LINEAR * z, SH_LINEAR * x),
        *(SH_PRODUCT * x * y, SH_PRODUCT * y * z, SH_SQUARE * (3.0 * z * z - 1.0), SH_PRODUCT * x * z),
        0.5 * SH_PRODUCT * (x * x - y * y),
    )
    return torch.stack(columns, dim=-1)


def irradiance(
    normals: Float[Tensor, "*any points 3"], lighting: Float[Tensor, "*some 9 3"]
) -> Float[Tensor, "*any points 3"]:
    """Light that a matte white surface reflects, linear RGB; it can be negative where `lighting` is implausible.

    `lighting` are the coefficients of the incoming light in camera axes, one row per harmonic, with the cosine lobe
    already applied: a lone first row of 1 / SH_CONSTANT is an even white light of strength 1.
    """
    return sh_basis(normals) @ lighting


def directional_light(
    direction: Float[Tensor, "*any 3"], strength: Float[Tensor, "*any 3"], ambient: Float[Tensor, "*any 3"]
) -> Float[Tensor, "*any 9 3"]:
    """The `lighting` of one distant lamp plus an even light, linear RGB.

    `direction` is the unit vector towards the lamp. A surface facing it gets about `strength` (second order keeps the
    clamped cosine to within 0.09, Ramamoorthi and Hanrahan 2001) plus `ambient`.
    """
    lobe = torch.tensor([LAMBERT[0], *[LAMBERT[1]] * 3, *[LAMBERT[2]] * 5], dtype=direction.dtype)
    lamp = (lobe.to(direction.device) * sh_basis(direction)).unsqueeze(-1) * strength.unsqueeze(-2)
    even = torch.zeros_like(lamp)
    even[..., 0, :] = ambient / SH_CONSTANT
    return lamp + even


def headlight(
    normals: Float[Tensor, "*any 3"], towards_eye: Float[Tensor, "*some 3"], towards_lamp: Float[Tensor, "*more 3"]
) -> Float[Tensor, "*any"]:
    """Brightness 0..1 for pictures of shape alone: a wrapped lamp, and a darker rim where the surface turns away.

    All directions are unit vectors from the surface.
    """
    wrapped = 0.5 + 0.5 * (normals * towards_lamp).sum(-1)  # no black side: shape must read everywhere
    facing = (normals * towards_eye).sum(-1).clamp(0.0, 1.0)
    return (0.12 + 0.88 * wrapped**2) * (0.4 + 0.6 * facing.sqrt())


def srgb_to_linear(srgb: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Display values 0..1 -> linear light (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Linear light -> display values; below 0 continues the straight part, above 1 is not clipped (IEC 61966-2-1)."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1.0 / 2.4) - 0.055)
