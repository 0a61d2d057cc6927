"""Every stage of a fit in one table: what it costs, what the usual solvers would, and what no program could go below.

    python -m benchmarks stages [--quick]

A rendered clip goes through the steps of the command line. Times are milliseconds per frame, of a second run, on one
thread but for the detector's own. Stages with pixels solve with the appearance of their beginning held, from the same
state as Adam and L-BFGS (learning rates of `LEARNING_RATES`). A peer's figure is the time until it is within 1 % of the
energy that Levenberg-Marquardt ended at, or "> " its budget where it never was; `explore` and `refine` have theirs run
from the first start, so that `refine`'s is to be compared with the sum of both. `appearance` is what the stages with
pixels cost beside their steps: windows, masks, texture, light, judging.

The floor is what the stage's data need at the least, see `benchmarks.floor`, times its passes (a solver's steps).
"""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.filmed import FilmedClip, filmed_clip
from benchmarks.floor import Speeds, Work, machine_speeds, settle, works_of
from benchmarks.growth import peak_mb
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.speed import EXACT, SECOND_ORDER, WITHIN, Race, race
from benchmarks.synthetic import observations_of
from fitter.app.products import export
from fitter.app.progress import SilentProgress
from fitter.app.steps import learned_initializer, terms_of
from fitter.config import Config, load_config
from fitter.errors import InputError
from fitter.export.clip_writer import written
from fitter.export.fitted_hand import FittedHand, FittedWindow
from fitter.hand.anny import load_anny
from fitter.initialise import initial_states
from fitter.pipeline import HandFit, fit_hand, whole_problem
from fitter.pipeline.by_keypoints import explore
from fitter.pipeline.by_pixels import with_firm_size
from fitter.solve.first_order import LBFGS, Adam
from fitter.solve.posterior import estimate_posterior
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.solve.threads import one_thread
from fitter.state import State
from fitter.synthesis.refine import Plan, stage_problem
from fitter.synthesis.views import Source, look_at
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.difficulty import Difficulty

log = logging.getLogger(__name__)

SEED = 0
FRAMES, QUICK_FRAMES, WARM_UP_FRAMES = 60, 6, 4
BUDGET_S, QUICK_BUDGET_S = 20.0, 1.0
# Of Adam radians and standard deviations per step, of L-BFGS the first step tried: the best at most lengths of `speed`.
LEARNING_RATES = {"Adam": 0.01, "L-BFGS": 1.0}
# Solves, and hence has peers.
SOLVES = ("explore", "refine", "coarse", "fine")


@dataclass(frozen=True)
class StageRow:
    """One stage on one device; "-" where a figure has no meaning."""

    device: str
    stage: str
    ms_per_frame: float | None
    steps: int | None
    adam_ms: str
    lbfgs_ms: str
    floor_ms: float
    bound_by: str
    times_floor: float | None
    peak_mb: float | None


@dataclass(frozen=True)
class Timed:
    """Seconds and the peak of memory while they passed, MB; `races` of the peers; `passes` over the data."""

    seconds: float
    peak_mb: float
    passes: int = 1
    races: tuple[Race, ...] = ()


def measure(quick: bool) -> Report:
    """The table, on the CPU and, where there is one, on the GPU."""
    frames, budget_s = (QUICK_FRAMES, QUICK_BUDGET_S) if quick else (FRAMES, BUDGET_S)
    report = Report("stages", f"Every stage of a fit, {frames} frames")
    report.begin()
    config, model = load_config(DEFAULT), load_anny()
    warm, clip = (filmed_clip(model, SEED, count, Difficulty()) for count in (WARM_UP_FRAMES, frames))
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        speeds = machine_speeds(torch.device(device))
        report.figures[f"speeds, {device}"] = vars(speeds)
        report.say(f"{device}: {speeds.bandwidth / 1e9:.1f} GB/s, {speeds.operations / 1e9:.1f} GFLOP/s (float64)\n")
        timed_stages(warm, config, torch.device(device), budget_s=0.2)
        timed = timed_stages(clip, config, torch.device(device), budget_s)
        works = works_of(clip, config)
        report.table(
            f"stages, {device}", [row(device, name, timed.get(name), works[name], speeds, frames) for name in works]
        )
    return report


