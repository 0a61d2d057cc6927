"""A hand with what it wears, as the comparison video and the turntable show it.

hand = DressedHand(drawn, appearance, uv, uv_faces)
layer, box = draw_dressed([hand], dressed_mesh([hand]), frame, camera)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from fitter.camera import Camera
from fitter.observe.observations import Side
from fitter.render.appearance import Appearance
from fitter.render.shading import irradiance, vertex_normals
from fitter.render.textured import TexturedMesh, joined, paint_textured
from fitter.scene import LEAST_LIGHT
from fitter.visualize.overlay import DrawnHand, to_frame_pixels, visible_box

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, the last two exclusive


@dataclass(frozen=True)
class DressedHand:
    """`drawn` and its `appearance` in the same camera axes: a left hand's is `mirrored()` back.

    `uv_faces` are wound as `drawn.faces` are, for a right hand, whichever side it is.
    """

    drawn: DrawnHand
    appearance: Appearance
    uv: Float[np.ndarray, "corners 2"]
    uv_faces: Int[np.ndarray, "faces 3"]

    def light(self, frame: int) -> Float[Tensor, "vertices 3"]:
        """What a white surface would send back from each vertex of this frame, linear RGB, gain included."""
        vertices = torch.from_numpy(np.ascontiguousarray(self.drawn.vertices_m[frame], dtype=np.float32))
        faces = torch.from_numpy(np.ascontiguousarray(self.drawn.outward_faces))
        lighting, gain = self.appearance.lighting.to(vertices), self.appearance.gain[frame].to(vertices)
        return irradiance(vertex_normals(vertices, faces), lighting).clamp_min(LEAST_LIGHT) * gain


def textured_mesh(
    side: Side,
    n_vertices: int,
    faces: Int[np.ndarray, "faces 3"],
    uv: Float[np.ndarray, "corners 2"],
    uv_faces: Int[np.ndarray, "faces 3"],
    appearance: Appearance,
) -> TexturedMesh:
    """The surface of a hand of this side, faces and UVs outward; `faces` and `uv_faces` as for a right hand."""
    order = slice(None) if side == "right" else slice(None, None, -1)
    return TexturedMesh.of(n_vertices, faces[:, order], uv, uv_faces[:, order], appearance.albedo.cpu().numpy())


def dressed_mesh(hands: Sequence[DressedHand]) -> TexturedMesh:
    """All hands as one surface."""
    return joined(
        [
            textured_mesh(
                *(hand.drawn.side, hand.drawn.vertices_m.shape[1], hand.drawn.faces),
                *(hand.uv, hand.uv_faces, hand.appearance),
            )
            for hand in hands
        ]
    )


def draw_dressed(
    hands: Sequence[DressedHand], mesh: TexturedMesh, frame: int, camera: Camera
) -> tuple[Float32[np.ndarray, "height width 4"], Box] | None:
    """Linear light times alpha, and alpha, of the part of the input frame that the hands cover, and which part it is.

    `mesh` is `dressed_mesh(hands)`: it is the same in all frames. None where no hand is in the picture.
    """
    camera = camera.at(frame)
    # A hand that is not shown keeps its place in `mesh`: NaN vertices are not drawn.
    screens = [
        to_frame_pixels(hand.drawn.vertices_m[frame], camera)
        if hand.drawn.shown(frame)
        else np.full((hand.drawn.vertices_m.shape[1], 3), np.nan)
        for hand in hands
    ]
    screen = np.concatenate(screens)
    box = visible_box(screen[:, :2], camera.width, camera.height)
    if box is None:
        return None
    left, top, right, bottom = box
    light = torch.cat([hand.light(frame) for hand in hands])
    moved = torch.from_numpy(screen - [left, top, 0.0])
    return paint_textured(moved, mesh, light, (right - left, bottom - top)), box
