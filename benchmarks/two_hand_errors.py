"""Where the errors of fitted hands come from: the truth in place of what the detector says, one cue at a time.

    python -m benchmarks two_hand_errors            # 6 clips of `two_hands`, each hand alone

`wrist_mm` is how far the wrist's distance from the camera is wrong: it follows the size of the hand in the image.
`mpjpe_mm`, wrists at the origin, follows mostly how the hand is tilted towards the camera, which only depth tells.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.two_hand_clips import KINDS, TwoHandClip, two_hand_clip
from benchmarks.two_hands import SIDES, input_of, observed
from fitter.config import Config, load_config
from fitter.energy.size import Size
from fitter.evaluate.metrics import mpjpe, pa_mpjpe
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Observations
from fitter.pipeline import fit_hand

N_CLIPS, QUICK_CLIPS = 6, 1
KNOWN_SIGMA_MM = 1.0
NEAR_SHARE = 0.4
# What is known in each way: the hand's length, or cues that the detector errs in.
WAYS: dict[str, tuple[str, ...]] = {
    "as seen": (),
    "true pixels": ("pixels",),
    "true depth": ("depth",),
    "true landmarks": ("landmarks",),
    "true pixels and depth": ("pixels", "depth"),
    "known length": ("length",),
}


@dataclass(frozen=True)
class ErrorRow:
    """Means over hands and frames, millimetres. `near` and `apart` are `mpjpe_mm` in the NEAR_SHARE of frames in which
    the hands are nearest to each other, and in the others.
    """

    given: str
    mpjpe_mm: float
    pa_mpjpe_mm: float
    near_mm: float
    apart_mm: float
    wrist_mm: float


def with_truth(hand: Observations, clip: TwoHandClip, cues: tuple[str, ...]) -> Observations:
    """The observations with the true values of some cues, where the hand was detected."""
    truth, seen = clip.truths[hand.side], hand.observed[:, None]
    if "pixels" in cues:
        hand = replace(hand, keypoints_px=np.where(seen[..., None], truth.keypoints_px, 0.0))
    if "depth" in cues:
        z = truth.joints_m[..., 2]
        hand = replace(hand, depth_px=np.where(seen, (z / z[:, :1] - 1.0) * clip.camera.fx, 0.0))
    if "landmarks" in cues:
        relative = truth.joints_m - truth.joints_m[:, :1]
        hand = replace(hand, landmarks_m=np.where(seen[..., None], relative, 0.0))
    return hand


def errors_of(
    clip: TwoHandClip, hand: Observations, cues: tuple[str, ...], model: HandModel, config: Config
) -> list[float]:
    """The figures of `ErrorRow` for one hand."""
    energy, truth = config.energy, clip.truths[hand.side]
    if "length" in cues:
        length_mm = 1000.0 * float(model.hand_length(torch.from_numpy(truth.betas)))
        energy = replace(energy, size=Size(length_mm=length_mm, sigma_mm=KNOWN_SIGMA_MM))
    fit = fit_hand(input_of(clip, with_truth(hand, clip, cues), model, config), energy, config.schedule)
    joints = fit.scene.posed.joints
    shown = (mirror_points(joints) if hand.side == "left" else joints).numpy()
    middles = [clip.joints_m[side].mean(axis=1) for side in SIDES]
    apart_m = np.linalg.norm(middles[0] - middles[1], axis=1)
    near = apart_m <= np.quantile(apart_m, NEAR_SHARE)

    def error(chosen: np.ndarray) -> float:
        return mpjpe(shown[chosen], truth.joints_m[chosen])

    wrist = np.abs(shown[:, 0, 2] - truth.joints_m[:, 0, 2])[fit.present].mean()
    aligned = pa_mpjpe(shown[fit.present], truth.joints_m[fit.present])
    figures = error(fit.present), aligned, error(fit.present & near), error(fit.present & ~near), float(wrist)
    return [1000.0 * figure for figure in figures]


def measure(quick: bool) -> Report:
    report = Report("two_hand_errors", "Where the errors of two hands come from")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    config = replace(config, schedule=replace(config.schedule, stages=config.schedule.keypoint_stages))
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for seed in range(QUICK_CLIPS if quick else N_CLIPS):
        clip = two_hand_clip(model, seed, KINDS[seed % len(KINDS)])
        for hand in observed(clip).values():
            for way, cues in WAYS.items():
                found[way].append(errors_of(clip, hand, cues, model, config))
        report.note(f"clip {seed}: {found['as seen'][-1]}")
    report.table("errors", [ErrorRow(way, *np.mean(rows, axis=0).tolist()) for way, rows in found.items()])
    return report
