"""The calibration's numbers from records of fits: maximum likelihood for the sigmas, a logistic regression for quality.

    trust = most_likely_trust(records, setting)
    scale = fit_scale(of_regime(records, "pixels"), index)
    model = fit_quality(values, good, weight, good_mm)

Every clip counts alike, whatever its length: frames of one clip err together.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize

from benchmarks.claims import Record, claimed
from fitter.solve.calibration import QualityModel, Scale

RIDGE = 1.0  # pulls each standardised weight to 0 as one clip would that speaks against it; 60 clips outvote it
NEWTON_STEPS = 50


def log_loss(variance: Float[np.ndarray, "*any"], squared: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Twice the negative log likelihood, per axis, of an error of this squared length, a Gaussian alike in all axes."""
    return np.log(variance) + squared / (3.0 * variance)


def mean_loss(scale: Scale, records: Sequence[Record], index: int) -> float:
    """`log_loss` of the relative errors, a mean over clips."""
    return float(
        np.mean(
            [
                log_loss(
                    np.square(scale.factor * each.relative_mm[index]) + scale.floor_mm**2,
                    np.square(each.relative_error_mm),
                ).mean()
                for each in records
            ]
        )
    )


def fit_scale(records: Sequence[Record], index: int) -> Scale:
    """The most likely scale of records of one regime, for the trust of that index."""

    def relative(log_numbers: np.ndarray) -> float:
        factor, floor_mm = np.exp(log_numbers)
        return mean_loss(Scale(factor, floor_mm), records, index)

    starts = [np.log([factor, floor_mm]) for factor in (1.0, 4.0) for floor_mm in (2.0, 10.0)]
    found = min((minimize(relative, start, method="Nelder-Mead") for start in starts), key=lambda each: each.fun)
    factor, floor_mm = np.exp(found.x)

    def absolute(log_number: np.ndarray) -> float:
        scale = Scale(factor, floor_mm, float(np.exp(log_number[0])))
        joints = [claimed(each, index, scale)[0] for each in records]
        pairs = zip(joints, records, strict=True)
        return float(
            np.mean([log_loss(np.square(sigma), np.square(of.absolute_error_mm)).mean() for sigma, of in pairs])
        )

    shared = minimize(absolute, np.zeros(1), method="Nelder-Mead")
    return Scale(float(factor), float(floor_mm), float(np.exp(shared.x[0])))


def fit_quality(
    values: Mapping[str, Float[np.ndarray, "frames"]],
    good: Bool[np.ndarray, "frames"],
    weight: Float[np.ndarray, "frames"],
    good_mm: float,
) -> QualityModel:
    """Logistic regression with a ridge (le Cessie and van Houwelingen 1992) by Newton's method.

    `values` by feature, NaN where absent: an absent feature counts as the mean of it. `weight` sums to the number of
    clips.
    """
    table = np.stack(list(values.values()), axis=1)
    known = np.where(np.isfinite(table), weight[:, None], 0.0)
    share = known / np.maximum(known.sum(axis=0), 1e-12)
    mean = (share * np.nan_to_num(table)).sum(axis=0)
    deviation = np.sqrt((share * np.square(np.nan_to_num(table - mean))).sum(axis=0)).clip(1e-6)
    columns = np.column_stack([np.nan_to_num((table - mean) / deviation), np.ones(len(good))])
    ridge = np.diag([RIDGE] * table.shape[1] + [0.0])
    found = np.zeros(columns.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = 1.0 / (1.0 + np.exp(-columns @ found))
        gradient = columns.T @ (weight * (chance - good)) + ridge @ found
        curvature = (columns * (weight * chance * (1.0 - chance))[:, None]).T @ columns + ridge
        found = found - np.linalg.solve(curvature, gradient)
    by_name = (dict(zip(values, map(float, each), strict=True)) for each in (mean, deviation, found[:-1]))
    return QualityModel(good_mm, float(found[-1]), *by_name)
