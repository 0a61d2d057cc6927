"""Solvers x problems whose minimum is known: each reaches it, says how it ended, and gives the best state it saw."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from fitter.energy.focal import Focal
from fitter.energy.pose import Pose
from fitter.energy.shape import Shape
from fitter.energy.term import EnergyTerm
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve.first_order import LBFGS, Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import Problem
from fitter.solve.solver import Outcome, Solver, Status, run
from fitter.state import State, Step
from tests.toy_problem import evidence_of, toy_scene

# Steps enough for each to converge on the problems below; Adam's last digits depend on its learning rate.
SOLVERS: dict[str, Solver[Any]] = {
    "levenberg_marquardt": LevenbergMarquardt(max_steps=100, tolerance=1e-12),
    "adam": Adam(max_steps=1200, learning_rate=0.01, tolerance=1e-9),
    "lbfgs": LBFGS(max_steps=200, tolerance=1e-12),
}


@dataclass(frozen=True)
class KnownPoints:
    """Landmarks at given places, within sigma: the minimum is 0 where the points were taken from."""

    places: torch.Tensor
    sigma_m: float = 0.01
    robust_width: float | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> torch.Tensor:
        return (scene.points - self.places) / self.sigma_m


def reach_the_points() -> tuple[Problem, float]:
    """Zero residual, strongly curved: joints known exactly."""
    scene = toy_scene(2)
    terms: dict[str, EnergyTerm] = {"points": KnownPoints(scene.points)}
    return Problem(scene, evidence_of(scene, seed=0), terms, ("orientation", "trajectory")), 0.0


def reach_outliers() -> tuple[Problem, float]:
    """A robust loss of large residuals, no less than at the truth: one landmark is off by half a metre."""
    scene = toy_scene(2)
    places = scene.points.clone()
    places[0, 8] += 0.5
    term = KnownPoints(places, robust_width=1.0)
    problem = Problem(scene, evidence_of(scene, seed=0), {"points": term}, ("orientation", "trajectory"))
    return problem, problem.energy(scene.state)


def reach_the_mean() -> tuple[Problem, float]:
    """Priors alone: mean pose, no betas, focal length as assumed."""
    scene = toy_scene(3)
    terms: dict[str, EnergyTerm] = {"pose": Pose(), "shape": Shape(), "focal": Focal()}
    return Problem(scene, evidence_of(scene, seed=0), terms), 0.0


PROBLEMS = {"points": reach_the_points, "outliers": reach_outliers, "mean": reach_the_mean}


def start_of(problem: Problem) -> State:
    state = problem.scene.state
    generator = torch.Generator().manual_seed(2)
    frames = 0.15 * torch.randn(state.n_frames, 51, generator=generator, dtype=torch.float64)
    return state.retract(problem.masked(Step(frames, torch.full((state.n_shared,), 0.2, dtype=torch.float64))))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("make", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_every_solver_reaches_every_known_minimum(solver: str, make: Callable[[], tuple[Problem, float]]) -> None:
    problem, lowest = make()
    begun = start_of(problem)
    outcome = run(SOLVERS[solver], problem, begun)
    assert problem.energy(begun) > lowest + 1.0
    assert outcome.energy < lowest + 1e-3  # a thousandth of what one residual of one sigma costs
    assert outcome.energy == pytest.approx(problem.energy(outcome.state), abs=1e-9)
    assert outcome.trace[0] == problem.energy(begun) and min(outcome.trace) == outcome.energy
    # Adam nears a minimum of zero by a constant factor, so that its relative decrease never settles.
    if solver != "adam" or lowest > 0.0:
        assert outcome.status is Status.CONVERGED


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_best_energy_never_rises(solver: str) -> None:
    problem, _ = reach_outliers()
    trace = run(SOLVERS[solver], problem, start_of(problem)).trace
    assert len(trace) > 3 and all(after <= before for before, after in zip(trace, trace[1:], strict=False))


def test_levenberg_marquardt_needs_a_fraction_of_the_steps() -> None:
    problem, lowest = reach_the_points()
    outcome = run(SOLVERS["levenberg_marquardt"], problem, start_of(problem))
    assert len(outcome.trace) < 15 and outcome.energy < lowest + 1e-9


@pytest.mark.parametrize("solver", SOLVERS)
def test_two_steps_are_not_enough_and_it_says_so(solver: str) -> None:
    problem, _ = reach_the_mean()
    outcome = run(replace(SOLVERS[solver], max_steps=2), problem, start_of(problem))  # type: ignore[type-var]
    assert outcome.status is Status.OUT_OF_STEPS and len(outcome.trace) == 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_without_energy_is_returned_as_it_is(solver: str) -> None:
    problem, _ = reach_the_points()
    state = problem.scene.state
    behind = replace(state, trajectory=state.trajectory - torch.tensor([0.0, 0.0, 12.0]).double())
    tilted = replace(behind, rotations=behind.rotations[:, [0] * 16])
    assert problem.energy(tilted) == float("inf")
    outcome = run(SOLVERS[solver], problem, tilted)
    assert outcome.status is Status.NOT_FINITE and outcome.trace == (float("inf"),)
    assert outcome.state is tilted


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_at_the_minimum_stays_there(solver: str) -> None:
    problem, _ = reach_the_points()
    outcome = run(SOLVERS[solver], problem, problem.scene.state)
    assert outcome.energy < 1e-12 and outcome.status is Status.CONVERGED
    assert torch.allclose(outcome.state.trajectory, problem.scene.state.trajectory, atol=1e-8)


def test_each_step_is_told_with_its_energies() -> None:
    problem, _ = reach_the_mean()
    told: list[tuple[int, float, dict[str, float]]] = []
    outcome: Outcome = run(SOLVERS["levenberg_marquardt"], problem, start_of(problem), lambda *step: told.append(step))
    assert [step for step, _, _ in told] == list(range(1, len(outcome.trace)))
    for _, energy, terms in told:
        assert set(terms) == {"pose", "shape", "focal"} and sum(terms.values()) == pytest.approx(energy)


def test_rotations_come_back_orthonormal() -> None:
    problem, _ = reach_the_points()
    rotations = run(SOLVERS["lbfgs"], problem, start_of(problem)).state.rotations
    assert torch.allclose(rotations @ rotations.mT, torch.eye(3).double().expand_as(rotations), atol=1e-14)
