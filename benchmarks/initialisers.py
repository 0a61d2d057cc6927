"""Does the fit start in the right valley? Starts compared on 200 synthetic clips by difficulty, and on real ones.

    python -m benchmarks initialisers                  # --quick: 5 clips per group; --pixels: real clips by pixels, too

Every clip is fitted twice, with the detector's depth and 3D landmarks and with x, y and confidence only. The camera is
known, the hand's length is not. A fit is in the right valley if its energy is within SAME_MINIMUM of that of a fit of
the same problem, depth cues included, from the truth. Errors are over the frames in which anything was seen.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmarks import real_starts
from benchmarks.contestants import Contestant, contestants
from benchmarks.groups import CLIPS_PER_GROUP, GROUPS, N_FRAMES, Group, group_clip, has_cues, without_cues
from benchmarks.recovery import KEYPOINTS_ONLY, SAME_MINIMUM
from benchmarks.report import Report
from benchmarks.synthetic import SyntheticClip
from fitter.config import Config, load_config
from fitter.evaluate.metrics import mpjpe, pa_mpjpe
from fitter.hand.anny import load_anny
from fitter.pipeline import FitInput, fit_keypoints
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.solve.threads import one_thread
from fitter.state import State

QUICK_CLIPS = 5
WITH_CUES, WITHOUT_CUES = "with depth and landmarks", "x, y, confidence only"
EVERY_GROUP = "all"

RIGHT_VALLEY = 0.95  # share of clips


@dataclass(frozen=True)
class Begun:
    """One clip from one contestant's starts; `start` is the one that the fit grew from. Errors in mm."""

    group: str
    seed: int
    initialiser: str
    start: str
    initial_pa_mm: float
    landmarks_pa_mm: float | None
    energy: float
    energy_from_truth: float
    pa_mm: float
    mpjpe_mm: float
    pa_from_truth_mm: float
    mpjpe_from_truth_mm: float
    start_seconds: float
    fit_seconds: float

    @property
    def same_minimum(self) -> bool:
        """As good as from the truth, or better."""
        return self.energy <= (1.0 + SAME_MINIMUM) * self.energy_from_truth


@dataclass(frozen=True)
class GroupRow:
    """A group's clips from one contestant's starts: means over the clips; `worst` ones are the largest."""

    group: str
    initialiser: str
    clips: int
    initial_pa_mm: float
    landmarks_pa_mm: float | None
    same_minimum: float
    worst_energy_ratio: float
    pa_mm: float
    pa_from_truth_mm: float
    worst_pa_mm: float
    mpjpe_mm: float
    mpjpe_from_truth_mm: float
    start_ms_per_frame: float
    fit_ms_per_frame: float


@dataclass(frozen=True)
class FromTruth:
    """The fit of a problem that began at the truth."""

    energy: float
    pa_mm: float
    mpjpe_mm: float


def measure(quick: bool, pixels: bool = False) -> Report:
    """The synthetic clips' tables and targets, then the real clips'."""
    report = Report("initialisers", "Starts of the fit: which valley it ends in")
    report.begin()
    measure_synthetic(report, contestants(), QUICK_CLIPS if quick else CLIPS_PER_GROUP)
    real_starts.measure_real(report, contestants(), quick, pixels)
    return report


def measure_synthetic(report: Report, competing: Sequence[Contestant], per_group: int) -> None:
    """Both detectors' tables. The clips are made once for both."""
    model, config = load_anny(), load_config(KEYPOINTS_ONLY)
    begun: dict[str, list[Begun]] = {WITH_CUES: [], WITHOUT_CUES: []}
    for group in GROUPS:
        for index in range(per_group):
            clip = group_clip(model, group, index)
            begun[WITH_CUES] += begin_all(group, index, clip, competing, config)
            begun[WITHOUT_CUES] += begin_all(group, index, without_cues(clip), competing, config)
            report.note(f"{group.name}: clip {index + 1} of {per_group}")
    for name, clips in begun.items():
        report.say(f"### Synthetic clips, {name}\n")
        report.figures[f"clips, {name}"] = [vars(each) for each in clips]
        report.table(f"synthetic, {name}", rows_of(clips))
        for each in competing:
            if each.judged:
                judge(report, name, [one for one in clips if one.initialiser == each.name])


def judge(report: Report, name: str, clips: Sequence[Begun]) -> None:
    """The target of one contestant with one detector."""
    same = sum(clip.same_minimum for clip in clips)
    sentence = f"{name}, {clips[0].initialiser}: {same} of {len(clips)} clips as good as from the truth"
    report.require(f"{sentence}, {100 * RIGHT_VALLEY:g} % wanted", same >= RIGHT_VALLEY * len(clips))


