"""How good each frame of a fit is: the chance that its joints are right to a centimetre, once moved onto the truth.

    quality = frame_quality(diagnostics)                     # (hands, frames), 0..1

A logistic regression, learnt on clips of hands that no shape of the model fits (`python -m benchmarks calibration`) and
tested on others, see docs/uncertainty.md. "Right" is a mean distance of the 21 joints below `QualityModel.good_mm`
after the best rotation, scale and translation of the frame. What does not apply to a frame, such as colours where no
pixels were compared, counts as it does in the mean frame to which it applies; that it is absent is a feature itself.
"""

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import expit

from fitter.export.diagnostics import Diagnostics
from fitter.solve.calibration import QualityModel, load_quality_model

# Energies of the terms that compare the fit with what the detector says of depth and bones, and of those that say how
# hands are held: whichever of them act.
CUE_TERMS = ("image_depth", "articulation", "bone_direction")
POSE_TERMS = ("learned_pose", "pose", "coupling", "anatomy")
# Below these a figure says nothing more: keeps logarithms finite.
LEAST_SHARE, LEAST_ENERGY, LEAST_SIGMA_MM = 1e-3, 1e-2, 1e-2


def frame_quality(
    diagnostics: Diagnostics, model: QualityModel | None = None
) -> Float32[np.ndarray, "hands frames"]:
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
    cues, pose    log of the energies of CUE_TERMS and POSE_TERMS
    confidence    mean over the joints, 0 where unseen
    photometric   log of the colours' residual; overlap: log of the share in which mesh and mask differ
    has_*         1 where keypoints, depth, colours, a mask take part in the frame, else 0
    """
    confidence = diagnostics.confidence.astype(np.float64)
    sigma = np.sqrt(np.square(diagnostics.relative_sigma_mm, dtype=np.float64).mean(axis=-1))
    observed = (confidence > 0).any(axis=-1)
    cues = energy_of(diagnostics, CUE_TERMS)
    depth = energy_of(diagnostics, ("image_depth",))
    return {
        "sigma": np.log(np.maximum(sigma, LEAST_SIGMA_MM)),
        "reprojection": np.log(np.maximum(diagnostics.reprojection_px / span_px(diagnostics), LEAST_SHARE)),
        "cues": np.where(observed, np.log(np.maximum(cues, LEAST_ENERGY)), np.nan),
        "pose": np.log(np.maximum(energy_of(diagnostics, POSE_TERMS), LEAST_ENERGY)),
        "confidence": np.where(observed, confidence.mean(axis=-1), np.nan),
        "photometric": np.log(np.maximum(diagnostics.photometric, LEAST_SHARE)).astype(np.float64),
        "overlap": np.log(np.maximum(1.0 - diagnostics.overlap, LEAST_SHARE)).astype(np.float64),
        "has_keypoints": observed.astype(np.float64),
        "has_depth": (np.nan_to_num(depth) > 0).astype(np.float64),
        "has_colours": np.isfinite(diagnostics.photometric).astype(np.float64),
        "has_mask": np.isfinite(diagnostics.overlap).astype(np.float64),
    }


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
