"""From light to an 8-bit frame: a slightly soft lens, an exposure, the noise of photons and electronics, sRGB.

frame = Sensor.random(rng).expose(linear, np.random.default_rng(7))      # uint8
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from fitter.render.shading import linear_to_srgb

# 8-bit display values of evenly spaced light, fine enough for the steep dark end.
DISPLAY = (linear_to_srgb(torch.linspace(0.0, 1.0, 8192, dtype=torch.float64)).numpy() * 255.0 + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Sensor:
    """`softness_px` is the lens's Gaussian; noise has variance `read`^2 + `shot` * signal, the signal linear 0..1."""

    softness_px: float = 0.6
    gain: float = 1.0
    shot: float = 4e-4
    read: float = 2e-3

    @staticmethod
    def random(rng: np.random.Generator) -> "Sensor":
        """A webcam or a phone indoors: signal-to-noise ratios at mid grey between about 20 and 60."""
        return Sensor(rng.uniform(0.4, 0.9), rng.uniform(0.9, 1.15), rng.uniform(5e-5, 4e-4), rng.uniform(1e-3, 3e-3))

    def expose(
        self, light: Float[np.ndarray, "height width 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "height width 3"]:
        """One frame of `light` (linear RGB); equal generators give equal noise."""
        signal = cv2.GaussianBlur(light.astype(np.float32), (0, 0), self.softness_px) * np.float32(self.gain)
        deviation = np.sqrt(self.read**2 + self.shot * np.maximum(signal, 0.0), dtype=np.float32)
        signal += deviation * rng.standard_normal(signal.shape, dtype=np.float32)
        return DISPLAY[(np.clip(signal, 0.0, 1.0) * (len(DISPLAY) - 1) + 0.5).astype(np.int32)]
