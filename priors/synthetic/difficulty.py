"""What makes a synthetic clip harder than the demo: a shutter that stays open, a thing in the way, a busy background.

clip = make_demo_clip(model, seed=0, difficulty=Difficulty(shutter=0.3, occluded=0.3, background="desk"))
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError

Background = Literal["room", "desk"]

LONGEST_SHUTTER = 0.5  # "180 degrees": the usual longest of a film camera, and of a phone's indoors at 30 fps
MOST_OCCLUDED = 0.8  # more is no longer a thing before a hand
# Moments that stand for an open shutter. A fingertip at 0.4 m/s, 0.4 m before a camera of 420 px, moves by 7 px in
# half a frame at 30 fps: neighbouring moments are then 1.4 px apart, which the lens blurs into each other.
MOMENTS = 5


@dataclass(frozen=True)
class Difficulty:
    """`shutter`: share of the time between two frames that light is gathered for; 0 freezes every motion.

    `occluded`: share of the hand's visible pixels that a moving textured thing hides, on average over the clip;
    0 leaves it out. `background`: an out-of-focus room, or a desk full of things as warm in colour as skin.
    """

    shutter: float = 0.0
    occluded: float = 0.0
    background: Background = "room"

    def __post_init__(self) -> None:
        if not 0.0 <= self.shutter <= 1.0:
            raise InputError(f"Difficulty: shutter is {self.shutter}, expected a share of the frame's time from 0 to 1")
        if not 0.0 <= self.occluded <= MOST_OCCLUDED:
            raise InputError(
                f"Difficulty: occluded is {self.occluded}, expected a share of the hand from 0 to {MOST_OCCLUDED}"
            )
        if self.background not in get_args(Background):
            raise InputError(
                f"Difficulty: background is {self.background}, expected one of {', '.join(get_args(Background))}"
            )

    @staticmethod
    def random(rng: np.random.Generator, occluded: float = 0.0) -> "Difficulty":
        """Any shutter up to LONGEST_SHUTTER, either background."""
        return Difficulty(
            shutter=float(rng.uniform(0.0, LONGEST_SHUTTER)),
            occluded=occluded,
            background=get_args(Background)[rng.integers(2)],
        )

    def moments(self, time_s: Float[np.ndarray, "frames"], fps: float) -> Float[np.ndarray, "frames moments"]:
        """The moments whose light makes each frame, seconds, centred on the frame's own; one where nothing blurs."""
        if self.shutter == 0.0:
            return time_s[:, None]
        within = (np.arange(MOMENTS) + 0.5) / MOMENTS - 0.5
        return time_s[:, None] + within * (self.shutter / fps)
