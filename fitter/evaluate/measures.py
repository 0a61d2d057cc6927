"""What is reported of a fit against its truth: the errors of every joint, and the scores that are their means.

    errors = compare(result, truth)                     # of every joint, nothing averaged yet
    scores_of(errors).pa_mpjpe_mm
    scores_of(pooled([errors, others]))                 # of several clips, every joint counting alike

Of `Scores` the names `detected`, `keypoint_px`, `pa_mpjpe_mm`, `clip_mpjpe_mm`, `auc_0_50`, `auc_20_50`,
`acceleration_mm` and `bone_std_percent` mean what they mean in the benchmarks of this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from fitter.evaluate.metrics import auc


@dataclass(frozen=True)
class Errors:
    """What is measured, before any mean; millimetres and pixels, only what is known and where the hand was found.

    `detected` has a row per annotated frame; the points' errors are in the order of the frames.
    """

    detected: Bool[np.ndarray, "frames"]
    root_mm: Float[np.ndarray, "points"]
    absolute_mm: Float[np.ndarray, "points_in_space"]
    aligned_mm: Float[np.ndarray, "aligned_points"]
    clip_mm: Float[np.ndarray, "clip_points"]
    scaled_mm: Float[np.ndarray, "scaled_points"]
    vertices_mm: Float[np.ndarray, "vertices"]
    f_scores: Float[np.ndarray, "meshes 4"]
    keypoint_px: Float[np.ndarray, "pixels"]
    acceleration_mm: Float[np.ndarray, "accelerations"]
    tremble_px: Float[np.ndarray, "windows"]
    bone_spread_percent: Float[np.ndarray, "bones"]
    psnr_db: Float[np.ndarray, "pictures"]
    ssim: Float[np.ndarray, "pictures_with_windows"]


@dataclass(frozen=True)
class Scores:
    """The measures of one clip, or of several; NaN where one does not apply. See `fitter.evaluate.definitions`."""

    frames: float
    detected: float
    mpjpe_mm: float
    absolute_mpjpe_mm: float
    pa_mpjpe_mm: float
    clip_mpjpe_mm: float
    scale_mpjpe_mm: float
    pa_mpvpe_mm: float
    f_5: float
    f_15: float
    pa_f_5: float
    pa_f_15: float
    auc_0_50: float
    auc_20_50: float
    root_auc_0_50: float
    root_auc_20_50: float
    absolute_auc_0_50: float
    keypoint_px: float
    acceleration_mm: float
    jitter_px: float
    bone_std_percent: float
    psnr_db: float
    ssim: float


def scores_of(errors: Errors) -> Scores:
    """Means over points, frames or pictures; the root of the mean square for jitter."""
    f_scores = [_mean(errors.f_scores[:, column]) for column in range(4)]
    return Scores(
        frames=float(len(errors.detected)) if len(errors.detected) else float("nan"),
        detected=_mean(errors.detected),
        mpjpe_mm=_mean(errors.root_mm),
        absolute_mpjpe_mm=_mean(errors.absolute_mm),
        pa_mpjpe_mm=_mean(errors.aligned_mm),
        clip_mpjpe_mm=_mean(errors.clip_mm),
        scale_mpjpe_mm=_mean(errors.scaled_mm),
        pa_mpvpe_mm=_mean(errors.vertices_mm),
        f_5=f_scores[0],
        f_15=f_scores[1],
        pa_f_5=f_scores[2],
        pa_f_15=f_scores[3],
        auc_0_50=auc(errors.aligned_mm, 0.0, 50.0),
        auc_20_50=auc(errors.aligned_mm, 20.0, 50.0),
        root_auc_0_50=auc(errors.root_mm, 0.0, 50.0),
        root_auc_20_50=auc(errors.root_mm, 20.0, 50.0),
        absolute_auc_0_50=auc(errors.absolute_mm, 0.0, 50.0),
        keypoint_px=_mean(errors.keypoint_px),
        acceleration_mm=_mean(errors.acceleration_mm),
        jitter_px=float(np.sqrt(_mean(errors.tremble_px**2))),
        bone_std_percent=_mean(errors.bone_spread_percent),
        psnr_db=_mean(errors.psnr_db),
        ssim=_mean(errors.ssim),
    )


def mean_of(rows: Sequence[Scores]) -> Scores:
    """The mean of each measure over the rows where it applies, each row counting alike; of the frames, the sum."""
    values = {f.name: np.array([getattr(row, f.name) for row in rows]) for f in fields(Scores)}
    means = {name: _mean(column[np.isfinite(column)]) for name, column in values.items()}
    means["frames"] = float(np.nansum(values["frames"]))
    return Scores(**means)


def pooled(parts: Sequence[Errors]) -> Errors:
    """The errors of several clips as one: every joint of every frame counts alike, as in the benchmarks."""
    arrays = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Errors)}
    return Errors(**{name: np.concatenate(columns) for name, columns in arrays.items()})


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
