"""Layers of light put over each other, compiled: numpy would go over every picture several times.

over(light, layer)                                        # in place; layer: RGB times coverage, and coverage
hand = with_hollows(layer, reach_px)                      # places behind their surroundings get less light
"""

from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Float32
from numba import njit

from priors.synthetic.picture import HOLLOW_DEPTH_M, HOLLOW_SHADE

Light = Float32[np.ndarray, "size size 3"]
Layer = Float32[np.ndarray, "size size 4"]
DeepLayer = Float32[np.ndarray, "size size 5"]


def over(light: Light, layer: Layer) -> None:
    """Lay a layer over `light`, in place."""
    lay_over(light, layer)


def with_hollows(layer: DeepLayer, reach_px: float) -> Layer:
    """A layer without its depth (last channel, times coverage), darker where it lies behind its surroundings.

    As `picture.hollows`, with two box filters in place of a wide Gaussian of `reach_px`.
    """
    side = 2 * max(1, int(1.2 * min(reach_px, len(layer) / 4))) + 1  # two boxes spread as far as the Gaussian
    both = np.ascontiguousarray(layer[..., 3:])
    shaded = np.empty((*layer.shape[:2], 4), np.float32)
    shade_hollows(layer, cv2.blur(cv2.blur(both, (side, side)), (side, side)), shaded)
    return shaded


@njit(cache=True, nogil=True)
@no_type_check
def lay_over(light, layer):
    """See `over`."""
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            coverage = layer[row, column, 3]
            if coverage > 0.0:
                left = np.float32(1.0) - coverage
                for k in range(3):
                    light[row, column, k] = light[row, column, k] * left + layer[row, column, k]


@njit(cache=True, nogil=True)
@no_type_check
def shade_hollows(layer, around, shaded):
    """Write the layer into `shaded`; `around` are coverage and depth of the surroundings."""
    for row in range(layer.shape[0]):
        for column in range(layer.shape[1]):
            coverage, shade = layer[row, column, 3], np.float32(1.0)
            if coverage > 0.0:
                far = around[row, column, 1] / max(around[row, column, 0], np.float32(1e-3))
                behind = layer[row, column, 4] / coverage - far
                shade -= HOLLOW_SHADE * min(max(behind / HOLLOW_DEPTH_M, 0.0), 1.0)
            for k in range(3):
                shaded[row, column, k] = layer[row, column, k] * shade
            shaded[row, column, 3] = coverage
