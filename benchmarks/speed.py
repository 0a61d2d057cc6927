"""Levenberg-Marquardt against the field's usual solvers, on the same terms, the same clip and from the same start.

    python -m benchmarks speed

A figure is the time until a solver is within 1 % of the best energy that any of them reached from any start. It counts
the solver alone, after a warm-up that compiles every kernel, and all solvers work on one thread, as the fit does.
First-order solvers get the best of three learning rates each, and a budget of time; if it is not enough, that is said.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import growth
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.synthetic import SyntheticClip, synthetic_clip, whole_problem
from fitter.config import Config, load_config
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.solve.first_order import LBFGS, Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import Problem
from fitter.solve.solver import Solver
from fitter.solve.threads import one_thread
from fitter.state import State

LENGTHS, QUICK_LENGTHS = (60, 300, 3000), (20, 60)
# What each first-order solver and learning rate may take: so many times what ours needs to settle, and at least this.
BUDGET_TIMES, LEAST_BUDGET_S, QUICK_BUDGET_S = 6.0, 20.0, 3.0
WITHIN = 0.01
TIMES_FASTER = 5.0
SEED = 0
EXACT = 1e-6  # relative decrease at which the second-order solver stops: far below what WITHIN asks
SECOND_ORDER = "Levenberg-Marquardt"

# Learning rates. Of the second-order solver: its first damping. Adam's are radians per step and standard deviations of
# shape, from cautious to bold; those of L-BFGS are the first step that its line search tries.
METHODS: dict[str, tuple[Callable[[float], Solver[Any]], tuple[float, ...]]] = {
    SECOND_ORDER: (lambda damping: LevenbergMarquardt(100, damping, EXACT), (0.001,)),
    "Adam": (
        lambda rate: Adam(max_steps=100_000, learning_rate=rate, tolerance=1e-6, patience=300),
        (0.003, 0.01, 0.03),
    ),
    "L-BFGS": (lambda rate: LBFGS(max_steps=10_000, learning_rate=rate, tolerance=1e-6), (0.1, 0.5, 1.0)),
}


@dataclass(frozen=True)
class Race:
    """How one solver ran: seconds of its own work and the best energy so far, before and after every step.

    `settled`: it came to its own end, and more time would change nothing.
    """

    method: str
    rate: float
    settled: bool
    seconds: tuple[float, ...]
    energies: tuple[float, ...]

    def time_to(self, energy: float) -> float | None:
        """Seconds until `energy` was reached; None if it never was."""
        step = self.steps_to(energy)
        return None if step is None else self.seconds[step]

    def steps_to(self, energy: float) -> int | None:
        return next((step for step, reached in enumerate(self.energies) if reached <= energy), None)


@dataclass(frozen=True)
class Speed:
    """A row: the best learning rate of one method on a clip of `frames`. One step of L-BFGS is 5 iterations."""

    frames: int
    method: str
    learning_rate: float
    seconds_to_1_percent: float | None
    steps_to_1_percent: int | None
    seconds_in_all: float
    steps_in_all: int
    settled: bool
    best_energy_percent: float
    slower_than_ours: float | None


def measure(quick: bool) -> Report:
    """The races at every length, and how time and memory grow with it."""
    report = Report("speed", "Time to within 1 % of the best energy; time and memory against length")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    least_s = QUICK_BUDGET_S if quick else LEAST_BUDGET_S
    rows: list[Speed] = []
    with one_thread():
        warm_up(model, config)
        for n_frames in QUICK_LENGTHS if quick else LENGTHS:
            races = compare(synthetic_clip(model, SEED, n_frames), config, least_s, report)
            rows += speeds(n_frames, races)
    report.table("speed", rows)
    judge(report, rows)
    growth.measure(report, QUICK_LENGTHS if quick else growth.LENGTHS)
    return report


def judge(report: Report, rows: Sequence[Speed]) -> None:
    """At every length, both rivals need `TIMES_FASTER` times our time, or are not there after as much."""
    for ours in (row for row in rows if row.method == SECOND_ORDER):
        for rival in (row for row in rows if row.frames == ours.frames and row.method != SECOND_ORDER):
            if ours.seconds_to_1_percent is None:
                report.require(f"T = {ours.frames}: {SECOND_ORDER} comes within 1 % of the best energy", False)
                continue
            ratio = rival.slower_than_ours or rival.seconds_in_all / ours.seconds_to_1_percent
            said = f"takes {'' if rival.slower_than_ours else 'more than '}{ratio:.1f} times our time"
            lost = rival.slower_than_ours is None and rival.settled
            said = "settles above it" if lost else f"{said}, at least {TIMES_FASTER:g} wanted"
            report.require(f"T = {ours.frames}: {rival.method} {said}", lost or ratio >= TIMES_FASTER)


def compare(clip: SyntheticClip, config: Config, least_s: float, report: Report) -> list[Race]:
    """Every solver from the first start; and the second-order one from the others, for the best energy."""
    problem = whole_problem(clip.given, clip.energy(config.energy), config.schedule)
    first, *others = clip.given.starts
    races: list[Race] = []
    for method, (solver_of, rates) in METHODS.items():
        for rate in rates:
            budget_s = max(least_s, BUDGET_TIMES * settling_time(races[0])) if races else float("inf")
            races.append(race(method, rate, solver_of(rate), problem, first.state, budget_s))
            seconds, lowest = races[-1].seconds[-1], races[-1].energies[-1]
            report.note(f"T = {first.state.n_frames}, {method} {rate:g}: {seconds:.1f} s, energy {lowest:.1f}")
    solver_of, (damping,) = METHODS[SECOND_ORDER]
    return [
        *races,
        *(race(start.name, damping, solver_of(damping), problem, start.state, float("inf")) for start in others),
    ]


def settling_time(race: Race) -> float:
    """Seconds until a race was as near its own end as it should come to the best of all."""
    return race.time_to((1.0 + WITHIN) * race.energies[-1]) or race.seconds[-1]


def race(method: str, rate: float, solver: Solver[Any], problem: Problem, start: State, budget_s: float) -> Race:
    """Run a solver to its own end, or until its time is up; the clock counts its steps and nothing else."""
    begun = time.perf_counter()
    memory = solver.init(problem, start)
    seconds, energies = [time.perf_counter() - begun], [solver.best(memory)[1]]
    settled = False
    for _ in range(solver.max_steps):
        memory = solver.step(problem, memory)
        seconds.append(time.perf_counter() - begun)
        energies.append(solver.best(memory)[1])
        settled = solver.terminate(memory) is not None
        if settled or seconds[-1] > budget_s:
            break
    return Race(method, rate, settled, tuple(seconds), tuple(energies))


def speeds(n_frames: int, races: Sequence[Race]) -> list[Speed]:
    """One row per method, by its best learning rate: the first to arrive, or the one that came nearest."""
    best = min(each.energies[-1] for each in races)
    goal = (1.0 + WITHIN) * best
    chosen = [min(of, key=lambda each: arrival(each, goal)) for of in by_method(races)]
    ours = chosen[0].time_to(goal)
    rows = []
    for each in chosen:
        needed = each.time_to(goal)
        rows.append(
            Speed(
                frames=n_frames,
                method=each.method,
                learning_rate=each.rate,
                seconds_to_1_percent=needed,
                steps_to_1_percent=each.steps_to(goal),
                seconds_in_all=each.seconds[-1],
                steps_in_all=len(each.energies) - 1,
                settled=each.settled,
                best_energy_percent=100.0 * each.energies[-1] / best,
                slower_than_ours=needed / ours if needed is not None and ours else None,
            )
        )
    return rows


def arrival(race: Race, goal: float) -> tuple[float, float]:
    """Sorts races by their time to the goal; those that never arrive come last, by their energy."""
    needed = race.time_to(goal)
    return (float("inf"), race.energies[-1]) if needed is None else (needed, race.energies[-1])


def by_method(races: Sequence[Race]) -> Iterator[list[Race]]:
    return ([each for each in races if each.method == method] for method in METHODS)


def warm_up(model: HandModel, config: Config) -> None:
    """Compile every kernel and fill every cache on a clip of its own."""
    clip = synthetic_clip(model, SEED + 1, 12)
    problem = whole_problem(clip.given, clip.energy(config.energy), config.schedule)
    for solver_of, rates in METHODS.values():
        race("warm-up", 0.0, solver_of(rates[0]), problem, clip.given.starts[0].state, budget_s=1.0)
