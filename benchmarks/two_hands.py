"""Two hands that cross, hide and touch each other: fitted in one problem, against each hand by itself.

    python -m benchmarks two_hands                  # 12 clips of 60 frames

Clips are one person's two hands with betas ~ N(0, 1), seen by a detector that errs as MediaPipe was measured to, calls
hands the other side and does not see a hand behind the other. The camera is known, the hand's length is not. All but
the detections' errors is true, so the tracks go through `track_hands` as a user's do.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.two_hand_clips import KINDS, TwoHandClip, two_hand_clip
from fitter.app.steps import with_pose_prior
from fitter.clip.video import VideoClip
from fitter.config import Config, load_config
from fitter.evaluate.metrics import mpjpe, pa_mpjpe
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.hand.mirror import mirror_points
from fitter.hand.penetration import between_hands
from fitter.initialise import initial_states
from fitter.observe.evidence import prepare_evidence
from fitter.observe.observations import Observations, Side
from fitter.observe.tracks import track_hands
from fitter.pipeline import FitInput, HandFit, fit_hand, fit_hands

FIRST_SEED = 100  # the costs of the tracker were chosen on the clips from 0 to 40 and from 300 to 419
N_CLIPS, QUICK_CLIPS = 12, 2
SIDES: tuple[Side, Side] = ("right", "left")
# Root-relative errors of hands fitted together may exceed those of each alone by no more than this share.
NO_WORSE = 1.02


@dataclass(frozen=True)
class TwoHandRow:
    """One way of fitting one clip; of `truth` the penetration only.

    mpjpe_mm, pa_mpjpe_mm  means over both hands and the frames in which they are present; wrists at the origin, aligned
    between_mm             error of the left wrist's place relative to the right one's (InterHand2.6M's MRRPE)
    deepest_mm, mean_deepest_mm   how deep the meshes lie in each other: in the worst frame, on average over the frames
    """

    clip: int
    kind: str
    way: str
    mpjpe_mm: float | None
    pa_mpjpe_mm: float | None
    between_mm: float | None
    deepest_mm: float
    mean_deepest_mm: float
    seconds: float | None


@dataclass(frozen=True)
class TrackRow:
    """How the detections of one clip were given to the hands: `swapped` frames have what was seen of the other hand,
    `lost` detections no hand has.
    """

    clip: int
    kind: str
    unseen: int
    called_wrong: int
    given: int
    swapped: int
    lost: int


def measure(quick: bool) -> Report:
    report = Report("two_hands", "Two hands that cross and touch")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    config = replace(config, schedule=replace(config.schedule, stages=config.schedule.keypoint_stages))
    rows, tracks = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + (QUICK_CLIPS if quick else N_CLIPS)):
        clip = two_hand_clip(model, seed, KINDS[seed % len(KINDS)])
        seen = observed(clip)
        tracks.append(track_row(clip, seen))
        rows += fitted_rows(clip, seen, model, config)
        report.note(f"clip {seed}: {rows[-2]}")
    report.table("tracks", tracks)
    report.table("clips", rows)
    summary = [summed_up(rows, kind, way) for kind in (*KINDS, "all") for way in dict.fromkeys(row.way for row in rows)]
    report.table("summary", [row for row in summary if row is not None])
    judge(report, tracks, rows)
    return report


def judge(report: Report, tracks: list[TrackRow], rows: list[TwoHandRow]) -> None:
    swaps = sum(track.swapped for track in tracks)
    report.require(f"{swaps} frames given to the wrong hand, 0 wanted", swaps == 0)
    alone, together = (summed_up(rows, "all", way) for way in ("alone", "together"))
    if alone is None or together is None or alone.mpjpe_mm is None or together.mpjpe_mm is None:
        raise AssertionError("both ways are measured")
    figures = f"mean MPJPE {together.mpjpe_mm:.2f} mm together, {alone.mpjpe_mm:.2f} alone"
    report.require(f"{figures}, no worse wanted", together.mpjpe_mm <= NO_WORSE * alone.mpjpe_mm)
    depths = f"mean deepest penetration {together.mean_deepest_mm:.2f} mm together, {alone.mean_deepest_mm:.2f} alone"
    report.require(f"{depths}, at most half wanted", together.mean_deepest_mm <= 0.5 * alone.mean_deepest_mm)


def observed(clip: TwoHandClip) -> dict[Side, Observations]:
    """The two hands as tracked."""
    size = clip.camera.width, clip.camera.height
    video = VideoClip(Path("two hands"), "two hands", *size, clip.fps, clip.time_s, None)
    return {hand.side: hand for hand in track_hands(clip.detections, video, "synthetic", "both")}


def track_row(clip: TwoHandClip, seen: dict[Side, Observations]) -> TrackRow:
    given = swapped = wrong = unseen = 0
    for frame, found in enumerate(clip.detections):
        unseen += 2 - len(found)
        for side, detection in zip(clip.truly[frame], found, strict=True):
            wrong += detection.side != side
            other: Side = "left" if side == "right" else "right"
            for name, hand in seen.items():
                same = np.array_equal(hand.keypoints_px[frame], detection.keypoints_px)
                given += same
                swapped += same and name == other
    lost = sum(map(len, clip.detections)) - given
    return TrackRow(clip.seed, clip.kind, unseen, wrong, given, swapped, lost)


def inputs_of(clip: TwoHandClip, seen: dict[Side, Observations], model: HandModel, config: Config) -> list[FitInput]:
    """Of both hands, right hand first."""
    return [input_of(clip, seen[side], model, config) for side in SIDES]


def input_of(clip: TwoHandClip, hand: Observations, model: HandModel, config: Config) -> FitInput:
    """Of one hand, as the steps of the command line make it."""
    left, camera = hand.side == "left", clip.camera
    if left:
        hand, camera = hand.mirrored(), camera.mirrored()
    # The synthetic detector's landmarks are the model's own joints.
    given = FitInput(model, model.landmarks, camera, prepare_evidence(hand, camera, model), (), mirrored=left)
    given = with_pose_prior(given, config.energy)
    return replace(given, starts=tuple(initial_states(model, camera, given.evidence)))


def fitted_rows(
    clip: TwoHandClip, seen: dict[Side, Observations], model: HandModel, config: Config
) -> list[TwoHandRow]:
    """The clip's truth, each hand alone, both together, and both with one shape."""
    inputs, energy, schedule = inputs_of(clip, seen, model, config), config.energy, config.schedule
    ways = {
        "alone": lambda: [fit_hand(given, energy, schedule) for given in inputs],
        "together": lambda: fit_hands(inputs, energy, schedule),
        "same person": lambda: fit_hands(inputs, energy, schedule, same_person=True),
    }
    faces = model.faces.numpy()
    rows = [row_of(clip, "truth", clip.vertices_m, faces)]
    for way, fit in ways.items():
        begun = time.perf_counter()
        fits = fit()
        rows.append(scored(clip, way, fits, faces, time.perf_counter() - begun))
    return rows


def row_of(
    clip: TwoHandClip, way: str, vertices_m: dict[Side, Float[np.ndarray, "frames vertices 3"]], faces: np.ndarray
) -> TwoHandRow:
    """The penetration of two meshes as filmed; the left one's faces are turned as its mirror turned them."""
    found = between_hands(vertices_m["right"], faces, vertices_m["left"], faces[:, ::-1])
    deepest, mean = float(found.deepest_mm.max()), float(found.deepest_mm.mean())
    return TwoHandRow(clip.seed, clip.kind, way, None, None, None, deepest, mean, None)


def scored(clip: TwoHandClip, way: str, fits: list[HandFit], faces: np.ndarray, seconds: float) -> TwoHandRow:
    vertices, joints, errors = {}, {}, []
    for side, fit in zip(SIDES, fits, strict=True):
        scene, left = fit.scene, side == "left"
        vertices[side] = (mirror_points(scene.vertices) if left else scene.vertices).numpy()
        joints[side] = (mirror_points(scene.posed.joints) if left else scene.posed.joints).numpy()
        shown, truth = joints[side][fit.present], clip.joints_m[side][fit.present]
        errors.append((1000.0 * mpjpe(shown, truth), 1000.0 * pa_mpjpe(shown, truth)))
    both = fits[0].present & fits[1].present
    between = (joints["left"][:, 0] - joints["right"][:, 0]) - (
        clip.joints_m["left"][:, 0] - clip.joints_m["right"][:, 0]
    )
    mean = np.mean(errors, axis=0)
    return replace(
        row_of(clip, way, vertices, faces),
        mpjpe_mm=float(mean[0]),
        pa_mpjpe_mm=float(mean[1]),
        between_mm=1000.0 * float(np.linalg.norm(between[both], axis=-1).mean()),
        seconds=seconds,
    )


def summed_up(rows: list[TwoHandRow], kind: str, way: str) -> TwoHandRow | None:
    """Means over the clips of a kind, and the deepest of all; `clip` is their number. None where there are none."""
    chosen = [row for row in rows if row.way == way and kind in (row.kind, "all")]
    if not chosen:
        return None

    def mean(name: str) -> float | None:
        values = [getattr(row, name) for row in chosen]
        return None if None in values else float(np.mean(values))

    return TwoHandRow(
        len(chosen),
        kind,
        way,
        mean("mpjpe_mm"),
        mean("pa_mpjpe_mm"),
        mean("between_mm"),
        max(row.deepest_mm for row in chosen),
        float(np.mean([row.mean_deepest_mm for row in chosen])),
        mean("seconds"),
    )
