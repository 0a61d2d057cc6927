"""How good each frame of a fit is: the chance that its joints are right to a centimetre, once moved onto the truth.

    quality = frame_quality(diagnostics)                     # (hands, frames), 0..1

A logistic regression, learnt on clips of hands that no shape of the model fits (`python -m benchmarks calibration`) and
tested on others, see docs/uncertainty.md. "Right" is a mean distance of the 21 joints below `QualityModel.good_mm`
after the best rotation, scale and translation of the frame. What does not apply to a frame, such as the reprojection
error where nothing was detected, counts as it does in the mean frame.

Colours, masks, the detector's word on depth and bones were tried and left out: on clips that the regression had not
seen they made it worse (area under the ROC curve 0.66 with them, 0.68 without).
"""

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import expit

from fitter.export.diagnostics import Diagnostics
from fitter.solve.calibration import QualityModel, load_quality_model

# Terms that say how hands are held: whichever of them act.
POSE_TERMS = ("learned_pose", "pose", "coupling", "anatomy")
# Below these a figure says nothing more: keeps logarithms finite.
LEAST_SHARE, LEAST_ENERGY, LEAST_SIGMA_MM = 1e-3, 1e-2, 1e-2


def frame_quality(diagnostics: Diagnostics, model: QualityModel | None = None) -> Float32[np.ndarray, "hands frames"]:
    """0..1 for every frame, whether the hand is present or not; by the regression that ships, if no other is given."""
    model = model or load_quality_model()
    score = np.full(diagnostics.confidence.shape[:2], model.bias)
    for name, values in features(diagnostics).items():
        if name in model.weight:
            standardised = (values - model.mean[name]) / model.deviation[name]
            score += model.weight[name] * np.where(np.isfinite(standardised), standardised, 0.0)
    return expit(score).astype(np.float32)


def features(diagnostics: Diagnostics) -> dict[str, Float[np.ndarray, "hands frames"]]:
    """What the regression knows of each frame, by name; NaN where it does not apply.

    sigma         log of the root mean square of the joints' relative sigmas
    reprojection  log of the reprojection error over the longer side of the seen keypoints' bounding box
    steady        median of `reprojection` over the hand's frames: what no shape and pose explains, all the time
    pose          log of the energies of POSE_TERMS
    confidence    the keypoints' mean over the joints, unseen ones 0
    """
    confidence = diagnostics.confidence.astype(np.float64)
    observed = (confidence > 0).any(axis=-1)
    sigma = np.sqrt(np.square(diagnostics.relative_sigma_mm, dtype=np.float64).mean(axis=-1))
    reprojection = np.log(np.maximum(diagnostics.reprojection_px / span_px(diagnostics), LEAST_SHARE))
    return {
        "sigma": np.log(np.maximum(sigma, LEAST_SIGMA_MM)),
        "reprojection": reprojection,
        "steady": np.broadcast_to([[median_of_known(row)] for row in reprojection], observed.shape),
        "pose": np.log(np.maximum(energy_of(diagnostics, POSE_TERMS), LEAST_ENERGY)),
        "confidence": np.where(observed, confidence.mean(axis=-1), np.nan),
    }


def median_of_known(values: Float[np.ndarray, "frames"]) -> float:
    """NaN where none is known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def energy_of(diagnostics: Diagnostics, names: tuple[str, ...]) -> Float[np.ndarray, "hands frames"]:
    """Sum of the energies of those terms that act; NaN where none does."""
    chosen = [index for index, term in enumerate(diagnostics.terms) if term in names]
    energies = diagnostics.energies[:, chosen].astype(np.float64)
    known = np.isfinite(energies).any(axis=1)
    return np.where(known, np.nan_to_num(energies).sum(axis=1), np.nan)


def span_px(diagnostics: Diagnostics) -> Float[np.ndarray, "hands frames"]:
    """The longer side of the seen keypoints' bounding box, at least 1 pixel; NaN where none was seen."""
    seen = diagnostics.confidence[..., None] > 0
    pixels = diagnostics.detected_px.astype(np.float64)
    top = np.where(seen, pixels, -np.inf).max(axis=2)
    bottom = np.where(seen, pixels, np.inf).min(axis=2)
    span = (top - bottom).max(axis=-1)
    return np.where(np.isfinite(span), np.maximum(span, 1.0), np.nan)
