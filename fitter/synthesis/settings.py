"""How pixels are used; the terms and stages that use them are configured beside the others."""

from dataclasses import dataclass
from typing import Literal

from fitter.quantity import Count, Fraction, Positive
from fitter.synthesis.offsets import Offsets


@dataclass(frozen=True)
class Synthesis:
    """`share`: how far the appearance follows the pose after every step; with all of it, texture and pose can slide
    together.

    `texture_size`: texels along the side of the albedo that is written. `masks`: whether to make masks where none are
    given. `max_reprojection_sigmas`: how far, in the keypoints' own sigma, the mean reprojection error may rise in
    exchange for pixels that agree; beyond it the pixels' refinement is undone. Detectors' landmarks lie systematically
    beside the joints, by about one sigma, and pixels correct just that. `offsets`: how far the surface may leave the
    hand model's shapes along its normals, the same in the whole clip; null: not at all.
    """

    share: Fraction = 0.5
    texture_size: Count = 512
    masks: Literal["auto", "off"] = "auto"
    max_reprojection_sigmas: Positive = 2.0
    offsets: Offsets | None = None
