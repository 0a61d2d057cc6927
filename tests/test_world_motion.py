"""Smoothness in the world: as without a camera's motion where there is none, exact slopes, steady hands are free."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fitter import rotation
from fitter.energy.smoothness import PoseSmoothness, TrajectorySmoothness
from fitter.energy.term import term_energy
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from tests.test_energy import assert_temporal_rows_are_exact, perturbed
from tests.toy_problem import evidence_of, toy_scene

N_FRAMES = 6
TERMS = {"pose": PoseSmoothness(), "trajectory": TrajectorySmoothness()}
TIME_S = torch.tensor([0.0, 0.03, 0.08, 0.1, 0.15, 0.2], dtype=torch.float64)


def random_motion(size: float, seed: int = 5) -> Tensor:
    """Cameras that turn by about `size` radians and shift by as much of a metre."""
    generator = torch.Generator().manual_seed(seed)
    camera = torch.eye(4, dtype=torch.float64).repeat(N_FRAMES, 1, 1)
    camera[:, :3, :3] = rotation.exp(size * torch.randn(N_FRAMES, 3, generator=generator, dtype=torch.float64))
    camera[:, :3, 3] = size * torch.randn(N_FRAMES, 3, generator=generator, dtype=torch.float64)
    return camera


def evidence_with(camera: Tensor | None) -> Evidence:
    return replace(evidence_of(toy_scene(N_FRAMES), seed=1), time_s=TIME_S, camera_from_world=camera)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("lag", [0, 1, 2])
def test_rows_equal_automatic_differentiation(name: str, lag: int) -> None:
    scene, evidence = perturbed(toy_scene(N_FRAMES), size=0.3), evidence_with(random_motion(0.1))
    assert_temporal_rows_are_exact(TERMS[name], scene, evidence, lag)


@pytest.mark.parametrize("name", TERMS)
def test_a_camera_that_rests_changes_nothing(name: str) -> None:
    scene = perturbed(toy_scene(N_FRAMES))
    resting = random_motion(0.5)[:1].repeat(N_FRAMES, 1, 1)
    rows, plain = (TERMS[name].rows(scene, evidence_with(camera)) for camera in (resting, None))
    assert torch.allclose(rows.residual, plain.residual, atol=1e-9)
    assert torch.allclose(rows.jacobian, plain.jacobian, atol=1e-9 * float(plain.jacobian.abs().max()))
    assert float(plain.residual.abs().max()) > 1.0


@pytest.mark.parametrize("name", TERMS)
def test_a_hand_at_rest_in_the_world_costs_nothing_before_a_camera_that_moves(name: str) -> None:
    scene, camera = toy_scene(N_FRAMES), random_motion(0.1)
    state = seen_by(camera, scene)
    assert float(term_energy(TERMS[name], scene.with_state(state), evidence_with(camera))) < 1e-18
    assert float(term_energy(TERMS[name], scene.with_state(state), evidence_with(None))) > 1.0


def seen_by(camera: Tensor, scene: Scene) -> State:
    """The hand of the first frame, at rest in a world that the first camera sees from its own axes."""
    first = camera[0]
    in_world = first[:3, :3].mT @ (scene.state.wrist[0] - first[:3, 3])
    turned = first[:3, :3].mT @ scene.state.rotations[0, 0]
    rotations = scene.state.rotations[:1].repeat(N_FRAMES, 1, 1, 1)
    rotations[:, 0] = camera[:, :3, :3] @ turned
    wrist = camera[:, :3, :3] @ in_world + camera[:, :3, 3]
    assert bool((wrist[:, 2] > 0.05).all())
    return replace(scene.state, rotations=rotations, trajectory=trajectory_of_wrist(wrist))


def test_a_cut_to_a_camera_that_looks_away_stays_finite() -> None:
    scene, camera = toy_scene(N_FRAMES), torch.eye(4, dtype=torch.float64).repeat(N_FRAMES, 1, 1)
    camera[3:, :3, :3] = torch.diag(torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64))
    rows = TrajectorySmoothness().rows(scene, evidence_with(camera))
    assert bool(torch.isfinite(rows.residual).all() and torch.isfinite(rows.jacobian).all())
