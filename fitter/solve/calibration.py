"""From what the posterior says to what fits really err by: a few numbers, measured on clips with truth.

    joints_mm, relative_mm = load_calibration().scales["pixels"].applied(raw_relative_mm, raw_shared_mm, focal_mm)

The posterior knows noise, not model error: hands that no shape of the model fits, detectors that are wrong in the same
way in every frame, pixels whose colours no light explains. With s the posterior's sigma of a joint,

    relative^2 = (factor s)^2 + floor^2             what the frame lacks, size and focal length given; times ends^2 for
                                                    the wrist and the fingertips
    joints^2 = relative^2 + (shared_factor u)^2 + f^2

where u is what the clip's size and shape add and f what an assumed focal length does. `calibration.json` holds the
numbers with the command that made them; docs/uncertainty.md shows how well they hold on other clips.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from fitter.skeleton import FINGERTIPS

Sigma = Float[np.ndarray, "*any 21"]
# The wrist and the fingertips.
ENDS = np.isin(np.arange(21), [0, *FINGERTIPS])
CALIBRATION_FILE = Path(__file__).with_name("calibration.json")

# What a fit was given decides how far its posterior is to be believed: keypoints with a depth cue or without, pixels,
# or positions in space (depth images, known joints or vertices), for which no model error was measured.
Regime = Literal["depth cue", "no depth cue", "pixels", "space"]


@dataclass(frozen=True)
class Trust:
    """How many times what terms claim their variance really is.

    surface_factor    of terms that compare pixels: no residual tells, see `fitter.solve.posterior.SURFACE_TERMS`
    data_factor       of terms of keypoints, beyond their own variance factor: their errors persist from frame to frame
    lasting_s         for how long a detector's doubt of a joint holds, seconds, see `fitter.observe.lasting`
    """

    surface_factor: float = 1.0
    data_factor: float = 1.0
    lasting_s: float = 0.0


@dataclass(frozen=True)
class Scale:
    """The numbers of a regime, see the module; all but `floor_mm` without unit. `ends` is how many times as far off the
    wrist and the fingertips are as the joints between.
    """

    factor: float = 1.0
    floor_mm: float = 0.0
    shared_factor: float = 1.0
    ends: float = 1.0

    def applied(self, relative_mm: Sigma, shared_mm: Sigma, focal_mm: Sigma) -> tuple[Sigma, Sigma]:
        """Sigmas of the joints and what is relative of them; parts and results in millimetres, per joint."""
        relative = np.square(self.factor * relative_mm) + self.floor_mm**2
        relative = relative * np.where(ENDS, self.ends**2, 1.0)
        joints = relative + np.square(self.shared_factor * shared_mm) + np.square(focal_mm)
        return np.sqrt(joints), np.sqrt(relative)


@dataclass(frozen=True)
class QualityModel:
    """The log of a frame's mean error after alignment (mm), Gaussian about a sum over features; a frame below `good_mm`
    is good.

    `level` is the sum for a frame like the average one, `spread` the standard deviation about it. Of each feature
    (`fitter.export.quality`) its mean and deviation over the clips it was learnt on, and what one deviation adds.
    """

    good_mm: float
    level: float
    spread: float
    mean: Mapping[str, float]
    deviation: Mapping[str, float]
    weight: Mapping[str, float]


@dataclass(frozen=True)
class Calibration:
    """How far terms are trusted, and the scale of each regime; a regime without one is as the posterior says."""

    trust: Trust
    scales: Mapping[Regime, Scale]

    def scale(self, regime: Regime) -> Scale:
        return self.scales.get(regime, Scale())


# The posterior as it comes: of no use but to measure the calibration and to test the posterior.
FACE_VALUE = Calibration(Trust(), {})


@cache
def load_calibration() -> Calibration:
    """The numbers that ship."""
    stored = _stored()
    return Calibration(Trust(**stored["trust"]), {name: Scale(**numbers) for name, numbers in stored["scales"].items()})


@cache
def load_quality_model() -> QualityModel:
    """The regression that ships."""
    return QualityModel(**_stored()["quality"])


def _stored() -> dict[str, dict]:
    return json.loads(CALIBRATION_FILE.read_text(encoding="utf-8"))
