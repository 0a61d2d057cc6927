"""Which frames are good enough to be labels, and for every other one why not.

    verdict = judge(result, diagnostics, Gates(min_quality=0.7))
    verdict.kept                            # (hands, frames)
    verdict.reasons(0, 12)                  # ('sigma_mm 14.2, at most 10',)

A gate is a limit on one measure of a hand in a frame. Where a measure does not apply (NaN: no pixels were compared,
say) its gate lets the frame pass, and the manifest counts such frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from fitter.export.diagnostics import Diagnostics
from fitter.export.result import FitResult


@dataclass(frozen=True)
class Gates:
    """The limits; a `min` of 0 or a `max` of infinity switches a gate off.

    Where no source is named, a default is where frames of synthetic clips with truth, of hands that the model does not
    fit, begin to be clearly worse than the rest (`python -m benchmarks gating`).
    """

    min_quality: float = 0.5
    """Frame score, 0 to 1 (`fitter.export.quality`)."""

    max_sigma_mm: float = 20.0
    """Mean standard deviation of the joints were size and focal length known, in millimetres: a finger's breadth."""

    max_reprojection_percent: float = 5.0
    """Mean distance of the detected keypoints from where the fit expects them, in percent of the hand's longer side in
    the frame; on good frames 1 to 3."""

    min_agreement_percent: float = 60.0
    """Share of the 21 joints that the detector saw where the fit has them, to a fifth of the hand's side (PCK@0.2)."""

    max_photometric_sigmas: float = 1.5
    """Root mean square colour residual, in the photometric term's standard deviations: at 1 colours differ as it
    expects, and on good frames by less."""

    min_inside_percent: float = 75.0
    """Share of the joints inside the frame: at most the tips lie beyond it."""


# PCK's usual radius for hands, of the longer side of the box around the hand's joints (COCO-WholeBody, Jin et al. 2020,
# and Simon et al. 2017 count hits by the box's or the head's size).
AGREEMENT_RADIUS = 0.2


@dataclass(frozen=True)
class Measure:
    """What one gate looks at: NaN where it does not apply. It fails below `least`, and above `most`."""

    name: str
    values: Float[np.ndarray, "hands frames"]
    least: float = -np.inf
    most: float = np.inf

    @property
    def failed(self) -> Bool[np.ndarray, "hands frames"]:
        return (self.values < self.least) | (self.values > self.most)

    def reason(self, hand: int, frame: int) -> str:
        """What was found and what was asked for."""
        limit = f"at least {self.least:g}" if np.isfinite(self.least) else f"at most {self.most:g}"
        return f"{self.name} {self.values[hand, frame]:.3g}, {limit}"


@dataclass(frozen=True)
class Verdict:
    """Which rows of a result become labels. `fitted`: the fit has a hand there, in front of the camera."""

    present: Bool[np.ndarray, "hands frames"]
    fitted: Bool[np.ndarray, "hands frames"]
    measures: tuple[Measure, ...]

    @property
    def kept(self) -> Bool[np.ndarray, "hands frames"]:
        kept = self.fitted.copy()
        for measure in self.measures:
            kept &= ~measure.failed
        return kept

    def failures(self, hand: int, frame: int) -> Iterator[Measure]:
        """The measures that this row fails; none where there is no hand to measure."""
        if self.fitted[hand, frame]:
            yield from (measure for measure in self.measures if measure.failed[hand, frame])

    def reasons(self, hand: int, frame: int) -> tuple[str, ...]:
        """Why this row is dropped, in words; empty where it is kept."""
        if not self.present[hand, frame]:
            return ("not present",)
        if not self.fitted[hand, frame]:
            return ("behind the camera",)
        return tuple(measure.reason(hand, frame) for measure in self.failures(hand, frame))


def judge(result: FitResult, diagnostics: Diagnostics | None, gates: Gates) -> Verdict:
    """The verdict on every hand in every frame; without diagnostics, quality and place in the frame alone decide."""
    in_front = (np.nan_to_num(result.joints_m[..., 2], nan=-1.0) > 0).all(axis=-1)
    measures = [
        Measure("inside_percent", inside_percent(result), least=gates.min_inside_percent),
        Measure("quality", result.quality.astype(np.float64), least=gates.min_quality),
    ]
    if diagnostics is not None:
        side_px = hand_side_px(result)
        sigma = diagnostics.relative_sigma_mm.astype(np.float64).mean(axis=-1)
        reprojection = 100.0 * diagnostics.reprojection_px / side_px
        agreement = agreement_percent(result, diagnostics, side_px)
        measures += [
            Measure("sigma_mm", sigma, most=gates.max_sigma_mm),
            Measure("reprojection_percent", reprojection, most=gates.max_reprojection_percent),
            Measure("agreement_percent", agreement, least=gates.min_agreement_percent),
            Measure(
                "photometric_sigmas", diagnostics.photometric.astype(np.float64), most=gates.max_photometric_sigmas
            ),
        ]
    return Verdict(result.present, result.present & in_front, tuple(measures))


def hand_side_px(result: FitResult) -> Float[np.ndarray, "hands frames"]:
    """Longer side of the box around a hand's joints in the frame, pixels; NaN where it is not present."""
    pixels = result.keypoints_px.astype(np.float64)
    return (pixels.max(axis=2) - pixels.min(axis=2)).max(axis=-1)


def inside_percent(result: FitResult) -> Float[np.ndarray, "hands frames"]:
    """Share of the joints inside the frame, 0 to 100; NaN where the hand is not present."""
    pixels = result.keypoints_px.astype(np.float64)
    inside = ((pixels >= 0) & (pixels <= result.image_size)).all(axis=-1)
    return np.where(result.present, 100.0 * inside.mean(axis=-1), np.nan)


def agreement_percent(
    result: FitResult, diagnostics: Diagnostics, side_px: Float[np.ndarray, "hands frames"]
) -> Float[np.ndarray, "hands frames"]:
    """Share of the joints that were seen within AGREEMENT_RADIUS of the fit's, 0 to 100; NaN where not present.

    0 in frames that the fit bridges without a detection.
    """
    away = np.linalg.norm(result.keypoints_px - diagnostics.detected_px.astype(np.float64), axis=-1)
    near = (diagnostics.confidence > 0) & (away <= AGREEMENT_RADIUS * side_px[..., None])
    return np.where(result.present, 100.0 * near.mean(axis=-1), np.nan)
