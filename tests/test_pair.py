"""Two hands in one problem: the sum of two problems, what they share, and contacts with exact derivatives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.energy import Energy
from fitter.energy.interpenetration import Interpenetration, volume_of
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_points
from fitter.scene import Scene
from fitter.solve.band import factorise
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.pair import NAME, PairProblem, PairState
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.state import FRAME_UNKNOWNS, State, Step, trajectory_of_wrist
from tests.dense_matrix import dense
from tests.toy_problem import CAMERA, evidence_of, random_state, toy_hand

TERM = Interpenetration(sigma_mm=2.0)
N_FRAMES = 4


@pytest.fixture
def model(anny: HandModel) -> HandModel:
    return anny.to(dtype=torch.float64)


def flat(step: Step) -> torch.Tensor:
    return torch.cat([step.frames.flatten(), step.shared])


def toy_pair(n_frames: int = 5, one_shape: bool = False) -> tuple[PairProblem, PairState]:
    """Two hands without flesh, so that no term of contacts can act."""
    model, states, problems = toy_hand(), [], []
    for seed in (0, 1):
        state = random_state(model, n_frames, seed)
        scene = Scene(model, model.landmarks, CAMERA, state)
        problems.append(Problem(scene, evidence_of(scene, seed=seed + 7), Energy().terms()))
        states.append(state)
    if one_shape:
        states[1] = replace(states[1], betas=states[0].betas)
    return PairProblem((problems[0], problems[1]), flipped=True), PairState((states[0], states[1]), one_shape)


def anny_pair(model: HandModel, apart_m: float) -> tuple[PairProblem, PairState]:
    """Two hands before each other, `apart_m` between their wrists in depth; the second one is the other side."""
    states, problems = [], []
    for seed in (0, 1):
        state = random_state(model, N_FRAMES, seed)
        wrist = state.wrist * 0.02 + state.wrist.new_tensor([0.0, 0.05, 0.5 + seed * apart_m])
        if seed == 1:
            wrist = mirror_points(wrist)
        state = State(state.rotations, trajectory_of_wrist(wrist), 0.3 * state.betas, state.log_focal)
        scene = Scene(model, model.landmarks, CAMERA if seed == 0 else CAMERA.mirrored(), state)
        problems.append(Problem(scene, evidence_of(scene, seed=seed + 7), Energy(size=None).terms()))
        states.append(state)
    return PairProblem((problems[0], problems[1]), True, TERM), PairState((states[0], states[1]))


def test_without_contact_the_energies_and_normal_equations_are_the_two_hands_own() -> None:
    problem, state = toy_pair()
    scene, normal = problem.at(state), problem.linearise_of(problem.at(state))
    own = [each.linearise(hand) for each, hand in zip(problem.hands, state.hands, strict=True)]
    energies = [each.energy(hand) for each, hand in zip(problem.hands, state.hands, strict=True)]
    assert problem.energy_of(scene) == pytest.approx(sum(energies))
    first, second = normal.gradient.frames.split(FRAME_UNKNOWNS, dim=1)
    assert torch.equal(first, own[0].gradient.frames) and torch.equal(second, own[1].gradient.frames)
    assert torch.equal(normal.diagonal[:, :51, :51], own[0].diagonal) and not normal.diagonal[:, :51, 51:].any()
    assert normal.gradient.shared[-1] == own[0].gradient.shared[-1] + own[1].gradient.shared[-1]
    by_term = problem.energies_by_term_of(scene)
    assert sum(by_term.values()) == pytest.approx(problem.energy_of(scene)) and NAME not in by_term


def test_with_a_known_focal_length_the_steps_are_the_two_hands_own() -> None:
    problem, state = toy_pair()
    one, other = (replace(each, free=("orientation", "pose", "trajectory", "betas")) for each in problem.hands)
    alone, problem = (one, other), replace(problem, hands=(one, other))
    step = factorise(problem.linearise_of(problem.at(state)), 0.01).solve()
    for hand, (own, start) in enumerate(zip(alone, state.hands, strict=True)):
        expected = factorise(own.linearise(start), 0.01).solve()
        assert torch.allclose(step.frames[:, 51 * hand : 51 * (hand + 1)], expected.frames, atol=1e-9)
        assert torch.allclose(step.shared[state.columns[hand]], expected.shared, atol=1e-9)


@pytest.mark.parametrize("one_shape", [False, True])
def test_the_gradient_is_that_of_the_energy(one_shape: bool) -> None:
    problem, state = toy_pair(one_shape=one_shape)
    check_gradient(problem, state)


def check_gradient(problem: PairProblem, state: PairState, tolerance: float = 1e-5) -> None:
    """Along random directions; robust losses enter as reweighted squares, whose gradient is the energy's."""
    gradient = flat(problem.linearise_of(problem.at(state)).gradient)
    n_frames = state.hands[0].n_frames
    generator = torch.Generator().manual_seed(3)
    for _ in range(4):
        frames = torch.randn(n_frames, 2 * FRAME_UNKNOWNS, generator=generator, dtype=torch.float64)
        direction = Step(frames, torch.randn(state.n_shared, generator=generator, dtype=torch.float64))
        ahead, behind = (problem.energy(state.retract(direction * size)) for size in (1e-6, -1e-6))
        slope = float(gradient @ flat(direction))
        assert (ahead - behind) / 2e-6 == pytest.approx(slope, rel=tolerance, abs=tolerance * float(gradient.norm()))


