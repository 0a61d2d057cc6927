"""A state moves on its manifolds: rotations stay rotations, and the trajectory's map is its own inverse's inverse."""

import torch

from fitter.state import State, Step, trajectory_of_wrist, wrist_of_trajectory
from tests.toy_problem import random_state, toy_hand


def random_step(n_frames: int, n_shared: int, size: float) -> Step:
    generator = torch.Generator().manual_seed(1)
    frames = size * torch.randn(n_frames, 51, generator=generator, dtype=torch.float64)
    return Step(frames, size * torch.randn(n_shared, generator=generator, dtype=torch.float64))


def test_trajectory_round_trip() -> None:
    wrist = torch.tensor([[0.1, -0.2, 0.6], [0.0, 0.0, 3.0]], dtype=torch.float64)
    assert torch.allclose(wrist_of_trajectory(trajectory_of_wrist(wrist)), wrist)


def test_a_zero_step_changes_nothing() -> None:
    state = random_state(toy_hand(), 4, seed=0)
    moved = state.retract(state.zero_step())
    assert torch.allclose(moved.rotations, state.rotations)
    assert torch.equal(moved.trajectory, state.trajectory)
    assert torch.equal(moved.betas, state.betas)
    assert moved.log_focal == state.log_focal


def test_some_frames_are_those_in_memory_of_their_own() -> None:
    state = random_state(toy_hand(), 5, seed=0)
    for chosen in (slice(1, 4), torch.tensor([1, 2, 3])):
        part = state.at(chosen)
        assert torch.equal(part.rotations, state.rotations[1:4])
        assert torch.equal(part.trajectory, state.trajectory[1:4])
        assert part.betas is state.betas and part.log_focal is state.log_focal
        assert part.rotations.untyped_storage().nbytes() == part.rotations.nbytes
    two = State(
        *(torch.stack([each, each]) for each in (state.rotations, state.trajectory, state.betas, state.log_focal))
    )
    assert torch.equal(two.at(slice(1, 4)).trajectory[1], state.trajectory[1:4])


def test_rotations_stay_rotations() -> None:
    state = random_state(toy_hand(), 4, seed=0)
    step = random_step(4, state.n_shared, size=0.5)
    for _ in range(50):
        state = state.retract(step)
    rotations = state.orthonormalised().rotations
    identity = torch.eye(3, dtype=torch.float64).expand_as(rotations)
    assert torch.allclose(rotations @ rotations.mT, identity, atol=1e-12)
    assert torch.allclose(torch.linalg.det(rotations), torch.ones(4, 16, dtype=torch.float64))
    # Fifty retractions drift by rounding only: the repair moves nothing that a person could see.
    assert torch.allclose(rotations, state.rotations, atol=1e-12)


def test_each_unknown_moves_its_own_field() -> None:
    state = random_state(toy_hand(), 2, seed=0)
    step = state.zero_step()
    step.frames[1, 3 * 7 + 2] = 0.1
    step.shared[-1] = 0.2
    moved = state.retract(step)
    changed = (moved.rotations != state.rotations).any(-1).any(-1)
    assert changed.nonzero().tolist() == [[1, 7]]
    assert torch.equal(moved.betas, state.betas)
    assert torch.isclose(moved.log_focal - state.log_focal, torch.tensor(0.2, dtype=torch.float64))
