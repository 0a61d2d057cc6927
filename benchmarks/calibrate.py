"""The calibration's numbers from records of fits: maximum likelihood for the sigmas, a regression for quality.

    trust = most_likely_trust(records, setting)
    scale = fit_scale(of_regime(records, "pixels"), index)
    model = fit_quality(values, error_mm, weight, good_mm)

Every clip counts alike, whatever its length: frames of one clip err together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import lsq_linear, minimize

from benchmarks.claims import Record, claimed
from fitter.export.quality import standardised
from fitter.solve.calibration import QualityModel, Scale

LEAST_DEVIATION = 1e-6  # of a feature that is alike in all frames
RIDGE = 5.0  # pulls each feature's weight to 0 as five clips would that speak against it


def log_loss(variance: Float[np.ndarray, "*any"], squared: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Twice the negative log likelihood, per axis, of an error of this squared length, a Gaussian alike in all axes."""
    return np.log(variance) + squared / (3.0 * variance)


def mean_loss(scale: Scale, records: Sequence[Record], index: int) -> float:
    """`log_loss` of the relative errors, a mean over clips."""
    relative = [claimed(each, index, scale)[1] for each in records]
    pairs = zip(relative, records, strict=True)
    losses = [log_loss(np.square(sigma), np.square(each.relative_error_mm)).mean() for sigma, each in pairs]
    return float(np.mean(losses))


def fit_scale(records: Sequence[Record], index: int) -> Scale:
    """The most likely scale of records of one regime, for the trust of that index."""

    def scale_of(log_numbers: np.ndarray) -> Scale:
        factor, floor_mm, ends = np.exp(log_numbers)
        return Scale(float(factor), float(floor_mm), ends=float(ends))

    starts = [np.log([factor, floor_mm, 1.0]) for factor in (1.0, 4.0) for floor_mm in (2.0, 10.0)]
    found = min(
        (minimize(lambda x: mean_loss(scale_of(x), records, index), start, method="Nelder-Mead") for start in starts),
        key=lambda each: each.fun,
    )
    relative = scale_of(found.x)

    def absolute(log_number: np.ndarray) -> float:
        scale = replace(relative, shared_factor=float(np.exp(log_number[0])))
        joints = [claimed(each, index, scale)[0] for each in records]
        pairs = zip(joints, records, strict=True)
        losses = [log_loss(np.square(sigma), np.square(each.absolute_error_mm)).mean() for sigma, each in pairs]
        return float(np.mean(losses))

    shared = minimize(absolute, np.zeros(1), method="Nelder-Mead")
    return replace(relative, shared_factor=float(np.exp(shared.x[0])))


def fit_quality(
    values: Mapping[str, Float[np.ndarray, "frames"]],
    error_mm: Float[np.ndarray, "frames"],
    weight: Float[np.ndarray, "frames"],
    good_mm: float,
) -> QualityModel:
    """Ridge regression of log(error) in which no feature, the larger the worse, makes a frame better.

    `values` by feature, NaN where absent, see `fitter.export.quality.standardised`; `weight` sums to the clips' number.
    """
    mean, deviation = {}, {}
    for name, column in values.items():
        share = np.where(np.isfinite(column), weight, 0.0)
        mean[name] = float(np.average(np.nan_to_num(column), weights=share))
        spread = np.average(np.square(np.nan_to_num(column - mean[name])), weights=share)
        deviation[name] = max(float(np.sqrt(spread)), LEAST_DEVIATION)
    columns = [standardised(column, mean[name], deviation[name]) for name, column in values.items()]
    table, wanted, root = np.stack([*columns, np.ones(len(error_mm))], axis=1), np.log(error_mm), np.sqrt(weight)
    ridge = np.sqrt(RIDGE) * np.eye(len(columns), len(columns) + 1)
    least = np.append(np.zeros(len(columns)), -np.inf)
    rows = np.concatenate([root[:, None] * table, ridge])
    found = lsq_linear(rows, np.append(root * wanted, np.zeros(len(columns))), (least, np.inf)).x
    spread = float(np.sqrt(np.average(np.square(wanted - table @ found), weights=weight)))
    return QualityModel(
        good_mm, float(found[-1]), spread, mean, deviation, dict(zip(values, found[:-1].tolist(), strict=True))
    )
