"""What skin may look like: it decides what pictures leave open, above all whether the skin is bright or the light.

prior = AlbedoPrior()
factor = prior.brightening(mean_albedo, mean_light)      # albedo * factor, light / factor: the same pictures
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from fitter.render.shading import srgb_to_linear

# The ten swatches of the Monk Skin Tone scale, sRGB (Ellis Monk and Google 2022, skintone.google).
MONK_TONES = "f6ede4 f3e7db f7ead0 eadaba d7bd96 a07e56 825c43 604134 3a312a 292420"
LEAST_ALBEDO, GREATEST_ALBEDO = 0.01, 0.95


@dataclass(frozen=True)
class AlbedoPrior:
    """Standard deviations, relative (of a logarithm) if not said otherwise.

    tint_sd        of a person's mean albedo from the ten Monk tones, in hue and brightness: palms and fingers hold more
                   blood than the swatches show (their spread in hue alone is 0.3 and 0.07)
    light          light sent back by a white surface, linear RGB 0..1, as cameras expose a room; `light_sd` its
                   brightness, `light_tint_sd` its channels after white balance
    detail_sd      of a texel from its surroundings (creases and nails of real hands and ours: 0.1-0.3), and
                   `sample_sd` of what one frame says about a texel; together they smooth what few frames saw
    outlier_sigma  texels further from the hand's mean colour than this many standard deviations of its texels are
                   pulled in (as S2HAND's texture prior, Chen et al. 2021, pulls what lies beyond two), the less the
                   more good frames saw them so: by half at `outlier_frames`. Nails, scars and rings are real
    """

    tint_sd: float = 0.15
    light: float = 0.75
    light_sd: float = 0.35
    light_tint_sd: float = 0.08
    detail_sd: float = 0.15
    sample_sd: float = 0.10
    outlier_sigma: float = 2.0
    outlier_frames: float = 2.0

    @property
    def base_frames(self) -> float:
        """So many frames' worth of evidence the surroundings are for a texel's colour."""
        return (self.sample_sd / self.detail_sd) ** 2

    def tone(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]:
        """Mean and covariance of the log of a person's mean linear albedo."""
        tones = np.log(monk_tones())
        return tones.mean(axis=0), np.cov(tones.T) + self.tint_sd**2 * np.eye(3)

    def brightening(
        self, mean_albedo: Float[np.ndarray, "3"], mean_light: Float[np.ndarray, "3"]
    ) -> Float[np.ndarray, "3"]:
        """The factor per channel on the albedo, its inverse on the light, that makes both most plausible together.

        Pictures fix the product alone. Both logs are Gaussian a priori, so the best split of the sum is the Kalman
        update of the albedo by what the light leaves.
        """
        middle, tone_covariance = self.tone()
        light_covariance = self.light_sd**2 * np.ones((3, 3)) + self.light_tint_sd**2 * np.eye(3)
        excess = np.log(mean_albedo * mean_light) - middle - np.log(self.light)
        best = middle + tone_covariance @ np.linalg.solve(tone_covariance + light_covariance, excess)
        best = np.clip(best, np.log(LEAST_ALBEDO), np.log(GREATEST_ALBEDO))
        return np.exp(best) / mean_albedo

    def pulled_in(
        self, albedo: Float[np.ndarray, "texels 3"], seen: Float[np.ndarray, "texels"]
    ) -> Float[np.ndarray, "texels 3"]:
        """The colours with outliers moved towards the mean; `seen` counts each texel's good frames."""
        if not seen.any():
            return albedo
        logs = np.log(np.clip(albedo, LEAST_ALBEDO, GREATEST_ALBEDO))
        weight = seen / (seen + self.outlier_frames)
        mean = np.average(logs, axis=0, weights=weight)
        deviation = np.sqrt(np.average((logs - mean) ** 2, axis=0, weights=weight))
        limit = self.outlier_sigma * deviation
        excess = (logs - mean) - np.clip(logs - mean, -limit, limit)
        return np.exp(logs - (1.0 - weight)[:, None] * excess)


def monk_tones() -> Float[np.ndarray, "10 3"]:
    """The Monk scale as linear albedo."""
    tones = [[int(tone[i : i + 2], 16) / 255.0 for i in (0, 2, 4)] for tone in MONK_TONES.split()]
    return srgb_to_linear(torch.tensor(tones, dtype=torch.float64)).numpy()
