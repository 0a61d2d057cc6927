"""What a camera and a file do to light: exposure, blur, few pixels, noise, sharpening, tone, compression, borders.

    picture = filmed(light * exposure(rng, light), grain, rng)     # linear RGB -> uint8 sRGB
    picture, inside = cropped_at_borders(picture, rng, roll_rad)

Sizes in pixels are for a crop of 128 and scale with it.
"""

import math
from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numba import njit

from priors.synthetic.sensor import DISPLAY

REFERENCE_PX = 128.0
# Automatic exposure pulls the picture's mean part of the way to this linear grey.
GREY, AUTOMATIC = 0.26, 0.6
DIMMEST, BRIGHTEST = 0.35, 4.0
WHITE_BALANCE = 0.07  # standard deviation of log(red) and log(blue) against green
SHARES = {"grey": 0.06, "defocus": 0.15, "coarse": 0.35, "sharpened": 0.2, "compressed": 0.75, "denoised": 0.08}
SHOT, READ, MOST_NOISE = 2e-4, 2e-3, 5.0  # variance per signal, deviation; and up to so many times more
COARSEST = 0.3  # source pixels per crop pixel
BORDER_SHARE, DEEPEST_BORDER = 0.2, 0.28

Picture = UInt8[np.ndarray, "size size 3"]
Light = Float32[np.ndarray, "size size 3"]


def exposure(rng: np.random.Generator, light: Light) -> Float32[np.ndarray, "3"]:
    """Gain and white balance of one camera that looks at `light`."""
    automatic = (GREY / max(float(cv2.mean(light)[1]), 1e-3)) ** AUTOMATIC
    gain = np.clip(automatic * math.exp(rng.normal(0.0, 0.3)), DIMMEST, BRIGHTEST)
    red, blue = np.exp(rng.normal(0.0, WHITE_BALANCE, 2))
    return (gain * np.array([red, 1.0, blue])).astype(np.float32)


def filmed(light: Light, grain: Float32[np.ndarray, "high wide 3"], rng: np.random.Generator) -> Picture:
    """One 8-bit crop of exposed `light`; `grain` is any field of normal noise larger than the crop."""
    size, scale = light.shape[0], light.shape[0] / REFERENCE_PX
    softness = scale * (rng.uniform(0.8, 2.5) if rng.random() < SHARES["defocus"] else rng.uniform(0.25, 0.7))
    light = cv2.GaussianBlur(light, (0, 0), softness)
    coarse = size
    if rng.random() < SHARES["coarse"]:
        coarse = max(16, int(size * math.exp(rng.uniform(math.log(COARSEST), 0.0))))
        light = cv2.resize(light, (coarse, coarse), interpolation=cv2.INTER_AREA)
    picture = toned(exposed(light, grain, rng), rng)
    if rng.random() < SHARES["denoised"]:
        picture = cv2.medianBlur(picture, 3)
    if rng.random() < SHARES["sharpened"]:
        amount = rng.uniform(0.3, 1.2)
        picture = cv2.addWeighted(picture, 1.0 + amount, cv2.GaussianBlur(picture, (0, 0), 1.0), -amount, 0.0)
    if rng.random() < SHARES["compressed"]:
        quality = int(rng.uniform(25, 95))
        _, file = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    if coarse != size:
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
        picture = cv2.resize(picture, (size, size), interpolation=how)
    return np.asarray(picture, np.uint8)


def exposed(light: Light, grain: Float32[np.ndarray, "high wide 3"], rng: np.random.Generator) -> Picture:
    """8 bits with photon and read noise, often none to speak of, sometimes a phone's in the dark."""
    strength = math.exp(rng.uniform(math.log(0.3), math.log(MOST_NOISE)))
    height, width = light.shape[:2]
    top, left = rng.integers(0, grain.shape[0] - height + 1), rng.integers(0, grain.shape[1] - width + 1)
    picture = np.empty(light.shape, np.uint8)
    part = grain[top : top + height, left : left + width]
    digitize(light, part, np.float32(SHOT * strength), np.float32((READ * strength) ** 2), DISPLAY, picture)
    return picture


@njit(cache=True, nogil=True)
@no_type_check
def digitize(light, grain, shot, read, display, picture):
    """Noise of variance `read` + `shot` * light, then the display value of what is between black and white."""
    highest = np.float32(len(display) - 1)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for k in range(3):
                signal = max(light[row, column, k], np.float32(0.0))
                signal += np.sqrt(read + shot * signal) * grain[row, column, k]
                level = min(max(signal, np.float32(0.0)), np.float32(1.0)) * highest
                picture[row, column, k] = display[int(level + np.float32(0.5))]


def toned(picture: Picture, rng: np.random.Generator) -> Picture:
    """Through a camera's own idea of contrast and colour."""
    values = np.arange(256) / 255.0
    contrast, gamma = rng.normal(0.35, 0.35), math.exp(rng.normal(0.0, 0.12))
    curve = values**gamma
    curve = curve + contrast * curve * (1.0 - curve) * (2.0 * curve - 1.0) + rng.exponential(0.008) * (1.0 - curve)
    picture = cv2.LUT(picture, (np.clip(curve, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
    if rng.random() < SHARES["grey"]:
        return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    saturation = rng.uniform(0.8, 1.4)
    grey = (1.0 - saturation) * np.array([0.299, 0.587, 0.114])
    return cv2.transform(picture, np.tile(grey, (3, 1)) + saturation * np.eye(3))


def motion_kernel(rng: np.random.Generator, longest_px: float) -> Float32[np.ndarray, "side side"]:
    """Where light goes while the shutter is open: a short line in any direction, of up to `longest_px`."""
    length = rng.uniform(2.0, max(longest_px, 2.5))
    angle, half = rng.uniform(0.0, math.pi), int(math.ceil(length / 2.0)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = 0.5 * length * np.array([math.cos(angle), math.sin(angle)])
    start, end = (tuple(int(round(16.0 * (half + sign * part))) for part in step) for sign in (-1.0, 1.0))
    cv2.line(kernel, start, end, [1.0], 1, cv2.LINE_AA, shift=4)
    return kernel / kernel.sum()


def cropped_at_borders(
    picture: Picture, rng: np.random.Generator, roll_rad: float
) -> tuple[Picture, Bool[np.ndarray, "size size"]]:
    """Black where the crop reaches beyond the frame it comes from, and which pixels are inside that frame.

    `roll_rad` is by how much the crop is turned in the picture's plane.
    """
    size = picture.shape[0]
    inside = np.ones((size, size), np.uint8)
    if rng.random() < BORDER_SHARE:
        low = np.zeros(2) - size
        high = np.full(2, 2.0 * size)
        for axis, at_low in ((0, True), (0, False), (1, True), (1, False)):
            if rng.random() < 0.35:
                depth = size * rng.uniform(0.0, DEEPEST_BORDER)
                low[axis], high[axis] = (depth, high[axis]) if at_low else (low[axis], size - depth)
        corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]) - size / 2
        angle = roll_rad + rng.normal(0.0, 0.03)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        frame = np.zeros((size, size), np.uint8)
        cv2.fillConvexPoly(frame, np.rint(corners @ turn + size / 2).astype(np.int32), [1.0])
        inside = frame
    return picture * inside[..., None], inside.astype(bool)
