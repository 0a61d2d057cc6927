"""Light of any room or sky as harmonics: up to three lamps anywhere before, above or beside the hand, and even light.

lamps = [Lamps.random(rng) for _ in range(n)]
lighting, brightest = harmonics(lamps, rotation_virtual_camera)     # (n, 9, 3), (n, 3)
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from fitter.render.shading import directional_light

LAMPS = 3
SECOND_SHARE, THIRD_SHARE = 0.45, 0.15
ANYWHERE_SHARE = 0.4  # of first lamps: windows, low suns, lamps on desks
STRONGEST, WEAKEST = 1.3, 0.2
EVEN = (0.12, 0.55)


@dataclass(frozen=True)
class Lamps:
    """Unit directions towards the lamps in camera axes, their linear RGB strengths, and the even light's."""

    directions: Float[np.ndarray, "lamps 3"]
    strengths: Float[np.ndarray, "lamps 3"]
    even: Float[np.ndarray, "3"]

    @staticmethod
    def random(rng: np.random.Generator) -> "Lamps":
        """A first lamp mostly above and before the hand; others anywhere, weaker, of another tint."""
        directions = rng.standard_normal((LAMPS, 3))
        if rng.random() > ANYWHERE_SHARE:
            directions[0] = rng.uniform([-0.9, -1.0, -1.0], [0.9, -0.2, -0.5])
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lit = np.array([1.0, rng.random() < SECOND_SHARE, rng.random() < THIRD_SHARE])
        strength = rng.uniform(WEAKEST, STRONGEST, LAMPS) * [1.0, 0.6, 0.4] * lit
        return Lamps(directions, strength[:, None] * tint(rng, LAMPS), rng.uniform(*EVEN) * tint(rng, 1)[0])


def tint(rng: np.random.Generator, count: int) -> Float[np.ndarray, "count 3"]:
    """Factors around 1 from warm to cool, a little green or magenta."""
    warmth, green = rng.normal(0.01, 0.06, count), 1.0 + rng.normal(0.0, 0.02, count)
    return np.stack([1.0 + warmth, green, 1.0 - warmth], axis=1)


def harmonics(
    lamps: list[Lamps], rotation_virtual_camera: Float[np.ndarray, "n 3 3"]
) -> tuple[Float[np.ndarray, "n 9 3"], Float[np.ndarray, "n 3"]]:
    """`lighting` as `fitter.render.shading.irradiance` takes it, and the direction of the strongest lamp.

    Both in the virtual cameras' axes, into which the rotations take camera axes.
    """
    directions = np.stack([one.directions for one in lamps]) @ rotation_virtual_camera.swapaxes(1, 2)
    strengths = np.stack([one.strengths for one in lamps])
    even = np.stack([one.even for one in lamps])[:, None] * np.array([1.0, 0.0, 0.0])[:, None]
    lighting = directional_light(*map(torch.from_numpy, (directions, strengths, even)))
    strongest = strengths.mean(-1).argmax(1)
    return lighting.sum(1).numpy(), directions[np.arange(len(lamps)), strongest]
