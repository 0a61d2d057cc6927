"""What the gates of pseudo-labels keep and drop at their defaults, on clips whose truth is known.

    python -m benchmarks gating                  # 16 clips of 30 frames: hands that no shape of the model fits, filmed

MediaPipe looks at the pictures, half of the clips are fitted by keypoints only, all fits and gates are the defaults.
Errors are of frames, means over the 21 joints: aligned (PA-MPJPE), and relative to the wrist. The clips are neither
those that sigma and quality were learnt on nor those they were tested on, nor those by which the defaults were chosen.

Of 480 frames 80 % are kept, with 9.5 mm aligned against 11.9 of the others (1.25 times), and 27 mm relative against 32.
Most of what remains is the same in all frames of a clip, the hand's shape, which no gate sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.claims import Setting, begun, with_gap
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.strangers import side_of, strange_film
from fitter.config import load_config
from fitter.errors import NoHandError
from fitter.evaluate.metrics import pa_errors
from fitter.export.assemble import assemble_result
from fitter.export.diagnostics import diagnose
from fitter.export.fitted_hand import FittedHand
from fitter.export.labels import Gates, Verdict, judge
from fitter.export.labels.gates import Measure
from fitter.hand.anny import load_anny
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.tracks import track_hands
from fitter.pipeline import fit_hand
from priors.learned import load_learned

N_CLIPS, N_FRAMES, FIRST_SEED = 16, 30, 75_000
QUICK_CLIPS, QUICK_FRAMES = 2, 12
MM_PER_M = 1000.0
FACTOR = 1.2  # by which dropped frames must be worse than those that are kept
PIXELS, KEYPOINTS = "pixels", "keypoints"


@dataclass(frozen=True)
class Judged:
    """One clip: the verdict on its frames, and their errors, NaN where the hand is not present."""

    seed: int
    fitted_by: str
    verdict: Verdict
    aligned_mm: Float[np.ndarray, "frames"]
    relative_mm: Float[np.ndarray, "frames"]


@dataclass(frozen=True)
class KeptRow:
    """Frames with a fitted hand: how many are kept, and the mean errors of those and of the dropped ones."""

    fitted_by: str
    frames: int
    kept_percent: float
    kept_aligned_mm: float
    dropped_aligned_mm: float
    aligned_factor: float
    kept_relative_mm: float
    dropped_relative_mm: float
    relative_factor: float


@dataclass(frozen=True)
class GateRow:
    """One gate alone: what it drops, and the mean aligned error of these frames and of all others."""

    gate: str
    judged_percent: float
    dropped_percent: float
    kept_aligned_mm: float
    dropped_aligned_mm: float
    aligned_factor: float


def measure(quick: bool) -> Report:
    """Both tables, and whether dropped frames are worse."""
    n_clips, n_frames = (QUICK_CLIPS, QUICK_FRAMES) if quick else (N_CLIPS, N_FRAMES)
    report = Report("gating", f"Frames kept and dropped by the default gates, {n_clips} clips of {n_frames} frames")
    report.begin()
    setting = Setting(load_anny(), load_learned(), load_config(DEFAULT))
    clips = list[Judged]()
    for seed in range(FIRST_SEED, FIRST_SEED + n_clips):
        clips += judged(setting, seed, n_frames)
        report.note(f"clip {seed - FIRST_SEED + 1} of {n_clips}")
    rows = [kept_row(kind, [clip for clip in clips if clip.fitted_by == kind]) for kind in (KEYPOINTS, PIXELS)]
    rows.append(kept_row("all", clips))
    report.table("kept", rows)
    report.table("gates", gate_rows(clips))
    factor = rows[-1].aligned_factor
    report.require(f"dropped frames are {factor:.2f} times as wrong as kept ones, {FACTOR} wanted", factor >= FACTOR)
    return report


def judged(setting: Setting, seed: int, n_frames: int) -> list[Judged]:
    """The clip of a seed, fitted as by the command line; nothing where MediaPipe finds no hand of the side."""
    clip, detector, config = strange_film(setting.model, seed, n_frames), MediaPipe(), setting.config
    assert clip.film is not None
    try:
        seen = track_hands(list(detector.detect(clip.film)), clip.film, detector.name, side_of(seed))[0]
    except NoHandError:
        return []
    seen = with_gap(seen, seed)
    given = begun(setting, clip, seen)
    by_pixels = seed // 2 % 2 == 1  # of both sides
    if not by_pixels:
        given = replace(given, footage=None)
    fit = fit_hand(given, config.energy, config.schedule, config.presence, None, config.synthesis)
    hand = FittedHand(seen, fit)
    camera = given.camera.mirrored() if hand.side == "left" else given.camera
    result = assemble_result([hand], clip.film, camera)
    joints = result.joints_m[0].astype(np.float64) * ([-1.0, 1.0, 1.0] if hand.side == "left" else 1.0)
    aligned, relative = errors_mm(joints, clip.joints_m, result.present[0])
    verdict = judge(result, diagnose([hand]), Gates())
    return [Judged(seed, PIXELS if by_pixels else KEYPOINTS, verdict, aligned, relative)]


def errors_mm(
    fitted: Float[np.ndarray, "frames 21 3"],
    truth: Float[np.ndarray, "frames 21 3"],
    present: Bool[np.ndarray, "frames"],
) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:
    """Of every frame: after a similarity alignment, and with both wrists at the origin."""
    aligned, relative = np.full(len(present), np.nan), np.full(len(present), np.nan)
    ours, theirs = fitted[present], truth[present]
    aligned[present] = MM_PER_M * pa_errors(ours, theirs).mean(axis=1)
    beside = (ours - ours[:, :1]) - (theirs - theirs[:, :1])
    relative[present] = MM_PER_M * np.linalg.norm(beside, axis=-1).mean(axis=1)
    return aligned, relative


def kept_row(name: str, clips: Sequence[Judged]) -> KeptRow:
    """All frames of these clips that have a fitted hand."""
    fitted = _joined([clip.verdict.fitted[0] for clip in clips])
    kept = _joined([clip.verdict.kept[0] for clip in clips])[fitted]
    aligned = _joined([clip.aligned_mm for clip in clips])[fitted]
    relative = _joined([clip.relative_mm for clip in clips])[fitted]
    return KeptRow(name, len(kept), 100.0 * float(kept.mean()), *_split(aligned, kept), *_split(relative, kept))


def gate_rows(clips: Sequence[Judged]) -> list[GateRow]:
    """A row for every gate that any clip has."""
    names = [measured.name for measured in clips[0].verdict.measures]
    return [_gate_row(name, clips) for name in names]


def _gate_row(name: str, clips: Sequence[Judged]) -> GateRow:
    fitted = _joined([clip.verdict.fitted[0] for clip in clips])
    measured = [_measure(clip.verdict, name) for clip in clips]
    failed = _joined([each.failed[0] for each in measured])[fitted]
    known = np.isfinite(_joined([each.values[0] for each in measured])[fitted])
    aligned = _joined([clip.aligned_mm for clip in clips])[fitted]
    share = 100.0 * float(known.mean()), 100.0 * float(failed.mean())
    return GateRow(name, *share, *_split(aligned, ~failed))


def _measure(verdict: Verdict, name: str) -> Measure:
    return next(each for each in verdict.measures if each.name == name)


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(arrays)) if arrays else np.zeros(0)


def _split(error_mm: Float[np.ndarray, "frames"], kept: Bool[np.ndarray, "frames"]) -> tuple[float, float, float]:
    """Mean of the kept frames, of the others, and how many times as large the latter is; NaN where there are none."""
    means = [float(error_mm[chosen].mean()) if chosen.any() else float("nan") for chosen in (kept, ~kept)]
    return means[0], means[1], means[1] / means[0]
