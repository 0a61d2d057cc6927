"""Pixels at speed: Levenberg-Marquardt against Adam on the same terms with the same following appearance, and what a
whole fit costs.

    python -m benchmarks synthesis_speed

A figure of the race is the time until a solver's photometric energy is within 1 % of the best that any of them reached.
The clock counts the solver's steps and its appearance's, and nothing else; the energies are taken afterwards, each with
an appearance estimated anew for its state, so that nobody gains by a texture that slid along. Adam gets the best of
three learning rates, and follows with its appearance so seldom that it costs it little.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.filmed import FilmedClip, filmed_clip
from benchmarks.plot import Plot
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from fitter.config import Config, load_config
from fitter.energy.term import term_energy
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.pipeline import fit_hand
from fitter.solve.first_order import Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule
from fitter.solve.solver import Solver
from fitter.solve.threads import one_thread
from fitter.state import State
from fitter.synthesis.refine import Plan, following, stage_problem
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, dressed_scene, look_at
from priors.synthetic.difficulty import Difficulty

SEED = 0
RACE_FRAMES, RACE_RESOLUTION = 100, 224
QUICK_FRAMES, QUICK_RESOLUTION = 8, 112
WITHIN, TIMES_FASTER, MS_PER_FRAME = 0.01, 8.0, 100.0
# What Adam may take at each rate: so many times what ours needs to settle, and at least this.
BUDGET_TIMES, LEAST_BUDGET_S = 10.0, 20.0
SECOND_ORDER, FIRST_ORDER = "Levenberg-Marquardt", "Adam"
OUR_STEPS, ADAM_STEPS = 30, 100_000
# Cautious to bold: radians per step, and standard deviations of shape.
ADAM_RATES = (0.0003, 0.001, 0.003)
# Steps of Adam that cost about one of ours: so often its appearance follows, and so often it is looked at.
ADAM_STRIDE = 10

LENGTHS, RESOLUTIONS = (30, 100, 300), (112, 224, 448)
QUICK_LENGTHS, QUICK_RESOLUTIONS = (4, 8), (56, 112)


@dataclass(frozen=True)
class Rival:
    """A solver with its setting; its appearance follows every `stride` steps."""

    method: str
    setting: float
    solver: Solver[Any]
    stride: int


@dataclass(frozen=True)
class Race:
    """Seconds of a solver's own work and its photometric energy per frame, at the start and every stride after."""

    rival: Rival
    settled: bool
    seconds: tuple[float, ...]
    energies: tuple[float, ...]

    def time_to(self, energy: float) -> float | None:
        """Seconds until `energy` was reached; None if it never was."""
        return next((at for at, reached in zip(self.seconds, self.energies, strict=True) if reached <= energy), None)


@dataclass(frozen=True)
class RaceRow:
    """The best setting of one method: the first to come within 1 % of the best energy of all, or the nearest."""

    method: str
    setting: float
    seconds_to_1_percent: float | None
    seconds_in_all: float
    looks: int
    settled: bool
    energy_per_frame: float
    best_energy_percent: float
    slower_than_ours: float | None


@dataclass(frozen=True)
class Cost:
    """A whole fit without detection; milliseconds per frame. `pixels` is what the stages with pixels add."""

    frames: int
    resolution: int
    keypoints_ms: float
    pixels_ms: float
    all_ms: float
    steps: int
    status: str


def measure(quick: bool) -> Report:
    """The race, the costs and their targets."""
    frames, resolution = (QUICK_FRAMES, QUICK_RESOLUTION) if quick else (RACE_FRAMES, RACE_RESOLUTION)
    lengths, resolutions = (QUICK_LENGTHS, QUICK_RESOLUTIONS) if quick else (LENGTHS, RESOLUTIONS)
    report = Report("synthesis_speed", "The speed of pixels")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    clip_of = {length: filmed_clip(model, SEED, length, Difficulty()) for length in {*lengths, frames}}
    warm_up(model, config)
    races = compare(clip_of[frames], config, resolution, report)
    report.table("race", race_rows(races))
    judge_race(report, race_rows(races))
    by_length = [cost(clip_of[length], config, resolution) for length in lengths]
    by_resolution = [cost(clip_of[frames], config, each) for each in resolutions]
    report.table("cost_by_length", by_length)
    report.table("cost_by_resolution", by_resolution)
    judge_cost(report, next(row for row in by_length if row.frames == frames))
    report.plot(cost_plot("length", "frames", by_length, [row.frames for row in by_length]))
    report.plot(cost_plot("resolution", "window, px", by_resolution, [row.resolution for row in by_resolution]))
    return report


