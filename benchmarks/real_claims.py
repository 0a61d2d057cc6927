"""What fits of real clips claim, by the numbers that ship: frames believed to show the hand, and, where there is an
annotation, errors beside sigmas. Nothing is tuned on these clips.

    look_at_real(report, setting, quick=False)          # a part of `python -m benchmarks calibration`

The annotation's scale is normalised and its bones wobble by 6-8 % from frame to frame, so it is itself off by some
millimetres; only errors with size and distance given, and aligned ones, mean anything.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from benchmarks.claims import CUES, PIXELS, Record, Setting, chosen_index, claimed, diagnostics_of, keypoint_fit, record
from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.reliability import Claims
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED
from benchmarks.strangers import Stranger
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import initialise, load, observe, with_pose_prior
from fitter.export.atomic import prepare_folder
from fitter.export.quality import frame_quality
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Side
from fitter.pipeline import Presence, fit_pixels
from fitter.solve.calibration import load_calibration, load_quality_model
from fitter.solve.threads import one_thread

# Detections stay here from one measurement to the next.
FOLDER = Path("results") / "bench" / "calibration"


# Fitted by pixels, too: the annotated ones, and one of the others.
BY_PIXELS = (*ANNOTATED, "palm_up")


@dataclass(frozen=True)
class PresentRow:
    """Frames believed to show the hand before and after the calibration; sigmas are root mean squares, millimetres."""

    clip: str
    regime: str
    frames: int
    observed: int
    present_before: int
    present_after: int
    relative_before_mm: float
    relative_after_mm: float
    joints_before_mm: float
    joints_after_mm: float
    quality: float


@dataclass(frozen=True)
class AnnotatedRow:
    """Errors (root mean square per axis, size and distance given) against sigmas, and quality against its truth."""

    clip: str
    regime: str
    error_mm: float
    sigma_mm: float
    error_over_sigma_before: float
    error_over_sigma: float
    within_1: float
    within_2: float
    aligned_mm: float
    good: float
    quality: float


def look_at_real(report: Report, setting: Setting, quick: bool) -> None:
    """The tables of both; says so where the clips are absent."""
    if not (SHARED / "data").is_dir():
        report.say(f"real clips skipped: they are no part of the repository, and there is no folder {SHARED / 'data'}")
        return
    records = []
    for name in ANNOTATED if quick else CLIPS:
        records += real_records(setting, name, pixels=name in BY_PIXELS and not quick)
        report.note(f"{name}: fitted")
    tell_real(report, records, setting.config.presence)


def tell_real(report: Report, records: list[Record], presence: Presence) -> None:
    """The tables of the records of real clips, by the numbers that ship."""
    report.say("### Real clips, by the numbers that ship\n")
    report.table("present", [present_row(each, presence) for each in records])
    report.say("### Annotated real clips, never tuned on\n")
    report.table("annotated", [annotated_row(each) for each in records if each.source in ANNOTATED])


def present_row(record: Record, presence: Presence) -> PresentRow:
    joints, relative = claimed(record, chosen_index(record.regime), load_calibration().scales[record.regime])
    raw = record.relative_mm[0]
    raw_joints = np.sqrt(np.square(raw) + np.square(record.shared_mm[0]))
    return PresentRow(
        *(record.source, record.regime, len(raw), int(record.observed.sum())),
        *(int(present(record, each, presence).sum()) for each in (raw, relative)),
        *(float(np.sqrt(np.square(each).mean())) for each in (raw, relative, raw_joints, joints)),
        quality=float(quality_of(record).mean()),
    )


def annotated_row(record: Record) -> AnnotatedRow:
    relative = claimed(record, chosen_index(record.regime), load_calibration().scales[record.regime])[1]
    error = record.relative_error_mm.ravel() / np.sqrt(3.0)
    before, after = Claims(record.relative_mm[0].ravel(), error), Claims(relative.ravel(), error)
    error_mm, sigma_mm = (float(np.sqrt(np.square(each).mean())) for each in (after.error, after.sigma))
    return AnnotatedRow(
        *(record.source, record.regime, error_mm, sigma_mm, before.normalised, after.normalised),
        *(after.covered(1.0), after.covered(2.0), float(record.aligned_mm.mean())),
        good=float((record.aligned_mm < load_quality_model().good_mm).mean()),
        quality=float(quality_of(record).mean()),
    )


def quality_of(record: Record) -> Float[np.ndarray, "frames"]:
    return frame_quality(diagnostics_of(record, load_calibration().scales[record.regime]))[0]


def real_records(setting: Setting, name: str, pixels: bool) -> list[Record]:
    """The fits of a clip's hands by keypoints, and by `pixels`; errors are of no meaning where nothing is annotated."""
    intrinsics = INTRINSICS if name in ANNOTATED else None
    folder = prepare_folder(FOLDER / name)
    command = Command(input=str(SHARED / "data" / CLIPS[name]), output=folder, intrinsics=intrinsics)
    clip, camera, model = load(command)
    seen = observe(command, setting.config, clip, folder, SilentProgress())
    records = []
    for given, hand in zip(initialise(clip, camera, model, seen, learned=setting.learned), seen, strict=True):
        given = with_pose_prior(given, setting.config.energy)
        truth = Stranger(0, given.camera, annotated_joints(name, hand.side, clip.n_frames))
        reached = keypoint_fit(setting, given)
        records.append(record(setting, (name, CUES), truth, given, reached))
        if pixels:
            given, config = replace(given, evidence=reached.problem.evidence), setting.config
            with one_thread():
                reached = fit_pixels(given, reached, config.energy, config.schedule, config.synthesis, None)
            records.append(record(setting, (name, PIXELS), truth, given, reached))
    return records


def annotated_joints(name: str, side: Side, n_frames: int) -> Float[np.ndarray, "frames 21 3"]:
    """The truth as the engine's right hand has it, metres; all at one place where there is none."""
    if name not in ANNOTATED:
        return np.zeros((n_frames, 21, 3))
    first, last = ANNOTATED[name]
    annotations = json.loads((SHARED / "data" / "graph_cnn_real" / "annotations.json").read_text(encoding="utf-8"))
    by_frame = {each["frame"]: each["joints_3d_m_cam"] for each in annotations["frames"]}
    joints = np.array([by_frame[frame] for frame in range(first, last + 1)], dtype=np.float64)
    return joints if side == "right" else mirror_points(torch.from_numpy(joints)).numpy()


def present(
    record: Record, relative_mm: Float[np.ndarray, "frames 21"], presence: Presence
) -> Bool[np.ndarray, "frames"]:
    """As `fitter.pipeline.believed` would have it with these sigmas."""
    sure = np.sqrt(np.square(relative_mm).mean(axis=1)) <= presence.max_sigma_mm
    return record.observed | (sure & (record.gap_s <= presence.max_gap_s))
