"""Real clips through the steps of the command line: how long each takes, how well the fit explains what was seen.

    python -m benchmarks clips                      # needs the shared clips; says so where they are absent

Results with their overlays stay in results/bench/clips. The annotated clips are also scored, see `benchmarks.scores`.
Nothing may ever be tuned on these.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED, score_clips
from fitter.app.clip_source import ClipSource
from fitter.app.options import Command
from fitter.app.products import export
from fitter.app.progress import SilentProgress
from fitter.app.steps import learned_initializer, load, observe, optimise, terms_of
from fitter.app.summary import Run, summarise
from fitter.config import load_config
from fitter.export.atomic import prepare_folder
from fitter.export.clip_writer import written
from fitter.export.result import FitResult
from fitter.observe.cache import FILE_NAME
from fitter.observe.observations import Observations
from fitter.synthesis.report import PhotometricReport

SHARED = Path(__file__).parents[2] / "shared"
CLIPS = {
    "finger_touch": "finger_touch/human_hand_video.mp4",
    "asl_hand": "asl_hand/asl_hand.25fps.mp4",
    "counting_hand": "counting_hand/hand.mp4",
    "palm_up": "palm_up/test_video.mp4",
    **{name: f"graph_cnn_real/{name}.mp4" for name in ANNOTATED},
}
# Of the annotated clips; the others' cameras are not known.
INTRINSICS = "923.648,923.759,640.047,362.336"
FOLDER = Path("results") / "bench" / "clips"


@dataclass(frozen=True)
class ClipRow:
    """One hand of one clip. Times are milliseconds per frame; `optimise` counts the starts and the posterior, too."""

    clip: str
    frames: int
    hand: str
    observed: int
    present: int
    observe_ms: float
    optimise_ms: float
    export_ms: float
    reprojection_px: float
    jitter_px: float
    detections_jitter_px: float
    psnr_before_db: float | None
    psnr_db: float | None
    iou_before: float | None
    iou: float | None
    masks_dropped: int | None
    largest_beta: float
    length_mm: float
    sigma_mm: float
    status: str


@dataclass(frozen=True)
class FittedClip:
    """What the steps made of a clip, and the seconds of observe, optimise and export."""

    result: FitResult
    seen: list[Observations]
    folder: Path
    seconds: tuple[float, float, float]
    photometric: tuple[PhotometricReport | None, ...]


def measure(quick: bool) -> Report:
    """Fit all clips (with `quick` the two annotated ones) and score the annotated ones."""
    report = Report("clips", "Real clips")
    report.begin()
    if not (SHARED / "data").is_dir():
        report.say(f"skipped: the real clips are no part of the repository, and there is no folder {SHARED / 'data'}")
        return report
    fitted = {}
    for name in ANNOTATED if quick else CLIPS:
        fitted[name] = fit_clip(name)
        report.note(f"{name}: fitted")
    report.table("clips", [row for name, clip in fitted.items() for row in rows_of(name, clip)])
    annotated = {name: (fitted[name].folder, fitted[name].seen[0]) for name in ANNOTATED}
    score_clips(report, SHARED, annotated, INTRINSICS)
    betas = max(float(np.abs(fitted[name].result.betas).max()) for name in ANNOTATED)
    report.require(f"largest |beta| {betas:.2f}, at most 3 wanted", betas <= 3.0)
    return report


def fit_clip(name: str) -> FittedClip:
    """Run the steps of the command line, detecting anew."""
    folder = prepare_folder(FOLDER / name)
    (folder / FILE_NAME).unlink(missing_ok=True)
    intrinsics = INTRINSICS if name in ANNOTATED else None
    command = Command(input=str(SHARED / "data" / CLIPS[name]), output=folder, intrinsics=intrinsics)
    config, progress = load_config(DEFAULT), SilentProgress()
    clip, camera, model = load(command)
    begun = time.perf_counter()
    seen = observe(command, config, clip, folder, progress)
    observed = time.perf_counter()
    source = ClipSource(clip, camera, model, seen, learned=learned_initializer(config.initialise))
    windows = list(optimise(source, config, command, progress))
    optimised = time.perf_counter()
    with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
        export(fitted, clip, camera, config, folder, progress)
    exported = time.perf_counter()
    pixels = tuple(hand.photometric for hand in fitted.hands)
    return FittedClip(
        fitted.result, seen, folder, (observed - begun, optimised - observed, exported - optimised), pixels
    )


def rows_of(name: str, clip: FittedClip) -> list[ClipRow]:
    """One row per hand."""
    summary = summarise(clip.result, clip.seen, Run(clip.folder, sum(clip.seconds)))
    observe_ms, optimise_ms, export_ms = (1000.0 * seconds / summary.n_frames for seconds in clip.seconds)
    return [
        ClipRow(
            clip=name,
            frames=summary.n_frames,
            hand=hand.side,
            observed=hand.observed_frames,
            present=hand.present_frames,
            observe_ms=observe_ms,
            optimise_ms=optimise_ms,
            export_ms=export_ms,
            reprojection_px=hand.reprojection_px,
            jitter_px=hand.jitter_px,
            detections_jitter_px=hand.detection_jitter_px,
            psnr_before_db=pixels and pixels.psnr_before_db,
            psnr_db=pixels and pixels.psnr_db,
            iou_before=pixels and pixels.iou_before,
            iou=pixels and pixels.iou,
            masks_dropped=pixels and pixels.masks_dropped,
            largest_beta=float(np.abs(betas).max()),
            length_mm=hand.length_mm,
            sigma_mm=hand.sigma_mm,
            status=summary.status,
        )
        for hand, betas, pixels in zip(summary.hands, clip.result.betas, clip.photometric, strict=True)
    ]
