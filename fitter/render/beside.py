"""The other hand of a clip, as it was last fitted: what it may hide of this one, and what is not this one's.

beside = Beside.of(other_scene.vertices, faces, flipped=True)
beside.shown_instead(screen_of, fragments, size)     # (frames, size, size): pixels that say nothing of this hand
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fitter.hand.mirror import mirror_faces, mirror_points
from fitter.render.rasterizer import Fragments
from fitter.render.zbuffer import ZBuffer

# How far around the other hand's mesh its pixels may be, as a share of the window: fits are off by a few pixels.
MARGIN = 0.025


@dataclass(frozen=True)
class Beside:
    """The other hand's mesh in this hand's camera axes, metres, faces wound to be seen from outside."""

    vertices: Float[Tensor, "frames vertices 3"]
    faces: Int[Tensor, "faces 3"]

    @staticmethod
    def of(vertices: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], flipped: bool) -> "Beside":
        """`flipped` where the two hands are of different sides, so that their axes are each other's mirror image."""
        if not flipped:
            return Beside(vertices, faces)
        return Beside(mirror_points(vertices), mirror_faces(faces))

    def to(self, device: torch.device | str) -> "Beside":
        return replace(self, vertices=self.vertices.to(device), faces=self.faces.to(device))

    def chosen(self, frames: Int[Tensor, "chosen"]) -> "Beside":
        return replace(self, vertices=self.vertices[frames.to(self.vertices.device)])

    def shown_instead(self, screen_of: Callable[[Tensor], Tensor], own: Fragments) -> Bool[Tensor, "frames size size"]:
        """Pixels of the windows in which, or next to which, the other hand is seen and not this one before it.

        `screen_of` brings its vertices into the windows; `own` is what the windows see of this hand alone.
        """
        size = own.depth.shape[-1]
        other = ZBuffer().rasterize(screen_of(self.vertices), self.faces, (size, size))
        nearer = other.covered & (~own.covered.cpu() | (other.depth < own.depth.cpu()))
        reach = 2 * round(MARGIN * size) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        grown = [cv2.dilate(frame, disc) if frame.any() else frame for frame in nearer.numpy().astype(np.uint8)]
        return torch.from_numpy(np.stack(grown).astype(bool))
