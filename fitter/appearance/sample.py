"""Bilinear look-up in a texture, in torch: differentiable with respect to the texture and the place.

albedo = sample_albedo(appearance.albedo, uv)       # (*any, 3)
"""

import torch
from jaxtyping import Float
from torch import Tensor


def sample_albedo(albedo: Float[Tensor, "size size 3"], uv: Float[Tensor, "*any 2"]) -> Float[Tensor, "*any 3"]:
    """Colours at `uv` (v up) between the texel centres that `Appearance` defines; constant beyond the outermost ones.

    The gradient by `uv` is that of the bilinear patch, one-sided on its border, and 0 beyond the outermost centres.
    """
    size = albedo.shape[0]
    column = (uv[..., 0] * size - 0.5).clamp(0.0, size - 1.0)
    row = ((1.0 - uv[..., 1]) * size - 0.5).clamp(0.0, size - 1.0)
    left = column.detach().floor().clamp_max(max(size - 2.0, 0.0)).long()
    top = row.detach().floor().clamp_max(max(size - 2.0, 0.0)).long()
    right, bottom = (left + 1).clamp_max(size - 1), (top + 1).clamp_max(size - 1)
    x, y = (column - left).unsqueeze(-1), (row - top).unsqueeze(-1)
    upper = torch.lerp(albedo[top, left].to(x), albedo[top, right].to(x), x)
    lower = torch.lerp(albedo[bottom, left].to(x), albedo[bottom, right].to(x), x)
    return torch.lerp(upper, lower, y)
