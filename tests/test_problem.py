"""What a solver sees: finite energies, infinity behind the camera, and fixed unknowns that do not move."""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.solve import normal_equations
from fitter.solve import problem as problem_module
from fitter.solve.band import factorise
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import FREE_NAMES, Problem
from fitter.solve.solver import run
from fitter.state import State, Step
from tests.toy_problem import evidence_of, toy_scene

TERMS = Energy().terms()
# Each name's columns of a frame's 51 unknowns and of the shared ones (6 betas, then the focal length).
PLACES = {
    "orientation": (slice(0, 3), slice(0, 0)),
    "pose": (slice(3, 48), slice(0, 0)),
    "trajectory": (slice(48, 51), slice(0, 0)),
    "betas": (slice(0, 0), slice(0, 6)),
    "focal": (slice(0, 0), slice(6, 7)),
}


def toy_problem(n_frames: int = 5, free: tuple[str, ...] = FREE_NAMES) -> Problem:
    scene = toy_scene(n_frames)
    return Problem(scene, evidence_of(scene, seed=3), TERMS, free)


def start(problem: Problem) -> State:
    state = problem.scene.state
    generator = torch.Generator().manual_seed(11)
    frames = 0.05 * torch.randn(state.n_frames, 51, generator=generator, dtype=torch.float64)
    return state.retract(Step(frames, torch.full((state.n_shared,), 0.05, dtype=torch.float64)))


def test_energies_are_finite_and_add_up() -> None:
    problem = toy_problem()
    energies = problem.energies_by_term(start(problem))
    assert set(energies) == set(TERMS)
    assert all(0.0 <= value < 1e6 for value in energies.values())
    assert problem.energy(start(problem)) == pytest.approx(sum(energies.values()))


@pytest.mark.parametrize("depth_m", [0.05, 1e-6])
def test_a_hand_that_reaches_behind_the_camera_has_no_energy(depth_m: float) -> None:
    problem = toy_problem()
    state = problem.scene.state
    towards = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    rotations = state.rotations.clone()
    rotations[:, 0] = towards  # fingers, which lie along -x at rest, at the camera
    trajectory = state.trajectory.clone()
    trajectory[:, 2] = torch.tensor(depth_m, dtype=torch.float64).log()
    behind = replace(state, rotations=rotations, trajectory=trajectory)
    assert bool((problem.scene.with_state(behind).points[..., 2] <= 0).any())
    assert problem.energy(behind) == float("inf")


def test_a_state_of_nan_has_no_energy() -> None:
    problem = toy_problem()
    state = problem.scene.state
    assert problem.energy(replace(state, betas=state.betas * float("nan"))) == float("inf")


@pytest.mark.parametrize("fixed", FREE_NAMES)
def test_a_fixed_unknown_does_not_move(fixed: str) -> None:
    problem = toy_problem(free=tuple(name for name in FREE_NAMES if name != fixed))
    normal = problem.linearise(start(problem))
    step = factorise(normal, 1e-3).solve()
    for name, (frames, shared) in PLACES.items():
        still = torch.cat([step.frames[:, frames].flatten(), step.shared[shared]])
        assert bool((still == 0).all()) == (name == fixed), name
    masked = problem.masked(Step(torch.ones(5, 51).double(), torch.ones(7).double()))
    frames, shared = PLACES[fixed]
    assert int((masked.frames == 0).sum() + (masked.shared == 0).sum()) == 5 * len(range(51)[frames]) + len(
        range(7)[shared]
    )
    assert bool((masked.frames[:, frames] == 0).all()) and bool((masked.shared[shared] == 0).all())


def test_the_reduced_step_is_that_of_the_free_unknowns_alone() -> None:
    """Taking unknowns out gives the step of the smaller system, not the big step with zeros put in."""
    everything, some = toy_problem(1), toy_problem(1, free=("orientation", "trajectory"))
    state = start(everything)
    normal = everything.linearise(state)
    free = [0, 1, 2, 48, 49, 50]
    matrix, gradient = normal.diagonal[0][free][:, free], normal.gradient.frames[0, free]
    step = factorise(some.linearise(state)).solve()
    assert torch.allclose(step.frames[0, free], -torch.linalg.solve(matrix, gradient), atol=1e-9)


def test_a_solved_problem_leaves_what_is_fixed_as_it_was() -> None:
    problem = toy_problem(free=("orientation", "trajectory"))
    before = start(problem)
    after = run(LevenbergMarquardt(max_steps=5), problem, before).state
    assert torch.equal(after.betas, before.betas) and torch.equal(after.log_focal, before.log_focal)
    # Equal but for the final orthonormalisation, which rounds.
    assert torch.allclose(after.rotations[:, 1:], before.rotations[:, 1:], atol=1e-14)
    assert float((after.trajectory - before.trajectory).abs().max()) > 1e-4


@pytest.mark.parametrize("free", [FREE_NAMES, ("pose", "betas")])
def test_the_torch_twin_gives_the_same_problem(monkeypatch: pytest.MonkeyPatch, free: tuple[str, ...]) -> None:
    problem = toy_problem(free=free)
    by_numba = problem.linearise(start(problem))
    monkeypatch.setattr(problem_module, "assembly", normal_equations)
    by_torch = problem.linearise(start(problem))
    assert torch.allclose(by_numba.diagonal, by_torch.diagonal, rtol=1e-9, atol=1e-6)
    assert torch.allclose(by_numba.gradient.frames, by_torch.gradient.frames, rtol=1e-9, atol=1e-6)
    assert torch.allclose(by_numba.corner, by_torch.corner, rtol=1e-9, atol=1e-6)
