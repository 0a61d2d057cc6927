"""Starts compared on real clips: what they are worth alone, and what the fit makes of them.

    measure_real(report, contestants(), quick=False, pixels=False)      # a part of `python -m benchmarks initialisers`

The annotated clips are scored by the shared script, beside the peers of `benchmarks.scores`; on every clip the fit may
explain the keypoints no worse than its start. Each clip is fitted with the detector's depth and 3D landmarks and with
x, y and confidence only. Nothing may ever be trained or tuned on the annotated clips.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.contestants import DETECTIONS, NEUTRAL, Contestant
from benchmarks.recovery import DEFAULT, KEYPOINTS_ONLY
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED, PEER, RIVAL, Score, run_script, score, write_rival
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import initialise, load, observe, with_pose_prior
from fitter.config import Config, load_config
from fitter.export.atomic import prepare_folder
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Observations, Side
from fitter.pipeline import FitInput, HandFit, fit_hand
from fitter.scene import Scene
from fitter.state import State

# Detections stay here from one measurement to the next.
FOLDER = Path("results") / "bench" / "initialisers"

CUES, NO_CUES = "all", "x, y, confidence"
ALONE, FITTED, BY_PIXELS = "start alone", "fit", "fit with pixels"

# The fit without depth cues against the one with the detector's: the most that it may be worse.
WORSE_WITHOUT_CUES_MM = 1.5


@dataclass(frozen=True)
class Real:
    """One clip as the detector saw it, hand by hand."""

    name: str
    seen: list[Observations]
    inputs: list[FitInput]
    bare: list[FitInput]  # the same with x, y and confidence only


@dataclass(frozen=True)
class Candidate:
    """One hand of one clip with one contestant's starts; `given` is the problem, `cues` what the source gave."""

    clip: str
    side: Side
    cues: str
    initialiser: str
    given: FitInput


@dataclass(frozen=True)
class ScoreRow:
    """What the scoring script says of a start or a fit, or of a peer."""

    clip: str
    given: str
    initialiser: str
    stage: str
    keypoint_px: float
    pa_mpjpe_mm: float
    clip_mpjpe_mm: float
    acceleration_mm: float


@dataclass(frozen=True)
class Improvement:
    """One hand's energy (of all terms) and reprojection (of seen landmarks, mean) at a start and after the fit."""

    clip: str
    hand: str
    frames: int
    given: str
    initialiser: str
    grown_from: str
    energy_start: float
    energy_fit: float
    reprojection_start_px: float
    reprojection_fit_px: float

    @property
    def no_worse(self) -> bool:
        return self.energy_fit <= self.energy_start and self.reprojection_fit_px <= self.reprojection_start_px


def measure_real(report: Report, competing: Sequence[Contestant], quick: bool, pixels: bool) -> None:
    """The real clips' tables and targets (with `quick` the annotated ones' alone); says so where they are absent."""
    if not (SHARED / "data").is_dir():
        report.say(f"real clips skipped: they are no part of the repository, and there is no folder {SHARED / 'data'}")
        return
    config = load_config(KEYPOINTS_ONLY)
    with_pixels = load_config(DEFAULT) if pixels else None
    improvements: list[Improvement] = []
    scores: list[ScoreRow] = []
    for name in ANNOTATED if quick else CLIPS:
        clip = look_at(name)
        if name in ANNOTATED:
            scores += peers(clip)
        for candidate in candidates(clip, competing):
            fit = fit_hand(candidate.given, config.energy, config.schedule, config.presence)
            improvements.append(improvement(candidate, fit))
            if name in ANNOTATED:
                scores += scored(candidate, fit, with_pixels)
        report.note(f"{name}: fitted")
    report.say("### Real clips, annotated\n")
    report.table("scores", scores)
    report.say("### Real clips, before and after the fit\n")
    report.table("improvements", improvements)
    worse = sum(not each.no_worse for each in improvements)
    report.require(
        f"{worse} of {len(improvements)} fits explain the keypoints worse than their start, 0 wanted", not worse
    )
    for contestant in competing:
        if contestant.judged:
            judge(report, contestant.name, scores)


def look_at(name: str) -> Real:
    """The hands seen in a clip; detections are made once and kept."""
    folder = prepare_folder(FOLDER / name)
    intrinsics = INTRINSICS if name in ANNOTATED else None
    command = Command(input=str(SHARED / "data" / CLIPS[name]), output=folder, intrinsics=intrinsics)
    clip, camera, model = load(command)
    seen = observe(command, Config(), clip, folder, SilentProgress())
    poor = [replace(each, depth_px=None, landmarks_m=None) for each in seen]
    inputs, bare = (
        [with_pose_prior(given, Config().energy) for given in initialise(clip, camera, model, hands)]
        for hands in (seen, poor)
    )
    return Real(name, seen, inputs, bare)


def candidates(clip: Real, competing: Sequence[Contestant]) -> list[Candidate]:
    """Everybody's starts for every hand, with and without cues."""
    return [
        Candidate(clip.name, seen.side, cues, contestant.name, contestant.enter(given))
        for cues, inputs in ((CUES, clip.inputs), (NO_CUES, clip.bare))
        for seen, given in zip(clip.seen, inputs, strict=True)
        for contestant in competing
        if cues == CUES or not contestant.needs_cues
    ]


