"""The calibration's tables: what sigmas claim beside what fits err by, and what a gate on quality keeps.

report.table("claims", claim_rows("filmed", records, scales))
report.table("gates", [gate_row(gate("all", records, scales, model))])
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.calibrate import fit_scale, mean_loss
from benchmarks.claims import (
    BARE,
    CUES,
    KEYPOINT_TRUSTS,
    PIXEL_TRUSTS,
    PIXELS,
    Record,
    chosen_index,
    claimed,
    diagnostics_of,
)
from benchmarks.reliability import Claims, Gate
from fitter.export.quality import frame_quality
from fitter.skeleton import FINGERTIPS
from fitter.solve.calibration import QualityModel, Regime, Scale

REGIMES: tuple[Regime, ...] = (CUES, BARE, PIXELS)
Scales = Mapping[Regime, Scale]
KEPT = 0.5  # the gate of table `gates`


@dataclass(frozen=True)
class TrustRow:
    """How likely the errors are (twice the negative log likelihood per axis) once scaled, by what is trusted."""

    regime: str
    surface_factor: float
    data_factor: float
    loss: float
    factor: float
    floor_mm: float


@dataclass(frozen=True)
class ClaimRow:
    """Errors against sigmas: root mean squares per axis, and shares of errors within 1 and 2 sigma."""

    clips: str
    regime: str
    error: str
    when: str
    error_mm: float
    sigma_mm: float
    error_over_sigma: float
    within_1: float
    within_2: float


@dataclass(frozen=True)
class JointRow:
    """Relative error over sigma (root mean square) by where on the hand."""

    regime: str
    wrist: float
    knuckles: float
    middle_joints: float
    tips: float


@dataclass(frozen=True)
class GateRow:
    """What the gate at KEPT does. Errors are means over frames, aligned, millimetres."""

    clips: str
    frames: int
    good: float
    quality: float
    calibration_error: float
    roc_area: float
    kept: float
    kept_error_mm: float
    dropped_error_mm: float


def of_regime(records: Sequence[Record], regime: Regime) -> list[Record]:
    return [each for each in records if each.regime == regime]


def trust_rows(regime: Regime, records: Sequence[Record]) -> list[TrustRow]:
    rows = []
    for index, trust in enumerate(PIXEL_TRUSTS if regime == PIXELS else KEYPOINT_TRUSTS):
        scale = fit_scale(records, index)
        loss = mean_loss(scale, records, index)
        rows.append(TrustRow(regime, trust.surface_factor, trust.data_factor, loss, scale.factor, scale.floor_mm))
    return rows


def claims_of(records: Sequence[Record], scale: Scale) -> dict[str, dict[str, Claims]]:
    """Before and after, of the relative errors, and of the absolute ones with a known and with an assumed camera."""
    chosen, face = chosen_index(records[0].regime), 0
    known, assumed = ([each for each in records if each.camera_known is known] for known in (True, False))
    return {
        "relative": {
            "before": claims(records, lambda each: (each.relative_mm[face], each.relative_error_mm)),
            "after": claims(records, lambda each: (claimed(each, chosen, scale)[1], each.relative_error_mm)),
        },
        **{
            name: {
                "before": claims(some, lambda each: (before_mm(each), each.absolute_error_mm)),
                "after": claims(some, lambda each: (claimed(each, chosen, scale)[0], each.absolute_error_mm)),
            }
            for name, some in (("absolute, camera known", known), ("absolute, camera assumed", assumed))
            if some
        },
    }


def before_mm(record: Record) -> Float[np.ndarray, "frames 21"]:
    """The posterior's sigma at face value, which knew nothing of assumed focal lengths."""
    return np.sqrt(np.square(record.relative_mm[0]) + np.square(record.shared_mm[0]))


def claims(records: Sequence[Record], of: Callable[[Record], tuple[np.ndarray, np.ndarray]]) -> Claims:
    """All joints of all frames: sigmas, and errors per axis."""
    sigma, error = zip(*(of(each) for each in records), strict=True)
    return Claims(np.concatenate(sigma).ravel(), np.concatenate(error).ravel() / np.sqrt(3.0))


def claim_rows(clips: str, records: Sequence[Record], scales: Scales) -> list[ClaimRow]:
    """Of every regime that has records."""
    rows = []
    for regime in REGIMES:
        some = of_regime(records, regime)
        for error, by_time in (claims_of(some, scales[regime]) if some else {}).items():
            for when, made in by_time.items():
                error_mm, sigma_mm = (float(np.sqrt(np.square(each).mean())) for each in (made.error, made.sigma))
                within = made.covered(1.0), made.covered(2.0)
                rows.append(ClaimRow(clips, regime, error, when, error_mm, sigma_mm, made.normalised, *within))
    return rows


def joint_row(regime: Regime, records: Sequence[Record], scale: Scale) -> JointRow:
    chosen = chosen_index(regime)
    squared = [np.square(each.relative_error_mm / claimed(each, chosen, scale)[1]).mean(axis=0) for each in records]
    by_joint = np.mean(squared, axis=0) / 3.0
    tips, knuckles = FINGERTIPS, FINGERTIPS - 3
    middle = np.setdiff1d(np.arange(1, 21), np.concatenate([tips, knuckles]))
    groups = ([0], knuckles, middle, tips)
    return JointRow(regime, *(float(np.sqrt(by_joint[group].mean())) for group in groups))


def gate(name: str, records: Sequence[Record], scales: Scales, model: QualityModel) -> Gate:
    """The frames of these records by their quality."""
    quality = [frame_quality(diagnostics_of(each, scales[each.regime]), model)[0] for each in records]
    return Gate(name, model.good_mm, np.concatenate(quality), np.concatenate([each.aligned_mm for each in records]))


def gate_row(of: Gate) -> GateRow:
    kept = of.quality >= KEPT
    error = [float(of.error_mm[chosen].mean()) if chosen.any() else float("nan") for chosen in (kept, ~kept)]
    shares = float(of.good.mean()), float(of.quality.mean())
    return GateRow(of.name, len(kept), *shares, of.calibration_error, of.area, float(kept.mean()), *error)
