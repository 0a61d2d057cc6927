"""The banded factorisation against the dense matrix: steps, damping, the selected inverse, and indefinite matrices."""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.solve.band import FLOOR, NotPositiveDefinite, factorise
from fitter.solve.normal_equations import N_COUPLED, NormalEquations
from fitter.solve.problem import Problem
from fitter.state import FRAME_UNKNOWNS, Step
from tests.dense_matrix import dense
from tests.toy_problem import evidence_of, toy_scene

LENGTHS = (1, 2, 3, 4, 7, 8)
N_SHARED = 5


def random_normal(n_frames: int, seed: int = 0, n_shared: int = N_SHARED) -> NormalEquations:
    """J'J of random rows with the couplings that smoothness has, so that the whole is positive definite."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    total = NormalEquations.zeros(torch.zeros(1, dtype=torch.float64), n_frames, n_shared)
    own, shared = normal(n_frames, 80, FRAME_UNKNOWNS), normal(n_frames, 80, n_shared)
    total.diagonal.add_(own.mT @ own)
    total.border.add_(own.mT @ shared)
    total.corner.add_((shared.mT @ shared).sum(0))
    for triple in range(n_frames - 2):
        for group in range(N_COUPLED):
            rows = normal(3, 3, 3)  # component, lag, coordinate
            place = slice(3 * group, 3 * group + 3)
            for lag in range(3):
                total.diagonal[triple + lag, place, place] += rows[:, lag].T @ rows[:, lag]
            total.first[triple, group] += rows[:, 0].T @ rows[:, 1]
            total.first[triple + 1, group] += rows[:, 1].T @ rows[:, 2]
            total.second[triple, group] += rows[:, 0].T @ rows[:, 2]
    total.gradient.frames.copy_(normal(n_frames, FRAME_UNKNOWNS))
    total.gradient.shared.copy_(normal(n_shared))
    return total


def flat(step: Step) -> torch.Tensor:
    return torch.cat([step.frames.flatten(), step.shared])


@pytest.mark.parametrize("n_frames", LENGTHS)
@pytest.mark.parametrize("damping", [0.0, 1e-3, 0.7])
def test_the_step_is_the_dense_one(n_frames: int, damping: float) -> None:
    normal = random_normal(n_frames)
    matrix = dense(normal)
    matrix.diagonal().mul_(1.0 + damping).add_(FLOOR)
    expected = -torch.linalg.solve(matrix, flat(normal.gradient))
    assert torch.allclose(flat(factorise(normal, damping).solve()), expected, atol=1e-9)


@pytest.mark.parametrize("n_frames", LENGTHS)
def test_the_selected_inverse_is_the_dense_ones(n_frames: int) -> None:
    normal = random_normal(n_frames, seed=1)
    matrix = dense(normal)
    matrix.diagonal().add_(FLOOR)
    inverse = torch.linalg.inv(matrix)
    covariance = factorise(normal).covariance()
    end = n_frames * FRAME_UNKNOWNS
    for t in range(n_frames):
        here = slice(FRAME_UNKNOWNS * t, FRAME_UNKNOWNS * (t + 1))
        assert torch.allclose(torch.from_numpy(covariance.frames[t]), inverse[here, here], atol=1e-9)
        assert torch.allclose(torch.from_numpy(covariance.frames_shared[t]), inverse[here, end:], atol=1e-9)
    assert torch.allclose(torch.from_numpy(covariance.shared), inverse[end:, end:], atol=1e-9)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 6])
def test_real_terms_give_the_dense_step_and_covariance(n_frames: int) -> None:
    scene = toy_scene(n_frames)
    problem = Problem(scene, evidence_of(scene, seed=0), Energy().terms())
    normal = problem.linearise(scene.state)
    matrix = dense(normal)
    matrix.diagonal().add_(FLOOR)
    step, inverse = flat(factorise(normal).solve()), torch.linalg.inv(matrix)
    # Curvatures span eight orders of magnitude, so results agree to the matrix's condition, not to rounding.
    assert torch.allclose(matrix @ step, -flat(normal.gradient), atol=1e-6)
    frames = torch.from_numpy(factorise(normal).covariance().frames)
    for t in range(n_frames):
        here = slice(FRAME_UNKNOWNS * t, FRAME_UNKNOWNS * (t + 1))
        assert torch.allclose(frames[t], inverse[here, here], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("n_frames", [1, 4])
@pytest.mark.parametrize("where", ["frame", "shared"])
def test_an_indefinite_matrix_is_refused(n_frames: int, where: str) -> None:
    normal = random_normal(n_frames)
    if where == "frame":
        normal.diagonal[-1, 7, 7] = -1.0
    else:
        normal.corner[2, 2] = -1.0
    with pytest.raises(NotPositiveDefinite):
        factorise(normal)


def test_enough_damping_makes_a_weakly_indefinite_matrix_solvable() -> None:
    normal = random_normal(3)
    normal.first.mul_(50.0)  # couplings stronger than the curvature
    with pytest.raises(NotPositiveDefinite):
        factorise(normal)
    step = factorise(normal, damping=1e4).solve()
    assert float((flat(step) * flat(normal.gradient)).sum()) < 0.0  # downhill


def test_factorising_leaves_the_normal_equations_as_they_were() -> None:
    normal = random_normal(3)
    before = replace(normal, **{name: getattr(normal, name).clone() for name in ("diagonal", "border", "corner")})
    factorise(normal, damping=0.1).covariance()
    for name in ("diagonal", "border", "corner"):
        assert torch.equal(getattr(normal, name), getattr(before, name))


def test_what_nothing_observes_gets_a_wide_but_finite_covariance() -> None:
    normal = NormalEquations.zeros(torch.zeros(1, dtype=torch.float64), 2, N_SHARED)
    covariance = factorise(normal).covariance()
    assert covariance.frames[1, 3, 3] == pytest.approx(1.0 / FLOOR)
