"""The closing summary: what was fitted, how well it explains the clip, and what was assumed.

summary = summarise(result, observations, Run(folder, seconds=12.3, warnings=journal.warnings))
print_summary(summary)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from rich.console import Console
from rich.table import Table

from fitter.app.self_contact import Contact, look_for_contact, sentence
from fitter.camera import focal_words
from fitter.clip.slice import runs_of
from fitter.evaluate.metrics import jitter, mpjpe, pa_mpjpe
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.mapped import release_pages, stretches
from fitter.observe.observations import Observations
from fitter.skeleton import POINT_NAMES, POINT_PARENTS
from fitter.synthesis.report import PhotometricReport
from fitter.visualize.report.write import REPORT_FILE

MM_PER_M = 1000.0


@dataclass(frozen=True)
class Run:
    """What the summary tells about the run beside the result itself.

    `truth_m`: true joints of each hand (OpenPose order, metres, camera axes), where they are known, as for the demo.
    `photometric`: of each hand, None where no pixels were compared; empty where there were none at all.
    `relative_sigma_mm`: of each hand, see `Posterior`; empty where nobody says.
    `starts`: what each hand's fit grew from, by name; empty where nobody says.
    """

    folder: Path
    seconds: float
    warnings: tuple[str, ...] = ()
    hand_length_known: bool = False
    truth_m: Float[np.ndarray, "hands frames 21 3"] | None = None
    photometric: tuple[PhotometricReport | None, ...] = ()
    starts: tuple[str, ...] = ()
    relative_sigma_mm: tuple[Float[np.ndarray, "frames 21"], ...] = ()
    model: HandModel | None = None


@dataclass(frozen=True)
class HandSummary:
    """The quality of one hand's fit; NaN where a figure has no meaning, such as the jitter of three frames.

    `reprojection_px`: mean distance of the projected joints from the detections, where there are some; the source's
    own definition of the joints is part of it. `jitter_px`, `detection_jitter_px`: RMS distance of the hand's centre in
    the image from its moving average, of the fit and of the detections. `sigma_mm`: median standard deviation of the
    joints in space, `relative_sigma_mm` with size and focal length aside. `error_mm`: mean error of the joints relative
    to the wrist, `aligned_error_mm` after similarity alignment of each frame (PA-MPJPE); None without truth.
    `photometric`: None without pixels. `contact`: None where nobody looked.
    """

    side: str
    observed_frames: int
    present_frames: int
    reprojection_px: float
    jitter_px: float
    detection_jitter_px: float
    sigma_mm: float
    relative_sigma_mm: float
    length_mm: float
    error_mm: float | None = None
    aligned_error_mm: float | None = None
    photometric: PhotometricReport | None = None
    contact: Contact | None = None


@dataclass(frozen=True)
class Summary:
    """The clip, its hands and the run."""

    n_frames: int
    fps: float
    image_size: tuple[int, int]
    focal_px: float
    focal_words: str
    zooms: bool
    status: str
    hands: tuple[HandSummary, ...]
    run: Run


def summarise(result: FitResult, observations: Sequence[Observations], run: Run) -> Summary:
    """The figures of a fit; `observations` are what was seen of each hand of the result, in its order and pixels."""
    return Summary(
        n_frames=result.present.shape[1],
        fps=result.fps,
        image_size=result.image_size,
        focal_px=float(result.K[0, 0]),
        focal_words=focal_words(result.focal_source, result.focal_sigma),
        zooms=len(result.K_frames) > 0,
        status=result.status,
        hands=tuple(_summarise_hand(result, hand, observations[hand], run) for hand in range(len(result.side))),
        run=run,
    )


def _summarise_hand(result: FitResult, hand: int, seen: Observations, run: Run) -> HandSummary:
    present = result.present[hand]
    keypoints, joints = result.keypoints_px[hand], result.joints_m[hand]
    truth = None if run.truth_m is None else run.truth_m[hand][present]
    relative = run.relative_sigma_mm[hand] if run.relative_sigma_mm else result.joints_sigma_mm[hand]
    both = longest_run(present & (seen.confidence > 0).all(axis=1))
    summary = HandSummary(
        side=result.side[hand],
        observed_frames=int(result.observed[hand].sum()),
        present_frames=int(present.sum()),
        reprojection_px=reprojection(keypoints, seen, present),
        jitter_px=jitter(keypoints[both]),
        detection_jitter_px=jitter(seen.keypoints_px[both]),
        sigma_mm=float(np.median(result.joints_sigma_mm[hand][present])) if present.any() else float("nan"),
        relative_sigma_mm=float(np.median(relative[present])) if present.any() else float("nan"),
        length_mm=MM_PER_M * hand_length(joints, present),
        error_mm=None if truth is None else MM_PER_M * mpjpe(joints[present], truth),
        aligned_error_mm=None if truth is None else MM_PER_M * pa_mpjpe(joints[present], truth),
        photometric=run.photometric[hand] if run.photometric else None,
        contact=None if run.model is None else look_for_contact(run.model, result.vertices_m[hand], present),
    )
    release_pages(result.joints_m)
    seen.release()
    return summary


def reprojection(
    keypoints_px: Float[np.ndarray, "frames 21 2"], seen: Observations, present: Bool[np.ndarray, "frames"]
) -> float:
    """Mean distance in pixels from the detections, where there are some; NaN where there are none."""
    total, count = 0.0, 0
    for rows in stretches(len(present)):
        counted = (seen.confidence[rows] > 0) & present[rows, None]
        distance = np.linalg.norm(keypoints_px[rows] - seen.keypoints_px[rows], axis=-1)
        total, count = total + float(distance[counted].sum()), count + int(counted.sum())
    return total / count if count else float("nan")


def longest_run(wanted: Bool[np.ndarray, "frames"]) -> slice:
    """The longest run of consecutive true entries; empty where there are none."""
    best = max(runs_of(np.flatnonzero(wanted)), key=len, default=range(0))
    return slice(best.start, best.stop)


def hand_length(joints: Float[np.ndarray, "frames 21 3"], present: Bool[np.ndarray, "frames"]) -> float:
    """Wrist to middle fingertip along the bones, in the unit of `joints`; the mean over the frames with the hand, NaN
    without.
    """
    tip, total = POINT_NAMES.index("middle_tip"), 0.0
    for rows in stretches(len(present)):
        shown, point = joints[rows][present[rows]], tip
        while POINT_PARENTS[point] >= 0:
            parent = int(POINT_PARENTS[point])
            total += float(np.linalg.norm(shown[:, point] - shown[:, parent], axis=-1).sum(dtype=np.float64))
            point = parent
    return total / int(present.sum()) if present.any() else float("nan")


def print_summary(summary: Summary, console: Console | None = None) -> None:
    """The summary as a table on stdout, one column per hand, and the warnings below it."""
    console = console or Console()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, *values in _rows(summary):
        table.add_row(label, *values, style=None if label else "bold")
    console.print(table)
    width, height = summary.image_size
    zooms = "median " if summary.zooms else ""
    focal = f"{zooms}focal length {summary.focal_px:.0f} px ({summary.focal_words})"
    console.print(
        f"{summary.n_frames} frames of {width}x{height} at {summary.fps:.4g} fps, {focal}",
        highlight=False,
        soft_wrap=True,
    )
    for hand in summary.hands:
        if hand.contact is not None:
            console.print(sentence(hand.side, hand.contact), highlight=False, soft_wrap=True)
    if summary.status != "converged":
        console.print(f"status: {summary.status}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for warning in summary.run.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    folder = f"written to {summary.run.folder} after {summary.run.seconds:.1f} s"
    page = summary.run.folder / REPORT_FILE
    shown = f"{folder}; to look at it, open {page}" if page.exists() else folder
    console.print(shown, markup=False, highlight=False, soft_wrap=True)


def _rows(summary: Summary) -> list[tuple[str, ...]]:
    """Label and one text per hand; the first row, without a label, names the hands."""
    frames, known = summary.n_frames, summary.run.hand_length_known
    hands = summary.hands
    rows = [
        ("", *(f"{hand.side} hand" for hand in hands)),
        ("seen by the detector", *(f"{hand.observed_frames} of {frames} frames" for hand in hands)),
        ("present in the fit", *(f"{hand.present_frames} of {frames} frames" for hand in hands)),
        ("mean reprojection error", *(f"{hand.reprojection_px:.2f} px" for hand in hands)),
        ("jitter", *(_jitter(hand) for hand in hands)),
        ("uncertainty of a joint", *(_sigma(hand) for hand in hands)),
        ("hand length", *(f"{hand.length_mm:.0f} mm ({'given' if known else 'not known'})" for hand in hands)),
    ]
    if summary.run.truth_m is not None:
        rows.append(("error to the truth", *(f"{hand.error_mm:.1f} mm" for hand in hands)))
        rows.append(("the same, aligned", *(f"{hand.aligned_error_mm:.1f} mm" for hand in hands)))
    if summary.run.starts:
        rows.append(("started from", *summary.run.starts))
    reports = [hand.photometric for hand in hands]
    return [*rows, *_photometric_rows(reports, frames)] if any(reports) else rows


def _photometric_rows(reports: Sequence[PhotometricReport | None], frames: int) -> list[tuple[str, ...]]:
    """What the pixels brought: after the keypoints alone -> in the result. A hand without pixels has a dash."""
    lines: tuple[tuple[str, Callable[[PhotometricReport], str | None]], ...] = (
        ("compared with the pixels", lambda seen: f"{seen.frames_used} of {frames} frames"),
        ("PSNR where covered", lambda seen: f"{seen.psnr_before_db:.1f} -> {seen.psnr_db:.1f} dB"),
        ("SSIM where covered", lambda seen: f"{seen.ssim_before:.3f} -> {seen.ssim:.3f}"),
        ("overlap with the masks", _overlap),
        ("masks", _masks),
    )
    rows = [(label, *("-" if seen is None else text(seen) or "-" for seen in reports)) for label, text in lines]
    return [row for row in rows if set(row[1:]) != {"-"}]


def _sigma(hand: HandSummary) -> str:
    """What the frames leave open; in space, where size, distance and focal length add to it, it may be much more."""
    return f"{hand.relative_sigma_mm:.1f} mm (in space {hand.sigma_mm:.0f} mm)"


def _jitter(hand: HandSummary) -> str:
    if np.isnan(hand.jitter_px):
        return "- (too few frames)"
    return f"{hand.jitter_px:.2f} px (detections {hand.detection_jitter_px:.2f})"


def _overlap(seen: PhotometricReport) -> str | None:
    return None if seen.iou is None or seen.iou_before is None else f"{seen.iou_before:.3f} -> {seen.iou:.3f} (IoU)"


def _masks(seen: PhotometricReport) -> str | None:
    if seen.masks_used + seen.masks_dropped == 0:
        return None
    dropped = f", {seen.masks_dropped} dropped (disagree with the keypoints)" if seen.masks_dropped else ""
    return f"{seen.masks_used} used{dropped}"