def begin_all(
    group: Group, index: int, clip: SyntheticClip, competing: Sequence[Contestant], config: Config
) -> list[Begun]:
    """One clip from everybody's starts."""
    results = []
    for contestant in competing:
        if contestant.needs_cues and not has_cues(clip.given.evidence):
            continue
        before = time.perf_counter()
        given = contestant.enter(clip.given)
        entry = Entry(group.name, group.seed(index), contestant.name, time.perf_counter() - before)
        results.append(begin(entry, clip, given, config))
    return results


@dataclass(frozen=True)
class Entry:
    """Whose starts for which clip, and how long they took."""

    group: str
    seed: int
    initialiser: str
    seconds: float


def begin(entry: Entry, clip: SyntheticClip, given: FitInput, config: Config) -> Begun:
    """One clip from one contestant's starts."""
    observed = clip.seen.observed
    initial = joints_of(given, given.starts[0].state)
    before = time.perf_counter()
    with one_thread():
        reached = fit_keypoints(given, config.energy, config.schedule, None)
    seconds = time.perf_counter() - before
    truth = from_truth(clip, given, reached.problem, config)
    fitted = joints_of(given, reached.state)
    landmarks = clip.seen.landmarks_m
    return Begun(
        group=entry.group,
        seed=entry.seed,
        initialiser=entry.initialiser,
        start=reached.start,
        initial_pa_mm=error_mm(pa_mpjpe, initial, clip, observed),
        landmarks_pa_mm=None if landmarks is None else error_mm(pa_mpjpe, landmarks, clip, observed),
        energy=reached.problem.energy(reached.state),
        energy_from_truth=truth.energy,
        pa_mm=error_mm(pa_mpjpe, fitted, clip, observed),
        mpjpe_mm=error_mm(mpjpe, fitted, clip, observed),
        pa_from_truth_mm=truth.pa_mm,
        mpjpe_from_truth_mm=truth.mpjpe_mm,
        start_seconds=entry.seconds,
        fit_seconds=seconds,
    )


def from_truth(clip: SyntheticClip, given: FitInput, problem: Problem, config: Config) -> FromTruth:
    """The last stage of keypoints alone, begun at the truth: of the very problem that the fit ended with."""
    with one_thread():
        outcome = run(config.schedule.solver_of(config.schedule.keypoint_stages[-1]), problem, clip.truth)
    joints, observed = joints_of(given, outcome.state), clip.seen.observed
    return FromTruth(
        problem.energy(outcome.state),
        error_mm(pa_mpjpe, joints, clip, observed),
        error_mm(mpjpe, joints, clip, observed),
    )


Metric = Callable[[Float[np.ndarray, "frames 21 3"], Float[np.ndarray, "frames 21 3"]], float]


def error_mm(
    metric: Metric, joints: Float[np.ndarray, "frames 21 3"], clip: SyntheticClip, counted: Bool[np.ndarray, "frames"]
) -> float:
    """A metric of joints (metres) against the clip's, over the frames that count."""
    return 1000.0 * metric(joints[counted], clip.joints_m[counted])


def joints_of(given: FitInput, state: State) -> Float[np.ndarray, "frames 21 3"]:
    """The model's joints at a state: metres, camera axes."""
    return Scene(given.model, given.landmarks, given.camera, state).posed.joints.numpy()


def rows_of(clips: Sequence[Begun]) -> list[GroupRow]:
    """A row per group and contestant, and one over all groups, in the order in which they came."""
    names = list(dict.fromkeys(clip.initialiser for clip in clips))
    groups = list(dict.fromkeys(clip.group for clip in clips))
    rows = []
    for group in (*groups, EVERY_GROUP):
        for name in names:
            chosen = [clip for clip in clips if clip.initialiser == name and group in (clip.group, EVERY_GROUP)]
            rows.append(row_of(group, name, chosen))
    return rows


def row_of(group: str, name: str, clips: Sequence[Begun]) -> GroupRow:
    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    landmarks = [clip.landmarks_pa_mm for clip in clips if clip.landmarks_pa_mm is not None]
    frames_ms = 1000.0 / N_FRAMES
    return GroupRow(
        group=group,
        initialiser=name,
        clips=len(clips),
        initial_pa_mm=mean([clip.initial_pa_mm for clip in clips]),
        landmarks_pa_mm=mean(landmarks) if landmarks else None,
        same_minimum=mean([clip.same_minimum for clip in clips]),
        worst_energy_ratio=max(clip.energy / clip.energy_from_truth for clip in clips),
        pa_mm=mean([clip.pa_mm for clip in clips]),
        pa_from_truth_mm=mean([clip.pa_from_truth_mm for clip in clips]),
        worst_pa_mm=max(clip.pa_mm for clip in clips),
        mpjpe_mm=mean([clip.mpjpe_mm for clip in clips]),
        mpjpe_from_truth_mm=mean([clip.mpjpe_from_truth_mm for clip in clips]),
        start_ms_per_frame=frames_ms * mean([clip.start_seconds for clip in clips]),
        fit_ms_per_frame=frames_ms * mean([clip.fit_seconds for clip in clips]),
    )
