"""How pixels are used; the terms and stages that use them are configured beside the others."""

from dataclasses import dataclass
from typing import Literal

from fitter.quantity import Count, Fraction, Positive


@dataclass(frozen=True)
class Synthesis:
    """`share`: how far the appearance follows the pose after every step. Solved anew each time, texture and pose would
    slide together: the energy falls while the error rises.

    `texture_size`: texels along the side of the albedo that is written. `masks`: whether to make masks where none are
    given. `max_reprojection_sigmas`: how far, in the keypoints' own sigma, the mean reprojection error may rise in
    exchange for pixels that agree; beyond it the pixels' refinement is undone. Detectors' landmarks lie
    systematically beside the joints, by about one sigma, and pixels correct just that.
    """

    share: Fraction = 0.15
    texture_size: Count = 512
    masks: Literal["auto", "off"] = "auto"
    max_reprojection_sigmas: Positive = 2.0