def warm_up(model: HandModel, config: Config) -> None:
    """Compile every kernel."""
    clip = filmed_clip(model, SEED + 2, 4, Difficulty())
    cost(clip, config, QUICK_RESOLUTION)


def rivals() -> list[Rival]:
    ours = Rival(SECOND_ORDER, 1e-3, LevenbergMarquardt(OUR_STEPS, 1e-3, 1e-5), stride=1)
    patient = (Adam(ADAM_STEPS, rate, tolerance=1e-6, patience=300) for rate in ADAM_RATES)
    return [ours, *(Rival(FIRST_ORDER, adam.learning_rate, adam, ADAM_STRIDE) for adam in patient)]


def compare(clip: FilmedClip, config: Config, resolution: int, report: Report) -> list[Race]:
    """Every rival from the fit of the keypoints."""
    settings, races = config.synthesis, list[Race]()
    with one_thread():
        problem, start = pixel_problem(clip, config, resolution)
        for rival in rivals():
            budget_s = max(LEAST_BUDGET_S, BUDGET_TIMES * races[0].seconds[-1]) if races else float("inf")
            seconds, states, settled = run_timed(rival, problem, start, settings, budget_s)
            energies = tuple(photometric_energy(problem, state, settings) for state in states)
            races.append(Race(rival, settled, tuple(seconds), energies))
            said = f"energy per frame {energies[0]:.3f} -> {min(energies):.3f}"
            report.note(f"{rival.method} {rival.setting:g}: {seconds[-1]:.1f} s, {len(states) - 1} looks, {said}")
    return races


def pixel_problem(clip: FilmedClip, config: Config, resolution: int) -> tuple[Problem, State]:
    """The problem of a stage at this resolution, with every term, and the fit of the keypoints to start from."""
    energy, schedule = clip.energy(config.energy), with_finest(config.schedule, resolution)
    given = clip.given
    assert given.footage is not None
    fit = fit_hand(replace(given, footage=None), energy, schedule, config.presence)
    plan = Plan(energy, schedule, config.synthesis, focal_known=given.camera.known)
    views = look_at(fit.scene, given.evidence, Source(given.footage), config.synthesis, resolution)
    return stage_problem(fit.scene, given.evidence, views, schedule.pixel_stages[-1], plan), fit.state


def with_finest(schedule: Schedule, resolution: int) -> Schedule:
    """The schedule whose last stage has this resolution; stages that are not coarser are left out."""
    *before, last = schedule.stages
    kept = [stage for stage in before if stage.resolution is None or stage.resolution < resolution]
    return replace(schedule, stages=(*kept, replace(last, resolution=resolution)))


def run_timed(
    rival: Rival, problem: Problem, start: State, settings: Synthesis, budget_s: float
) -> tuple[list[float], list[State], bool]:
    """Seconds and best states at the start and after every stride; and whether it came to its own end."""
    solver, renew = rival.solver, following(settings.share)
    begun = time.perf_counter()
    memory = solver.init(problem, start)
    seconds, states = [time.perf_counter() - begun], [start]
    for step in range(1, solver.max_steps + 1):
        memory = solver.step(problem, memory)
        settled = solver.terminate(memory) is not None
        if step % rival.stride == 0 or settled:
            seconds.append(time.perf_counter() - begun)
            states.append(solver.best(memory)[0])
            if settled or seconds[-1] > budget_s:
                return seconds, states, settled
            problem = renew(problem, solver.current(problem, memory))
            memory = solver.renewed(problem, memory)
    return seconds, states, False


