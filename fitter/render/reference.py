"""The rasterizer's readable twin, for tests: every pixel against every triangle, straight from the definition.

    fragments = ReferenceRasterizer().rasterize(screen, faces, (32, 32))

Memory grows with pixels times triangles: small pictures only.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.render.rasterizer import Fragments


@dataclass(frozen=True)
class ReferenceRasterizer:
    """Torch on any device, in the type of `screen`. A pixel centre exactly on an edge is outside of both triangles."""

    cull_back_faces: bool = True
    near_m: float = 0.01

    def rasterize(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
    ) -> Fragments:
        width, height = size
        x = torch.arange(width, dtype=screen.dtype, device=screen.device) + 0.5
        y = torch.arange(height, dtype=screen.dtype, device=screen.device) + 0.5
        pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[..., None, :]  # (H, W, 1, 2)
        drawn = [self._frame(frame[faces.long()], pixels) for frame in screen]
        return Fragments(*(torch.stack(parts) for parts in zip(*drawn, strict=True)))

    def _frame(
        self, corners: Float[Tensor, "faces 3 3"], pixels: Float[Tensor, "height width 1 2"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        a, b, c = corners[..., :2].unbind(-2)
        area = cross(b - a, c - a)
        areas = torch.stack([cross(c - b, pixels - b), cross(a - c, pixels - c), cross(b - a, pixels - a)], dim=-1)
        weights = areas / area[:, None]  # (H, W, F, 3), linear on the screen, all positive inside
        perspective = weights / corners[..., 2]
        nearness = perspective.sum(-1)
        drawable = (corners[..., 2] > self.near_m).all(-1) & ((area < 0) | ((area > 0) & (not self.cull_back_faces)))
        seen = (weights > 0).all(-1) & drawable
        nearest, face = torch.where(seen, nearness, 0.0).max(-1)
        covered = nearest > 0
        index = face[..., None, None].expand(*face.shape, 1, 3)
        barycentric = perspective.gather(-2, index).squeeze(-2)[..., :2] / nearest.clamp_min(1e-9)[..., None]
        return (
            torch.where(covered, face, -1).to(torch.int32),
            torch.where(covered[..., None], barycentric, 0.0),
            torch.where(covered, 1.0 / nearest.clamp_min(1e-9), 0.0),
        )


def cross(a: Float[Tensor, "*any 2"], b: Float[Tensor, "*some 2"]) -> Tensor:
    """The z component of the cross product of two vectors in the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
