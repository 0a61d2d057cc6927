"""Which part of every frame is compared with the rendering: a square window that follows the hand.

    windows = windows_around(screen_px, resolution=224)
    windows.of_image(pixels)                       # (frames, points, 2) image pixels -> window pixels
    windows.resized(112)                           # the same squares, seen by fewer pixels

Window pixels have their centres at +0.5, as image pixels do.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Room around the mesh, as a share of its longer side: where the fit's hand may still grow and move to.
MARGIN = 0.15
SMALLEST_SIDE_PX = 16.0


@dataclass(frozen=True)
class Windows:
    """One square per frame: `origin_px` is its upper left corner in undistorted image pixels, `scale` its window
    pixels per image pixel, `size` its side in window pixels.
    """

    origin_px: Float[Tensor, "frames 2"]
    scale: Float[Tensor, "frames"]
    size: int

    def of_image(self, pixels: Float[Tensor, "*batch frames points 2"]) -> Float[Tensor, "*batch frames points 2"]:
        """Undistorted image pixels -> window pixels."""
        return (pixels - self.origin_px[:, None]) * self.scale[:, None, None]

    def to_image(self, pixels: Float[Tensor, "*batch frames points 2"]) -> Float[Tensor, "*batch frames points 2"]:
        """Window pixels -> undistorted image pixels."""
        return pixels / self.scale[:, None, None] + self.origin_px[:, None]

    def resized(self, size: int) -> "Windows":
        """The same squares seen by size x size pixels."""
        return replace(self, scale=self.scale * (size / self.size), size=size)

    def at(self, frames: "slice | Int[Tensor, 'chosen']") -> "Windows":
        """Those of some frames, in memory of their own."""
        return replace(self, origin_px=self.origin_px[frames].clone(), scale=self.scale[frames].clone())

    def to(self, device: torch.device | str) -> "Windows":
        return replace(self, origin_px=self.origin_px.to(device), scale=self.scale.to(device))


def windows_around(pixels: Float[Tensor, "frames points 2"], size: int) -> Windows:
    """Squares around the points of every frame (undistorted image pixels) with MARGIN on each side."""
    low, high = pixels.amin(dim=1), pixels.amax(dim=1)
    side = ((high - low).amax(dim=1) * (1.0 + 2.0 * MARGIN)).clamp_min(SMALLEST_SIDE_PX)
    return Windows((low + high) / 2.0 - side.unsqueeze(1) / 2.0, size / side, size)