def photometric_energy(problem: Problem, state: State, settings: Synthesis) -> float:
    """Mean over the frames, with an appearance estimated for this state alone."""
    with torch.no_grad():
        scene = dressed_scene(problem.at(state), problem.evidence, settings)
        return float(term_energy(problem.terms["photometric"], scene, problem.evidence)) / state.n_frames


def race_rows(races: Sequence[Race]) -> list[RaceRow]:
    """One row per method, by its best setting; the first race is ours."""
    best = min(min(race.energies) for race in races)
    goal = (1.0 + WITHIN) * best
    methods = dict.fromkeys(race.rival.method for race in races)
    chosen = [min((race for race in races if race.rival.method == method), key=arrival(goal)) for method in methods]
    ours = chosen[0].time_to(goal)
    rows = []
    for race in chosen:
        needed = race.time_to(goal)
        rows.append(
            RaceRow(
                method=race.rival.method,
                setting=race.rival.setting,
                seconds_to_1_percent=needed,
                seconds_in_all=race.seconds[-1],
                looks=len(race.seconds) - 1,
                settled=race.settled,
                energy_per_frame=min(race.energies),
                best_energy_percent=100.0 * min(race.energies) / best,
                slower_than_ours=needed / ours if needed is not None and ours else None,
            )
        )
    return rows


def arrival(goal: float) -> Callable[[Race], tuple[float, float]]:
    """Sorts races by their time to the goal; those that never arrive come last, by their energy."""

    def key(race: Race) -> tuple[float, float]:
        needed = race.time_to(goal)
        return (float("inf"), min(race.energies)) if needed is None else (needed, min(race.energies))

    return key


def judge_race(report: Report, rows: Sequence[RaceRow]) -> None:
    """Adam needs TIMES_FASTER times our time, or is not there after as much."""
    ours, adam = rows
    if ours.seconds_to_1_percent is None:
        report.require(f"{ours.method} comes within 1 % of the best photometric energy", False)
        return
    ratio = adam.slower_than_ours or adam.seconds_in_all / ours.seconds_to_1_percent
    said = f"takes {'' if adam.slower_than_ours else 'more than '}{ratio:.1f} times our time"
    lost = adam.slower_than_ours is None and adam.settled
    said = "settles above it" if lost else f"{said}, at least {TIMES_FASTER:g} wanted"
    report.require(f"to within 1 % of the best photometric energy {adam.method} {said}", lost or ratio >= TIMES_FASTER)


def cost(clip: FilmedClip, config: Config, resolution: int) -> Cost:
    """Time a fit of keypoints only, and a whole one."""
    energy, schedule = clip.energy(config.energy), with_finest(config.schedule, resolution)
    times = list[float]()
    for given in (replace(clip.given, footage=None), clip.given):
        begun = time.perf_counter()
        fit = fit_hand(given, energy, schedule, config.presence, synthesis=config.synthesis)
        times.append(1000.0 * (time.perf_counter() - begun) / clip.clip.n_frames)
    pixel_names = {stage.name for stage in schedule.pixel_stages}
    return Cost(
        frames=clip.clip.n_frames,
        resolution=resolution,
        keypoints_ms=times[0],
        pixels_ms=times[1] - times[0],
        all_ms=times[1],
        steps=sum(len(trace) - 1 for name, trace in fit.traces.items() if name in pixel_names),
        status=fit.status,
    )


def judge_cost(report: Report, row: Cost) -> None:
    said = f"whole fit without detection, T = {row.frames} at {row.resolution}: {row.all_ms:.0f} ms per frame"
    report.require(f"{said}, at most {MS_PER_FRAME:g} wanted", row.all_ms <= MS_PER_FRAME)


def cost_plot(name: str, x_label: str, rows: Sequence[Cost], x: Sequence[int]) -> Plot:
    """Milliseconds per frame of both parts."""
    series = {
        "keypoints": (x, [row.keypoints_ms for row in rows]),
        "pixels": (x, [row.pixels_ms for row in rows]),
        "all": (x, [row.all_ms for row in rows]),
    }
    return Plot(name, f"Cost of a fit against {name}", x_label, "ms per frame", series)
