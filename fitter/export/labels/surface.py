"""What the labelled meshes cover in their image: masks of hands, and which joints are in sight.

seen = look_at(image)
seen.mask(0), seen.visible(0)
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from fitter.export.labels.hand import LabelledImage
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer

# How deep a joint in sight lies behind the skin at most, as a share of the palm from the wrist to the middle finger.
# The free hand at rest has up to 0.22 before the base of the thumb, 0.18 before the wrist and less before all others,
# and more where the look is oblique; another finger before a joint, with the joint's own flesh, is 0.25 or more. No
# finger of the same hand reaches the wrist and the base of the thumb, so they may lie deeper.
SKIN = np.full(21, 0.25)
SKIN[[0, 1]] = 0.4
WRIST, PALM_END = 0, 9


@dataclass(frozen=True)
class Surface:
    """Per pixel of the image the hand seen there (-1: none) and its depth in metres (0: none)."""

    image: LabelledImage
    hand: Int[np.ndarray, "height width"]
    depth_m: Float[np.ndarray, "height width"]

    def mask(self, hand: int) -> Bool[np.ndarray, "height width"]:
        """Pixels in which this hand of the image is the nearest."""
        return self.hand == hand

    def visible(self, hand: int) -> Bool[np.ndarray, "21"]:
        """Joints inside the image before which no skin lies that is not their own, by depth (SKIN)."""
        labelled, (width, height) = self.image.hands[hand], self.image.size
        inside = labelled.inside(self.image.size)
        columns, rows = np.where(inside[:, None], labelled.keypoints_px, 0.0).astype(int).T
        seen = self.depth_m[rows.clip(0, height - 1), columns.clip(0, width - 1)]
        palm_m = float(np.linalg.norm(labelled.joints_m[PALM_END] - labelled.joints_m[WRIST]))
        hidden = (seen > 0) & (seen < labelled.joints_m[:, 2] - SKIN * palm_m)
        return inside & ~hidden


def look_at(image: LabelledImage) -> Surface:
    """Draw all hands of the image."""
    count = len(image.hands[0].vertices_m)
    vertices = np.concatenate([hand.vertices_m for hand in image.hands])
    # One mesh of all; both faces of a triangle are drawn, so the winding, which is a right hand's, plays no role.
    faces = np.concatenate([image.faces + count * hand for hand in range(len(image.hands))])
    screen = to_screen(image.camera, torch.from_numpy(vertices)[None])
    fragments = ZBuffer(cull_back_faces=False).rasterize(screen, torch.from_numpy(faces), image.size)
    triangle = fragments.triangle_id[0].numpy().astype(np.int64)
    return Surface(image, np.where(triangle < 0, -1, triangle // len(image.faces)), fragments.depth[0].numpy())