def row(device: str, name: str, timed: Timed | None, work: Work, speeds: Speeds, n_frames: int) -> StageRow:
    """One line of the table; `timed` is None for what cannot run here."""
    passes = timed.passes if timed else 1
    floor, bound = speeds.floor_ms(work, passes)
    own = 1000.0 * timed.seconds / n_frames if timed else None
    peers = peer_times(timed.races, n_frames) if timed else {}
    return StageRow(
        device=device,
        stage=name,
        ms_per_frame=own,
        steps=passes if name in SOLVES else None,
        adam_ms=peers.get("Adam", "-"),
        lbfgs_ms=peers.get("L-BFGS", "-"),
        floor_ms=floor,
        bound_by=bound,
        times_floor=own / floor if own is not None else None,
        peak_mb=timed.peak_mb if timed else None,
    )


def peer_times(races: tuple[Race, ...], n_frames: int) -> dict[str, str]:
    """Of each peer the milliseconds per frame until it was within 1 % of where the first race ended."""
    if not races:
        return {}
    ours, *peers = races
    goal = ours.energies[-1] + WITHIN * abs(ours.energies[-1])
    said = {}
    for peer in peers:
        needed = peer.time_to(goal)
        figure = 1000.0 * (peer.seconds[-1] if needed is None else needed) / n_frames
        said[peer.method] = f"{'> ' if needed is None else ''}{figure:.2f}"
    return said


class Clock:
    """Seconds of a block of code, and its peak of memory."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def clocked(device: torch.device) -> Iterator[Clock]:
    """Times its block; on a GPU the peak is of what torch has there, on the CPU of the whole process."""
    clock = Clock()
    settle(device)
    forget_peak(device)
    begun = time.perf_counter()
    yield clock
    settle(device)
    clock.seconds = time.perf_counter() - begun
    clock.peak_mb = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else peak_mb()


def forget_peak(device: torch.device) -> None:
    """Begin a new peak. Where the system cannot (it is not Linux), peaks are those since the process began."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    references = Path("/proc/self/clear_refs")
    if references.exists():
        references.write_text("5")


def timed_stages(clip: FilmedClip, config: Config, device: torch.device, budget_s: float) -> dict[str, Timed]:
    """Run every stage once, and its peers; what is not installed is left out."""
    with one_thread():
        timed = {**seen_and_started(clip, config), **solved_keypoints(clip, config, device, budget_s)}
        whole, fit = whole_fit(clip, config, device)
        timed |= solved_pixels(clip, config, device, fit, budget_s)
        solving = sum(timed[name].seconds for name in (*SOLVES, "posterior"))
        timed["appearance"] = Timed(max(0.0, whole.seconds - solving), whole.peak_mb)
        timed["export"] = exported(clip, config, fit)
    return timed


def seen_and_started(clip: FilmedClip, config: Config) -> dict[str, Timed]:
    """The detector on the frames, where it is installed, and the starts from the keypoints that the fit is given."""
    timed, cpu = dict[str, Timed](), torch.device("cpu")
    try:
        with clocked(cpu) as clock:
            config.observe.mediapipe.detect(clip.clip, SilentProgress().frame)
        timed["observe"] = Timed(clock.seconds, clock.peak_mb)
    except InputError as missing:
        log.warning("%s", missing)
    learned = learned_initializer(config.initialise)
    with clocked(cpu) as clock:
        if learned is not None:
            learned.begin(clip.given)
        initial_states(clip.given.model, clip.given.camera, clip.given.evidence)
    timed["initialise"] = Timed(clock.seconds, clock.peak_mb)
    return timed


