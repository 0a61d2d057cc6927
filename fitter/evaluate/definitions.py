"""Each measure of `fitter.evaluate.measures.Scores`: how it is shown, its definition, and the paper it is from.

Umeyama 1991 (TPAMI), Wang et al. 2004 (SSIM, TIP), Ionescu et al. 2014 (Human3.6M, TPAMI), Knapitsch et al. 2017 (Tanks
and Temples, ToG), Zimmermann and Brox 2017 (RHD, ICCV), Kanazawa et al. 2019 (human dynamics, CVPR), Zimmermann et al.
2019 (FreiHAND, ICCV), Hampali et al. 2020 (HO-3D, CVPR), Zhou et al. 2020 (hands in real time, CVPR).
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """How a measure is shown and what it means; `better` says which way is good."""

    name: str
    title: str
    better: Literal["lower", "higher", "-"]
    digits: int
    definition: str


MEASURES = (
    Measure("frames", "frames", "-", 0, "annotated frames; their number in all, below several rows"),
    Measure(
        "detected", "detected", "higher", 3, "share of them with a hand of the annotated side; all else is over these"
    ),
    Measure(
        *("mpjpe_mm", "MPJPE mm", "lower", 2),
        "mean distance of the joints relative to the root, no scale or rotation removed (Ionescu et al. 2014). The "
        "root is the wrist; the palm's centre where that is annotated instead (STB; of the fit the middle of wrist and "
        "middle knuckle, Zimmermann & Brox 2017); else the centroid of the known joints (Zhou et al. 2020). A wrist at "
        "the root counts among the joints, with its error of 0",
    ),
    Measure(
        "absolute_mpjpe_mm",
        "absolute MPJPE mm",
        "lower",
        2,
        "mean distance of the joints in the camera's axes, nothing removed",
    ),
    Measure(
        *("pa_mpjpe_mm", "PA-MPJPE mm", "lower", 2),
        "mean distance of the joints after the best rotation, scale and translation of each frame (Umeyama 1991; "
        "Zimmermann et al. 2019)",
    ),
    Measure(
        *("clip_mpjpe_mm", "clip MPJPE mm", "lower", 2),
        "MPJPE after one scale, the best for the whole clip",
    ),
    Measure(
        *("scale_mpjpe_mm", "ST-MPJPE mm", "lower", 2),
        "MPJPE after each frame was scaled by the distance of wrist and middle knuckle (HO-3D, Hampali et al. 2020)",
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
    Measure("f_15", "F@15", "higher", 3, "as F@5, at 15 mm"),
    Measure(
        *("pa_f_5", "PA-F@5", "higher", 3),
        "F@5 after alignment as for PA-MPVPE: by the vertices where they correspond, else by the joints",
    ),
    Measure("pa_f_15", "PA-F@15", "higher", 3, "as PA-F@5, at 15 mm"),
    Measure(
        *("auc_0_50", "AUC 0-50", "higher", 3),
        "area under the share of joints within a distance, 0 to 50 mm, aligned as for PA-MPJPE (FreiHAND, HO-3D)",
    ),
    Measure("auc_20_50", "AUC 20-50", "higher", 3, "as AUC 0-50, from 20 to 50 mm"),
    Measure("root_auc_0_50", "root AUC 0-50", "higher", 3, "as AUC 0-50, relative to the root as for MPJPE"),
    Measure(
        *("root_auc_20_50", "root AUC 20-50", "higher", 3),
        "as root AUC 0-50, from 20 to 50 mm (STB and RHD, Zimmermann & Brox 2017; Dexter+Object and EgoDexter, Zhou "
        "et al. 2018)",
    ),
    Measure("absolute_auc_0_50", "absolute AUC 0-50", "higher", 3, "as AUC 0-50, nothing aligned (FreiHAND)"),
    Measure("keypoint_px", "2D px", "lower", 2, "mean distance of the projected joints, pixels of the input frames"),
    Measure(
        *("acceleration_mm", "acceleration mm", "lower", 2),
        "mean difference of second differences over frames, relative to the root, scaled as for clip MPJPE, mm per "
        "frame squared (Kanazawa et al. 2019)",
    ),
    Measure(
        *("jitter_px", "jitter px", "lower", 2),
        "root mean square distance of the projected joints' centroid from its mean over 11 frames (no truth needed)",
    ),
    Measure(
        *("bone_std_percent", "bones %", "lower", 2),
        "mean over bones of the standard deviation of their length over the clip, share of the length (no truth "
        "needed)",
    ),
    Measure(
        *("psnr_db", "PSNR dB", "higher", 2),
        "rendering against picture where the hand covers it, sRGB values, mean over frames (no truth needed)",
    ),
    Measure("ssim", "SSIM", "higher", 3, "as PSNR, by structural similarity (Wang et al. 2004)"),
)
