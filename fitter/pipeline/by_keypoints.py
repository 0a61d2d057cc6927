"""One hand by its keypoints: explore from every start, refine the best.

reached = fit_keypoints(given, energy, schedule, on_step)
reached.state, reached.problem.energy(reached.state)
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fitter.energy import Energy
from fitter.initialise import Advice, Start
from fitter.pipeline.fit_input import FitInput
from fitter.pipeline.known import holding
from fitter.render.appearance import Appearance
from fitter.render.window import Windows
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Outcome, Status, run
from fitter.state import State
from fitter.synthesis.decided import Decided
from fitter.synthesis.depth import with_depth
from fitter.synthesis.report import PhotometricReport

log = logging.getLogger(__name__)

OnStep = Callable[[str, int, float, dict[str, float]], None]  # stage, step, energy, energy by term


@dataclass(frozen=True)
class Reached:
    """Where a part of the schedule has come to, on the CPU: the state, and the problem of all terms it is judged by."""

    problem: Problem
    state: State
    status: str
    start: str
    traces: dict[str, tuple[float, ...]]
    appearance: Appearance | None = None
    photometric: PhotometricReport | None = None
    decided: Decided | None = None


def fit_keypoints(given: FitInput, energy: Energy, schedule: Schedule, on_step: OnStep | None) -> Reached:
    """The stages without pixels: explore from every start, refine the best."""
    starts, last = given.starts, schedule.keypoint_stages[-1]
    scene, whole = whole_problem(given, energy, last)
    explored = [explore(start, scene, given, energy, schedule, on_step) for start in starts]
    reached = [whole.energy(outcome.state) for outcome in explored]
    best = int(np.argmin(reached))
    log.info("energies reached from each start: %s", dict(zip((s.name for s in starts), reached, strict=True)))
    begun = scene.with_state(explored[best].state)
    if given.depth is not None:
        begun, evidence = with_depth(begun, given.evidence, given.depth)
        if given.known is not None:
            begun = begun.with_state(holding(begun.state, given.known))
        given = replace(given, evidence=evidence)
        scene, whole = whole_problem(given, energy, last, begun.windows)
    if given.advice is not None:
        settled = run(schedule.solver_of(last), whole, begun.state, listener(last, on_step))
        given, begun = advised(given, given.advice, settled.state), scene.with_state(settled.state)
        scene, whole = whole_problem(given, energy, last, begun.windows)
    refined = run(schedule.solver_of(last), whole, begun.state, listener(last, on_step))
    state, status = judged(whole, starts[0].state, refined)
    windows = None if begun.windows is None else begun.windows.to("cpu")
    _, whole = whole_problem(given.to("cpu"), energy, last, windows)
    traces = {"explore": explored[best].trace, last.name: refined.trace}
    return Reached(whole, state.to(device="cpu"), status, starts[best].name, traces)


def advised(given: FitInput, advice: Advice, state: State) -> FitInput:
    """The input with the advice for a fit that has come to `state`."""
    evidence = advice(state.to(device="cpu"), given.evidence.to("cpu"))
    return replace(given, evidence=evidence.to(given.evidence.time_s.device))


def explore(
    start: Start, scene: Scene, given: FitInput, energy: Energy, schedule: Schedule, on_step: OnStep | None
) -> Outcome:
    """Run every stage without pixels but the last from one start."""
    outcome = Outcome(start.state, float("inf"), Status.OUT_OF_STEPS, ())
    for stage in schedule.keypoint_stages[:-1]:
        terms = {name: term for name, term in energy.terms(given.evidence).items() if name not in stage.without}
        problem = Problem(scene, given.evidence, terms, given.free(stage), given.held)
        outcome = run(schedule.solver_of(stage), problem, outcome.state, listener(stage, on_step))
    return outcome


def whole_problem(
    given: FitInput, energy: Energy, stage: Stage, windows: Windows | None = None
) -> tuple[Scene, Problem]:
    """The first start's scene, and the problem of a stage in which every term acts."""
    scene = Scene(given.model, given.landmarks, given.camera, given.starts[0].state, windows)
    return scene, Problem(scene, given.evidence, energy.terms(given.evidence), given.free(stage), given.held)


def judged(problem: Problem, initial: State, refined: Outcome) -> tuple[State, str]:
    """The refined state, unless the start was better; and the sentence that says how it ended.

    The energy is taken anew: a first-order solver's own does not know a hand behind the camera.
    """
    if problem.energy(refined.state) <= problem.energy(initial):
        return refined.state, refined.status.value
    return initial, "the solver ended worse than its start, which is returned instead"


def listener(stage: Stage, on_step: OnStep | None) -> Listener | None:
    return None if on_step is None else lambda step, energy, terms: on_step(stage.name, step, energy, terms)
