"""How good each frame of a fit is: the chance that its joints are right to a centimetre, once moved onto the truth.

    quality = frame_quality(diagnostics)                     # (hands, frames), 0..1

A regression of the log of the frame's error, learnt on clips of hands that no shape of the model fits (`python -m
benchmarks calibration`) and tested on others, see docs/uncertainty.md. "Right" is a mean distance of the 21 joints
below `QualityModel.good_mm` after the best rotation, scale and translation of the frame. What does not apply to a
frame, such as the reprojection error where nothing was detected, counts as it does in the average frame.

Colours, masks, confidence and the detector's word on depth and bones were tried and left out: on clips that the
regression had not seen they told good frames from others no better.
"""

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import ndtr

from fitter.export.diagnostics import Diagnostics
from fitter.solve.calibration import QualityModel, load_quality_model

# Terms that say how hands are held: whichever of them act.
POSE_TERMS = ("learned_pose", "pose", "coupling", "anatomy")
MOST_DEVIATIONS = 4.0  # nothing was learnt of what lies beyond


def frame_quality(diagnostics: Diagnostics, model: QualityModel | None = None) -> Float32[np.ndarray, "hands frames"]:
    """0..1 for every frame, whether the hand is present or not; by the regression that ships, if no other is given."""
    model = model or load_quality_model()
    log_error = np.full(diagnostics.confidence.shape[:2], model.level)
    for name, values in features(diagnostics).items():
        if name in model.weight:
            log_error += model.weight[name] * standardised(values, model.mean[name], model.deviation[name])
    return ndtr((np.log(model.good_mm) - log_error) / model.spread).astype(np.float32)


def features(diagnostics: Diagnostics) -> dict[str, Float[np.ndarray, "hands frames"]]:
    """What the regression knows of each frame, by name, the larger the worse; NaN where it does not apply.

    sigma         root mean square of the joints' relative sigmas, millimetres
    reprojection  reprojection error over the longer side of the seen keypoints' bounding box
    pose          energy of POSE_TERMS

    The last two tell of frames that keypoints alone decide: where colours are compared the fit leaves the keypoints and
    the usual poses for a reason, and on clips with truth they told nothing.
    """
    sigma = np.sqrt(np.square(diagnostics.relative_sigma_mm, dtype=np.float64).mean(axis=-1))
    reprojection, pose = diagnostics.reprojection_px / span_px(diagnostics), energy_of(diagnostics, POSE_TERMS)
    alone = np.isnan(diagnostics.photometric)
    return {
        "sigma": sigma,
        "reprojection": np.where(alone, reprojection, np.nan),
        "pose": np.where(alone, pose, np.nan),
    }


def standardised(values: Float[np.ndarray, "*any"], mean: float, deviation: float) -> Float[np.ndarray, "*any"]:
    """Deviations from the mean, at most MOST_DEVIATIONS; 0 where absent."""
    away = (values - mean) / deviation
    return np.clip(np.where(np.isfinite(away), away, 0.0), -MOST_DEVIATIONS, MOST_DEVIATIONS)


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