def improvement(candidate: Candidate, fit: HandFit) -> Improvement:
    """The start is the contestant's first, which is the one that the fit may never be worse than."""
    given = candidate.given
    return Improvement(
        clip=candidate.clip,
        hand=candidate.side,
        frames=given.evidence.n_frames,
        given=candidate.cues,
        initialiser=candidate.initialiser,
        grown_from=fit.start,
        energy_start=sum(fit.initial_energies.values()),
        energy_fit=sum(fit.energies.values()),
        reprojection_start_px=reprojection_px(given, given.starts[0].state),
        reprojection_fit_px=reprojection_px(given, fit.state),
    )


def reprojection_px(given: FitInput, state: State) -> float:
    """Mean distance of the projected landmarks from those that were seen."""
    predicted = Scene(given.model, given.landmarks, given.camera, state).keypoints
    distance = (predicted - given.evidence.keypoints_px).norm(dim=-1)
    return float(distance[given.evidence.confidence > 0].mean())


def peers(clip: Real) -> list[ScoreRow]:
    """MediaPipe alone in two ways, as `benchmarks.scores` has them."""
    video = SHARED / "data" / CLIPS[clip.name]
    with tempfile.TemporaryDirectory() as scratch:
        peer, rival = Path(scratch) / "peer.npz", Path(scratch) / "rival.npz"
        run_script(SHARED / "eval" / "mediapipe_baseline.py", str(video), str(peer), "--intrinsics", INTRINSICS)
        write_rival(rival, clip.seen[0], INTRINSICS)
        return [
            row(CUES, "-", method, score(SHARED, clip.name, method, path))
            for method, path in ((PEER, peer), (RIVAL, rival))
        ]


def scored(candidate: Candidate, fit: HandFit, with_pixels: Config | None) -> list[ScoreRow]:
    """The start alone, its fit, and where asked for the fit with pixels."""
    given = candidate.given
    everywhere = np.ones_like(fit.present)
    rows = [
        score_state(candidate, ALONE, given.starts[0].state, everywhere),
        score_state(candidate, FITTED, fit.state, fit.present),
    ]
    if with_pixels is not None:
        default = with_pixels
        refined = fit_hand(given, default.energy, default.schedule, default.presence, None, default.synthesis)
        rows.append(score_state(candidate, BY_PIXELS, refined.state, refined.present))
    return rows


def score_state(candidate: Candidate, stage: str, state: State, present: Bool[np.ndarray, "frames"]) -> ScoreRow:
    """One state by the scoring script, as a result in the frames as they were filmed."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "state.npz"
        np.savez(path, present=present[None], **as_filmed(candidate.side, candidate.given, state))
        found = score(SHARED, candidate.clip, stage, path)
    return row(candidate.cues, candidate.initialiser, stage, found)


def as_filmed(side: Side, given: FitInput, state: State) -> dict[str, np.ndarray]:
    """The model's joints at a state, named and shaped as in `result.npz`."""
    posed = Scene(given.model, given.landmarks, given.camera, state).posed
    camera, joints = given.camera.scaled(float(state.log_focal.exp())), posed.joints
    keypoints = camera.distort(camera.project(joints).numpy())
    if side == "left":  # fitted as a right hand in the mirrored frames
        joints, keypoints = mirror_points(joints), keypoints * [-1.0, 1.0] + [camera.width, 0.0]
    return {"side": np.array([side]), "joints_m": joints.numpy()[None], "keypoints_px": keypoints[None]}


def row(cues: str, initialiser: str, stage: str, found: Score) -> ScoreRow:
    return ScoreRow(
        clip=found.clip,
        given=cues,
        initialiser=initialiser,
        stage=stage,
        keypoint_px=found.keypoint_px,
        pa_mpjpe_mm=found.pa_mpjpe_mm,
        clip_mpjpe_mm=found.clip_mpjpe_mm,
        acceleration_mm=found.acceleration_mm,
    )


def judge(report: Report, name: str, rows: Sequence[ScoreRow]) -> None:
    """The targets of one contestant, over the annotated clips."""

    def mean(figure: str, cues: str, initialiser: str, stage: str) -> float:
        wanted = [each for each in rows if (each.given, each.initialiser, each.stage) == (cues, initialiser, stage)]
        return float(np.mean([getattr(each, figure) for each in wanted]))

    for figure in ("pa_mpjpe_mm", "clip_mpjpe_mm"):
        alone, peer = mean(figure, CUES, name, ALONE), mean(figure, CUES, "-", PEER)
        report.require(f"{name} alone: mean {figure} {alone:.2f}, below the peer's {peer:.2f} wanted", alone < peer)
    figure = "pa_mpjpe_mm"
    for cues in (CUES, NO_CUES):
        ours, neutral = mean(figure, cues, name, FITTED), mean(figure, cues, NEUTRAL, FITTED)
        sentence = f"{name}, given {cues}: mean {figure} of the fit {ours:.2f}, below the neutral start's {neutral:.2f}"
        report.require(f"{sentence} wanted", ours < neutral)
    without, reference = mean(figure, NO_CUES, name, FITTED), mean(figure, CUES, DETECTIONS, FITTED)
    sentence = f"{name} without depth: mean {figure} {without - reference:.2f} mm above the fit's with the detector's"
    report.require(f"{sentence}, at most {WORSE_WITHOUT_CUES_MM} wanted", without - reference <= WORSE_WITHOUT_CUES_MM)