def solved_keypoints(clip: FilmedClip, config: Config, device: torch.device, budget_s: float) -> dict[str, Timed]:
    """The stages without pixels and the posterior. Exploring runs from every start; its peers from the first."""
    given, energy, schedule = clip.given.to(device), clip.energy(config.energy), config.schedule
    *before, last = schedule.keypoint_stages
    scene, problem = whole_problem(given, energy, last)
    with clocked(device) as clock:
        explored = [explore(start, scene, given, energy, schedule, None) for start in given.starts]
    best = min(explored, key=lambda outcome: problem.energy(outcome.state)).state
    steps = sum(len(outcome.trace) - 1 for outcome in explored)
    first = Problem(scene, given.evidence, problem.terms, before[-1].free_names(given.camera.known))
    begun = given.starts[0].state
    races = raced(first, begun, explored[0].energy, budget_s)
    timed = {before[-1].name: Timed(clock.seconds, clock.peak_mb, steps, races)}
    with clocked(device) as clock:
        refined = run(schedule.solver_of(last), problem, best)
    timed[last.name] = Timed(
        clock.seconds, clock.peak_mb, len(refined.trace) - 1, raced(problem, begun, refined.energy, budget_s)
    )
    _, whole = whole_problem(clip.given, energy, last)
    with clocked(torch.device("cpu")) as clock:
        estimate_posterior(whole, refined.state.to(device="cpu"))
    timed["posterior"] = Timed(clock.seconds, clock.peak_mb)
    return timed


def whole_fit(clip: FilmedClip, config: Config, device: torch.device) -> tuple[Timed, HandFit]:
    with clocked(device) as clock:
        fit = fit_hand(
            clip.given.to(device), clip.energy(config.energy), config.schedule, config.presence, None, config.synthesis
        )
    return Timed(clock.seconds, clock.peak_mb), fit


def solved_pixels(
    clip: FilmedClip, config: Config, device: torch.device, fit: HandFit, budget_s: float
) -> dict[str, Timed]:
    """The stages with pixels, from the fit of the keypoints on, each with the appearance of its beginning."""
    given, energy, schedule = clip.given.to(device), clip.energy(config.energy), config.schedule
    assert given.footage is not None
    begun = fit_hand(replace(clip.given, footage=None), energy, schedule, config.presence)
    scene = whole_problem(given, energy, schedule.keypoint_stages[-1])[0].with_state(begun.state.to(device=device))
    plan = Plan(with_firm_size(energy, scene), schedule, config.synthesis, given.camera.known)
    finest = max(stage.resolution or 0 for stage in schedule.pixel_stages)
    views = look_at(scene, given.evidence, Source(given.footage), config.synthesis, finest)
    timed = dict[str, Timed]()
    for stage in schedule.pixel_stages:
        problem = stage_problem(scene, given.evidence, views, stage, plan)
        with clocked(device) as clock:
            outcome = run(schedule.solver_of(stage), problem, problem.scene.state)
        races = raced(problem, problem.scene.state, outcome.energy, budget_s)
        timed[stage.name] = Timed(clock.seconds, clock.peak_mb, len(outcome.trace) - 1, races)
        scene = scene.with_state(outcome.state)
    return timed


def raced(problem: Problem, start: State, energy: float, budget_s: float) -> tuple[Race, ...]:
    """Where ours ended, then the peers from the same start, each as long as the budget."""
    adam, lbfgs = LEARNING_RATES["Adam"], LEARNING_RATES["L-BFGS"]
    ours = Race(SECOND_ORDER, 0.0, True, (0.0,), (energy,))
    solvers = (
        ("Adam", adam, Adam(max_steps=100_000, learning_rate=adam, tolerance=EXACT, patience=300)),
        ("L-BFGS", lbfgs, LBFGS(max_steps=10_000, learning_rate=lbfgs, tolerance=EXACT)),
    )
    return (ours, *(race(method, rate, solver, problem, start, budget_s) for method, rate, solver in solvers))


def exported(clip: FilmedClip, config: Config, fit: HandFit) -> Timed:
    """All that a fit writes but the report, into a folder that is thrown away."""
    seen = observations_of(SyntheticDetector().detect(clip.clip.truth, SEED), clip.clip.truth)
    with tempfile.TemporaryDirectory() as folder, clocked(torch.device("cpu")) as clock:
        window, camera = FittedWindow(0, [FittedHand(seen, fit)]), clip.clip.truth.camera
        with written([window], Path(folder), clip.clip, camera, terms_of(config.energy)) as fitted:
            export(fitted, clip.clip, camera, config, Path(folder), SilentProgress())
    return Timed(clock.seconds, clock.peak_mb)
