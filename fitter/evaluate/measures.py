"""What is reported of a fit against its truth, each measure with its definition and the paper it is from.

    errors = compare(result, truth)                     # of every joint, nothing averaged yet
    scores_of(errors).pa_mpjpe_mm
    scores_of(pooled([errors, others]))                 # of several clips, every joint counting alike

Of `Scores` the names `detected`, `keypoint_px`, `pa_mpjpe_mm`, `clip_mpjpe_mm`, `auc_0_50`, `auc_20_50`,
`acceleration_mm` and `bone_std_percent` mean what they mean in the benchmarks of this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

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
    """The measures of one clip, or of several; NaN where one does not apply. What each is, is in `MEASURES`."""

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


@dataclass(frozen=True)
class Measure:
    """How a measure is shown and what it means; `better` says which way is good."""

    name: str
    title: str
    better: Literal["lower", "higher", "-"]
    digits: int
    definition: str


MEASURES = (
    Measure("frames", "frames", "-", 0, "annotated frames"),
    Measure("detected", "detected", "higher", 3, "share of them with a hand of the annotated side; all else is over these"),
    Measure(
        *("mpjpe_mm", "MPJPE mm", "lower", 2),
        "mean distance of the joints relative to the root, no scale or rotation removed (Ionescu et al. 2014). The root "
        "is the wrist; the palm's centre where that is annotated instead (STB; of the fit the middle of wrist and middle "
        "knuckle, Zimmermann & Brox 2017); else the centroid of the known joints (Mueller et al. 2018)",
    ),
    Measure("absolute_mpjpe_mm", "absolute MPJPE mm", "lower", 2, "the same in the camera's axes, nothing removed"),
    Measure(
        *("pa_mpjpe_mm", "PA-MPJPE mm", "lower", 2),
        "the same after the best rotation, scale and translation of each frame (Umeyama 1991; Zimmermann et al. 2019)",
    ),
    Measure(
        *("clip_mpjpe_mm", "clip MPJPE mm", "lower", 2),
        "relative to the root with one scale, the best for the whole clip; no rotation removed",
    ),
    Measure(
        *("scale_mpjpe_mm", "ST-MPJPE mm", "lower", 2),
        "relative to the wrist, each frame scaled by wrist to middle knuckle (HO-3D, Hampali et al. 2020)",
    ),
    Measure(
        *("pa_mpvpe_mm", "PA-MPVPE mm", "lower", 2),
        "mean distance of the vertices after their best rotation, scale and translation (Zimmermann et al. 2019); only "
        "of meshes whose vertices correspond",
    ),
    Measure(
        *("f_5", "F@5", "higher", 3),
        "F-score of the vertices at 5 mm in the camera's axes (Knapitsch et al. 2017; Zimmermann et al. 2019)",
    ),
    Measure("f_15", "F@15", "higher", 3, "the same at 15 mm"),
    Measure(
        *("pa_f_5", "PA-F@5", "higher", 3),
        "the same at 5 mm after alignment: by the vertices where they correspond, else by the joints",
    ),
    Measure("pa_f_15", "PA-F@15", "higher", 3, "the same at 15 mm"),
    Measure(
        *("auc_0_50", "AUC 0-50", "higher", 3),
        "area under the share of joints within a distance, 0 to 50 mm, aligned as for PA-MPJPE (FreiHAND, HO-3D)",
    ),
    Measure("auc_20_50", "AUC 20-50", "higher", 3, "the same from 20 to 50 mm"),
    Measure("root_auc_0_50", "root AUC 0-50", "higher", 3, "the same from 0 to 50 mm, relative to the root as for MPJPE"),
    Measure(
        *("root_auc_20_50", "root AUC 20-50", "higher", 3),
        "the same from 20 to 50 mm (STB and RHD, Zimmermann & Brox 2017; Dexter+Object, EgoDexter, Mueller et al. 2018)",
    ),
    Measure("absolute_auc_0_50", "absolute AUC 0-50", "higher", 3, "the same from 0 to 50 mm, nothing aligned (FreiHAND)"),
    Measure("keypoint_px", "2D px", "lower", 2, "mean distance of the projected joints, pixels of the input frames"),
    Measure(
        *("acceleration_mm", "acceleration mm", "lower", 2),
        "mean difference of second differences over frames, relative to the root, scaled as for clip MPJPE, mm per frame "
        "squared (Kanazawa et al. 2019)",
    ),
    Measure(
        *("jitter_px", "jitter px", "lower", 2),
        "root mean square distance of the projected joints' centroid from its mean over 11 frames (no truth needed)",
    ),
    Measure(
        *("bone_std_percent", "bones %", "lower", 2),
        "mean over bones of the standard deviation of their length over the clip, share of the length (no truth needed)",
    ),
    Measure(
        *("psnr_db", "PSNR dB", "higher", 2),
        "rendering against picture where the hand covers it, sRGB values, mean over frames (no truth needed)",
    ),
    Measure("ssim", "SSIM", "higher", 3, "the same by structural similarity (Wang et al. 2004)"),
)


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
