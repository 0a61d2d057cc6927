"""Antialiased pictures of a mesh with a colour per vertex: more samples than pixels, averaged.

    rgba = paint(screen, faces, colours, (640, 480))       # (480, 640, 4), colour already multiplied by alpha

For people to look at: nothing here is differentiable.
"""

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numba import njit
from torch import Tensor

from fitter.render.rasterizer import Fragments
from fitter.render.workers import cores
from fitter.render.zbuffer import ZBuffer

SAMPLES = 2  # along each side of a pixel
# A finger in front of another part is about this much nearer; smaller steps are creases of one surface.
OCCLUSION_STEP_M = 0.006
OCCLUSION_SHADE = 0.55


def paint(
    screen: Float[Tensor, "vertices 3"],
    faces: Int[Tensor, "faces 3"],
    colours: Float[Tensor, "vertices 4"],
    size: tuple[int, int],
    occlusion_lines: bool = False,
) -> Float[np.ndarray, "height width 4"]:
    """Colour times alpha and alpha, averaged over each pixel's samples; size is (width, height) pixels.

    `screen` as `Rasterizer` takes it, `colours` are RGB and alpha 0..1. With `occlusion_lines` the far side of every
    occlusion is darkened along its border, so that fingers before a palm read.
    """
    width, height = size
    seen = samples_of(screen, faces, size)
    picture = np.zeros((height, width, 4), np.float32)
    average_samples(
        *(seen.triangle_id[0].numpy(), seen.barycentric[0].numpy(), seen.depth[0].numpy()),
        *(faces.cpu().numpy(), colours.detach().cpu().numpy().astype(np.float32)),
        OCCLUSION_STEP_M if occlusion_lines else np.inf,
        picture,
    )
    return picture


def samples_of(screen: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]) -> Fragments:
    """What the SAMPLES x SAMPLES parts of every pixel see: one frame, as many times wider and higher than `size`."""
    width, height = size
    # The rasterizer works on frames in parallel, so one picture is drawn as several low ones.
    bands = cores()
    band_height = -(-height // bands)
    top = torch.arange(bands, dtype=screen.dtype) * band_height * SAMPLES
    fine = screen * screen.new_tensor([SAMPLES, SAMPLES, 1.0]) - top[:, None, None] * screen.new_tensor([0.0, 1.0, 0.0])
    seen = ZBuffer().rasterize(fine, faces, (width * SAMPLES, band_height * SAMPLES))

    def joined(bands: Tensor) -> Tensor:
        return bands.flatten(0, 1)[None, : height * SAMPLES]

    return Fragments(joined(seen.triangle_id), joined(seen.barycentric), joined(seen.depth))


@njit(cache=True, nogil=True)
@no_type_check
def average_samples(triangle_id, barycentric, depth, faces, colours, occlusion_step, picture):
    """Add every covered sample's share to its pixel of `picture`."""
    height, width = triangle_id.shape
    share = 1.0 / (SAMPLES * SAMPLES)
    for row in range(height):
        for column in range(width):
            triangle = triangle_id[row, column]
            if triangle < 0:
                continue
            a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
            wa, wb = barycentric[row, column, 0], barycentric[row, column, 1]
            wc = 1.0 - wa - wb
            alpha = (wa * colours[a, 3] + wb * colours[b, 3] + wc * colours[c, 3]) * share
            shade = alpha
            nearest = depth[row, column]
            for other_row, other_column in (
                (max(row - SAMPLES, 0), column),
                (min(row + SAMPLES, height - 1), column),
                (row, max(column - SAMPLES, 0)),
                (row, min(column + SAMPLES, width - 1)),
            ):
                if triangle_id[other_row, other_column] >= 0:
                    nearest = min(nearest, depth[other_row, other_column])
            if nearest < depth[row, column] - occlusion_step:
                shade *= OCCLUSION_SHADE
            pixel = picture[row // SAMPLES, column // SAMPLES]
            for k in range(3):
                pixel[k] += shade * (wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k])
            pixel[3] += alpha


def blend(picture: UInt8[np.ndarray, "height width 3"], layer: Float[np.ndarray, "height width 4"]) -> None:
    """Lay a layer as `paint` returns it over an 8-bit picture, in place and in the layer's own colour space."""
    blend_pixels(picture, layer)


@njit(cache=True, nogil=True)
@no_type_check
def blend_pixels(picture, layer):
    """See `blend`; pixels that the layer leaves alone keep their exact value."""
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            alpha = layer[row, column, 3]
            if alpha > 0.0:
                for k in range(3):
                    value = picture[row, column, k] * (1.0 - alpha) + layer[row, column, k] * 255.0
                    picture[row, column, k] = int(min(max(value, 0.0), 255.0) + 0.5)