def test_one_shape_stays_one() -> None:
    problem, state = toy_pair(one_shape=True)
    outcome = run(LevenbergMarquardt(max_steps=6), problem, state)
    one, other = outcome.state.hands
    assert torch.equal(one.betas, other.betas) and outcome.energy < problem.energy(state)
    assert not torch.equal(one.betas, state.hands[0].betas)


def without_terms(problem: PairProblem) -> tuple[Problem, Problem]:
    one, other = problem.hands
    return replace(one, terms={}), replace(other, terms={})


def test_contacts_are_none_between_hands_apart(model: HandModel) -> None:
    problem, state = anny_pair(model, apart_m=0.3)
    contacts = problem.at(state).contacts(TERM)
    assert len(contacts.frame) == 0 and float(contacts.energy) == 0.0


def test_contacts_have_the_gradient_of_their_energy(model: HandModel) -> None:
    problem, state = anny_pair(model, apart_m=0.02)
    assert len(problem.at(state).contacts(TERM).frame) > 10
    alone = replace(problem, hands=without_terms(problem))  # contacts only
    check_gradient(alone, state, tolerance=0.03)  # the deepest places of nearly parallel capsules are found roughly


def test_the_curvature_of_contacts_is_their_jacobians(model: HandModel) -> None:
    problem, state = anny_pair(model, apart_m=0.02)
    alone = replace(problem, hands=without_terms(problem))
    normal = alone.linearise_of(alone.at(state))
    assert bool(normal.diagonal[:, :51, 51:].any())
    assert torch.allclose(normal.diagonal, normal.diagonal.mT)
    whole = dense(normal)
    assert float(torch.linalg.eigvalsh(whole)[0]) > -1e-6 * float(whole.diagonal().max())


def test_hands_are_kept_out_of_each_other(model: HandModel) -> None:
    """What was seen is true of hands that lie inside each other: they part as far as the evidence lets them."""
    problem, state = anny_pair(model, apart_m=0.02)
    before = problem.at(state).contacts(TERM)
    apart = run(LevenbergMarquardt(max_steps=30), problem, state).state
    after = problem.at(apart).contacts(TERM)
    assert float(after.residual.max()) < 0.5 * float(before.residual.max())
    without = replace(problem, interpenetration=None)
    left = without.at(run(LevenbergMarquardt(max_steps=30), without, state).state)
    assert float(left.contacts(TERM).energy) > 4.0 * float(after.energy)


def test_what_is_fixed_does_not_move(model: HandModel) -> None:
    problem, state = anny_pair(model, apart_m=0.02)
    one, other = problem.hands
    problem = replace(problem, hands=(replace(one, free=()), replace(other, free=("trajectory",))))
    moved = run(LevenbergMarquardt(max_steps=4), problem, state).state
    assert torch.allclose(moved.hands[0].trajectory, state.hands[0].trajectory, atol=1e-12)
    assert torch.allclose(moved.hands[0].rotations, state.hands[0].rotations, atol=1e-9)
    assert torch.allclose(moved.hands[1].rotations, state.hands[1].rotations, atol=1e-9)
    assert not torch.allclose(moved.hands[1].trajectory, state.hands[1].trajectory, atol=1e-6)


def test_a_mirrored_hand_lies_where_it_is_seen(model: HandModel) -> None:
    problem, state = anny_pair(model, apart_m=0.02)
    own, flipped = (volume_of(problem.at(state).hands[1], flag).ends for flag in (False, True))
    assert torch.equal(mirror_points(own), flipped)
    assert np.isclose(float(flipped[0, -1, 0, 0]), float(-own[0, -1, 0, 0]))
