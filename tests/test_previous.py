"""An earlier fit as a start: the same state back, in another camera at the same pixels, gaps bridged, mirrored."""

from dataclasses import replace

import numpy as np
import torch

from fitter import rotation
from fitter.camera import Camera
from fitter.hand.parameters import parameters_of
from fitter.initialise.previous import PreviousFit
from fitter.scene import Scene
from tests.toy_problem import CAMERA, evidence_of, toy_scene

T = 7


def scene_at_known_focal() -> Scene:
    scene = toy_scene(T)
    return scene.with_state(replace(scene.state, log_focal=torch.zeros((), dtype=torch.float64)))


def previous(scene: Scene, name: str = "toy") -> PreviousFit:
    pose = parameters_of(scene.posed).pose
    return PreviousFit(name, scene.camera, pose, scene.state.betas, scene.state.wrist)


def keypoints(scene: Scene, fit: PreviousFit, camera: Camera) -> torch.Tensor:
    state = fit(scene.model, camera, evidence_of(scene, 0))[0].state
    return replace(scene, camera=camera).with_state(state).keypoints


def test_the_same_camera_and_model_give_the_state_back() -> None:
    scene = scene_at_known_focal()
    (start,) = previous(scene)(scene.model, CAMERA, evidence_of(scene, 0))
    assert start.name == "previous result"
    assert torch.allclose(start.state.rotations, scene.state.rotations, atol=1e-9)
    assert torch.allclose(start.state.trajectory, scene.state.trajectory, atol=1e-9)
    assert torch.equal(start.state.betas, scene.state.betas) and float(start.state.log_focal) == 0.0


def test_a_known_focal_length_moves_the_hand_and_keeps_its_pixels() -> None:
    scene = scene_at_known_focal()
    now = replace(CAMERA.scaled(1.3), cx=600.0, known=True)
    state = previous(scene)(scene.model, now, evidence_of(scene, 0))[0].state
    assert torch.allclose(state.wrist[:, 2], 1.3 * scene.state.wrist[:, 2])
    assert torch.allclose(now.project(state.wrist), CAMERA.project(scene.state.wrist))


def test_an_unknown_focal_length_becomes_the_earlier_one() -> None:
    scene = scene_at_known_focal()
    assumed = replace(CAMERA.scaled(0.8), known=False)
    state = previous(scene)(scene.model, assumed, evidence_of(scene, 0))[0].state
    assert torch.allclose(state.log_focal.exp(), torch.tensor(1.25).double())
    assert torch.allclose(state.wrist, scene.state.wrist)
    assert torch.allclose(keypoints(scene, previous(scene), assumed), scene.keypoints)


def test_another_model_keeps_rotations_and_position_alone() -> None:
    scene = scene_at_known_focal()
    for fit in (previous(scene, "mano"), replace(previous(scene), betas=torch.ones(3).double())):
        state = fit(scene.model, CAMERA, evidence_of(scene, 0))[0].state
        assert not state.betas.any() and state.betas.shape == scene.state.betas.shape
        assert torch.allclose(state.wrist, scene.state.wrist)
        assert torch.allclose(state.rotations, scene.state.rotations, atol=1e-9)


def test_frames_without_the_hand_are_bridged() -> None:
    scene = scene_at_known_focal()
    whole = previous(scene)
    pose, wrist = whole.pose.clone(), whole.wrist_m.clone()
    pose[[0, 3]], wrist[[0, 3]] = torch.nan, torch.nan
    state = replace(whole, pose=pose, wrist_m=wrist)(scene.model, CAMERA, evidence_of(scene, 0))[0].state
    assert torch.allclose(state.wrist[0], state.wrist[1])
    assert torch.allclose(state.wrist[3], scene.state.wrist[[2, 4]].mean(0))
    before, there, after = state.rotations[2], state.rotations[3], state.rotations[4]
    assert torch.allclose(rotation.log(before.mT @ there), rotation.log(there.mT @ after), atol=1e-9)


def test_a_left_hand_is_mirrored_with_its_camera() -> None:
    scene = scene_at_known_focal()
    right = previous(scene)
    left = right.mirrored()
    assert left.camera.cx == CAMERA.width - CAMERA.cx
    again = left.mirrored()
    assert torch.equal(again.pose, right.pose) and torch.equal(again.wrist_m, right.wrist_m)
    seen = left.camera.project(left.wrist_m)
    flipped = CAMERA.project(right.wrist_m) * torch.tensor([-1.0, 1.0]) + torch.tensor([CAMERA.width, 0.0])
    assert np.allclose(seen, flipped)
