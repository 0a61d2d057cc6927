"""Two hands through the pipeline: apart as each alone, one shape on request, each in the way of the other."""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.initialise import Start
from fitter.pipeline import FitInput, fit_hand, fit_hands
from fitter.render.beside import Beside
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from fitter.scene import Scene
from fitter.solve.schedule import Schedule
from tests.toy_problem import CAMERA, evidence_of, random_state

SCHEDULE = Schedule(stages=Schedule().keypoint_stages)
ENERGY = Energy(learned_pose=None)


@pytest.fixture
def inputs(anny: HandModel) -> list[FitInput]:
    """A right hand, and a left one half a metre beside it, of four frames each."""
    model, given = anny.to(dtype=torch.float64), []
    for seed, mirrored in ((0, False), (1, True)):
        camera = CAMERA.mirrored() if mirrored else CAMERA
        state = random_state(model, 4, seed)
        side = state.trajectory.new_tensor([-0.5, 0.0, 0.0])  # to the left in either one's frames
        state = replace(state, trajectory=state.trajectory + side, log_focal=0 * state.log_focal)
        evidence = evidence_of(Scene(model, model.landmarks, camera, state), seed=seed + 7)
        begun = replace(state, betas=0 * state.betas)
        given.append(FitInput(model, model.landmarks, camera, evidence, (Start("near", begun),), mirrored=mirrored))
    return given


def test_hands_apart_are_fitted_as_each_alone(inputs: list[FitInput]) -> None:
    for given, together in zip(inputs, fit_hands(inputs, ENERGY, SCHEDULE), strict=True):
        alone = fit_hand(given, ENERGY, SCHEDULE)
        assert torch.equal(alone.state.rotations, together.state.rotations)
        assert torch.equal(alone.state.betas, together.state.betas) and alone.status == together.status


def test_one_person_has_one_shape(inputs: list[FitInput]) -> None:
    one, other = fit_hands(inputs, ENERGY, SCHEDULE, same_person=True)
    assert torch.equal(one.state.betas, other.state.betas)
    apart, _ = fit_hands(inputs, ENERGY, SCHEDULE)
    assert not torch.equal(apart.state.betas, one.state.betas)


def square(z: float, half: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """A square across the line of sight that the camera sees from outside."""
    corners = [[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]
    return torch.tensor([corners], dtype=torch.float64), torch.tensor([[0, 2, 1], [0, 3, 2]])


@pytest.mark.parametrize(("own_z", "other_z", "hidden"), [(0.5, 0.4, True), (0.4, 0.5, False)])
def test_only_what_is_nearer_hides(own_z: float, other_z: float, hidden: bool) -> None:
    camera = replace(CAMERA, fx=100.0, fy=100.0, cx=32.0, cy=32.0, width=64, height=64)
    vertices, faces = square(own_z)
    own = ZBuffer().rasterize(to_screen(camera, vertices), faces, (64, 64))
    other, _ = square(other_z)
    shown = Beside.of(other, faces, flipped=False).shown_instead(lambda points: to_screen(camera, points), own)
    assert bool(shown[0, 32, 32]) == hidden
    mirrored = Beside.of(other * torch.tensor([-1.0, 1.0, 1.0]).double(), torch.flip(faces, dims=(-1,)), flipped=True)
    assert torch.equal(mirrored.shown_instead(lambda points: to_screen(camera, points), own), shown)
