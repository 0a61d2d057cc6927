"""A picture seen by other pixels: each new pixel is the mean light of the piece of the picture that it covers.

    window = resampled(frame, corners, samples_across(scale), COLOUR)      # (rows, columns, channels) uint8

A pixel is sampled on a regular grid so fine that no pixel of the picture is passed over, which is what keeps a shrunk
texture from aliasing. Between the picture's pixels it interpolates linearly. Colours are averaged as light, not as
their sRGB values: the mean of black and white is a lighter grey than 128.
"""

import math
from dataclasses import dataclass, field
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numba import njit

from fitter.render.shading import linear_to_srgb, srgb_to_linear

LEVELS = 2**16  # of light between black and white: the darkest step of 8-bit sRGB is twenty of them
# A pixel that covers more of the picture than this many pixels across is sampled coarsely: such a window has lost its
# hand, and the work would grow without bound.
MOST_SAMPLES = 24


@dataclass(frozen=True)
class Encoding:
    """What the 256 values of a byte mean (0..1), and the byte of each of LEVELS values between 0 and 1."""

    decode: Float[np.ndarray, "256"] = field(repr=False)
    encode: UInt8[np.ndarray, "levels"] = field(repr=False)


def _srgb() -> Encoding:
    decode = srgb_to_linear(torch.arange(256, dtype=torch.float64) / 255.0)
    encode = linear_to_srgb(torch.linspace(0.0, 1.0, LEVELS, dtype=torch.float64))
    return Encoding(decode.float().numpy(), (encode * 255.0).round().to(torch.uint8).numpy())


COLOUR = _srgb()
SHARE = Encoding(  # of a pixel that a mask covers
    (np.arange(256) / 255.0).astype(np.float32), np.round(np.linspace(0.0, 255.0, LEVELS)).astype(np.uint8)
)


def samples_across(scale: float) -> int:
    """How many samples a pixel needs in each direction where `scale` of them lie on one pixel of the picture."""
    return min(max(1, math.ceil(1.0 / scale - 1e-9)), MOST_SAMPLES) if scale > 0.0 else MOST_SAMPLES


def resampled(
    picture: UInt8[np.ndarray, "height width channels"],
    corners: Float[np.ndarray, "corner_rows corner_columns 2"],
    samples: int,
    encoding: Encoding,
) -> UInt8[np.ndarray, "rows columns channels"]:
    """The picture in new pixels, given where in it (x, y; the first pixel's centre at 0.5) their corners lie.

    Beyond its border the picture goes on with its outermost pixels. Corners must be finite.
    """
    picture = np.ascontiguousarray(picture)
    window = np.empty((corners.shape[0] - 1, corners.shape[1] - 1, picture.shape[2]), np.uint8)
    fill_window(picture, np.ascontiguousarray(corners, np.float64), samples, encoding.decode, encoding.encode, window)
    return window


def square_corners(size: int, side: float, origin: tuple[float, float] = (0.0, 0.0)) -> Float[np.ndarray, "n n 2"]:
    """(size + 1, size + 1, 2): the corners of size x size equal pixels that fill a square of `side` at `origin`."""
    steps = np.linspace(0.0, side, size + 1)
    return np.stack(np.meshgrid(steps + origin[0], steps + origin[1]), axis=-1)


@njit(cache=True, nogil=True)
@no_type_check
def fill_window(picture, corners, samples, decode, encode, window):
    """Fill `window` with the mean of samples x samples points of each pixel's quadrilateral."""
    height, width, channels = picture.shape
    share = np.float32(1.0 / (samples * samples))
    total = np.zeros(channels, np.float32)
    for row in range(window.shape[0]):
        for column in range(window.shape[1]):
            total[:] = 0.0
            for i in range(samples):
                down = (i + 0.5) / samples
                left_x = corners[row, column, 0] * (1.0 - down) + corners[row + 1, column, 0] * down
                left_y = corners[row, column, 1] * (1.0 - down) + corners[row + 1, column, 1] * down
                right_x = corners[row, column + 1, 0] * (1.0 - down) + corners[row + 1, column + 1, 0] * down
                right_y = corners[row, column + 1, 1] * (1.0 - down) + corners[row + 1, column + 1, 1] * down
                for j in range(samples):
                    along = (j + 0.5) / samples
                    x = min(max(left_x + (right_x - left_x) * along - 0.5, 0.0), width - 1.0)
                    y = min(max(left_y + (right_y - left_y) * along - 0.5, 0.0), height - 1.0)
                    x0, y0 = int(x), int(y)
                    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                    fx, fy = np.float32(x - x0), np.float32(y - y0)
                    for k in range(channels):
                        upper = decode[picture[y0, x0, k]] * (np.float32(1.0) - fx) + decode[picture[y0, x1, k]] * fx
                        lower = decode[picture[y1, x0, k]] * (np.float32(1.0) - fx) + decode[picture[y1, x1, k]] * fx
                        total[k] += upper * (np.float32(1.0) - fy) + lower * fy
            for k in range(channels):
                light = min(max(total[k] * share, np.float32(0.0)), np.float32(1.0))
                window[row, column, k] = encode[int(light * (len(encode) - 1) + 0.5)]
