"""What is written: left hands mirrored back, NaN where the hand is not, parameters that reproduce the vertices."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.export.assemble import assemble_result
from fitter.export.fitted_hand import FittedHand
from fitter.export.result import FitResult, find_problem
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_axis_angle
from fitter.hand.parameters import HandParameters, pose_hand
from fitter.observe.observations import Observations, Side
from fitter.pipeline import FrameFigures, HandFit
from fitter.render.appearance import Appearance
from fitter.render.shading import directional_light
from fitter.scene import Scene
from fitter.solve.posterior import Posterior
from fitter.state import State
from tests.moving_hands import blank_clip
from tests.toy_hand import toy_hand
from tests.toy_problem import random_state

T = 6
CAMERA = Camera(500.0, 510.0, 300.0, 250.0, 640, 480)


def named(model: HandModel) -> HandModel:
    """The capsule hand under a name that a result may carry."""
    return replace(model, name="anny")


def hand_of(side: Side, seed: int = 0, status: str = "converged", camera: Camera = CAMERA) -> FittedHand:
    """A fit of known state; the second frame and the last are not present."""
    model = named(toy_hand())
    state = random_state(model, T, seed)
    # A right hand as seen in the mirrored frames, where a left one was.
    its_camera = camera if side == "right" else camera.mirrored()
    present = np.array([True, False, True, True, True, False])
    posterior = Posterior(np.full((T, 21), 3.0), np.full((T, 21), 2.0), 0.1, {})
    scene = Scene(model, model.landmarks, its_camera, replace(state, log_focal=torch.zeros((), dtype=torch.float64)))
    nothing = np.full(T, np.nan)
    frames = FrameFigures({}, nothing, nothing, nothing)
    fit = HandFit(scene, status, "landmarks", {"shape": 1.0}, {}, posterior, present, frames)
    confidence = np.where(present[:, None], np.ones(21), 0.0)
    seen = Observations("mediapipe", side, np.arange(T) / 30, (640, 480), np.zeros((T, 21, 2)), confidence)
    return FittedHand(seen, fit)


def result_of(*hands: FittedHand, camera: Camera = CAMERA) -> FitResult:
    return assemble_result(hands, blank_clip(T), camera)


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_result_obeys_its_contract(side: Side) -> None:
    result = result_of(hand_of(side))
    assert find_problem(result) is None
    assert result.side == (side,) and result.image_size == (640, 480) and result.status == "converged"
    assert result.K_known and np.array_equal(result.K, CAMERA.matrix)
    assert (result.joints_sigma_mm[0][result.present[0]] == 3.0).all()


@pytest.mark.parametrize("name", ["joints_m", "joints_sigma_mm", "keypoints_px", "vertices_m", "pose", "translation_m"])
def test_rows_are_nan_exactly_where_the_hand_is_not(name: str) -> None:
    array = getattr(result_of(hand_of("left")), name)[0]
    assert np.isnan(array[[1, 5]]).all() and np.isfinite(array[[0, 2, 3, 4]]).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_projections_are_the_inputs_pixels(side: Side) -> None:
    """The joints projected by the written K, and seen in the input's frames, not in the mirrored ones."""
    hand = hand_of(side)
    result = result_of(hand)
    present = result.present[0]
    joints = result.joints_m[0][present].astype(np.float64)
    projected = joints @ result.K.T
    projected = projected[..., :2] / projected[..., 2:]
    assert np.allclose(projected, result.keypoints_px[0][present], atol=1e-3)
    predicted = hand.fit.scene.keypoints.numpy()[present]  # of the right hand that was fitted
    expected = predicted if side == "right" else predicted * [-1.0, 1.0] + [640.0, 0.0]
    assert np.allclose(result.keypoints_px[0][present], expected, atol=1e-3)


def test_the_lens_distorts_the_written_pixels() -> None:
    bent = replace(CAMERA, distortion=(-0.2, 0.05, 0.001, -0.002))
    result = result_of(hand_of("left", camera=bent), camera=bent)
    ideal = result_of(hand_of("left"))
    present = result.present[0]
    assert np.allclose(result.keypoints_px[0][present], bent.distort(ideal.keypoints_px[0][present]), atol=1e-2)
    assert np.abs(result.keypoints_px[0][present] - ideal.keypoints_px[0][present]).max() > 1.0


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_parameters_reproduce_vertices_and_joints(side: Side) -> None:
    result = result_of(hand_of(side))
    present = result.present[0]
    pose, betas, translation = (
        torch.from_numpy(array.astype(np.float64))
        for array in (result.pose[0][present], result.betas[0], result.translation_m[0][present])
    )
    sign = np.array([1.0, 1.0, 1.0])
    if side == "left":  # in the mirror a left hand is the right one that the model is
        pose = mirror_axis_angle(pose.unflatten(-1, (16, 3))).flatten(-2)
        sign = np.array([-1.0, 1.0, 1.0])
    posed = pose_hand(named(toy_hand()), HandParameters(pose, betas, translation * torch.from_numpy(sign)))
    # float32: a millionth of half a metre.
    assert np.allclose(posed.mesh().vertices.numpy() * sign, result.vertices_m[0][present], atol=2e-6)
    assert np.allclose(posed.joints.numpy() * sign, result.joints_m[0][present], atol=2e-6)


def test_two_hands_keep_their_order_and_sides() -> None:
    result = result_of(hand_of("left", 1), hand_of("right", 2))
    assert result.side == ("left", "right") and find_problem(result) is None
    assert np.array_equal(result.joints_m[1], result_of(hand_of("right", 2)).joints_m[0], equal_nan=True)


def test_light_is_of_the_inputs_frames_and_nan_without_pixels() -> None:
    """A lamp on the left of the mirrored frames, in which a left hand is fitted, is on the right of the input's."""
    one = torch.ones(3, dtype=torch.float64)
    lamp = torch.tensor([-0.6, 0.64, -0.48], dtype=torch.float64)
    lit = Appearance(torch.zeros(4, 4, 3), torch.zeros(4, 4), directional_light(lamp, one, one), torch.ones(T, 3))
    left, right = hand_of("left", 1), hand_of("right", 2)
    left = replace(left, fit=replace(left.fit, appearance=lit))
    result = result_of(left, right)
    assert find_problem(result) is None and result.lighting.shape == (2, 1, 9, 3)
    mirrored = directional_light(lamp * torch.tensor([-1.0, 1.0, 1.0]), one, one)
    assert np.allclose(result.lighting[0, 0], mirrored.numpy(), atol=1e-6)
    assert np.isnan(result.lighting[1]).all()
    right = replace(right, fit=replace(right.fit, appearance=lit))
    assert np.allclose(result_of(right).lighting[0, 0], lit.lighting.numpy(), atol=1e-6)


def test_trouble_is_said_for_the_hand_that_has_it() -> None:
    result = result_of(hand_of("left", 1), hand_of("right", 2, status="stopped early"))
    assert result.status == "right hand: stopped early"


def test_long_clips_are_skinned_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from fitter.export import assemble as module

    whole = result_of(hand_of("right"))
    monkeypatch.setattr(module, "FRAMES_AT_ONCE", 4)
    assert np.allclose(result_of(hand_of("right")).vertices_m, whole.vertices_m, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_focal_length_that_the_fit_moved_is_the_results(side: Side) -> None:
    hand = hand_of(side)
    scene = hand.fit.scene
    moved = scene.with_state(replace(scene.state, log_focal=torch.tensor(0.3, dtype=torch.float64)))
    freed = replace(hand, fit=replace(hand.fit, scene=moved))
    result = result_of(freed)
    assert result.K[0, 0] == pytest.approx(CAMERA.fx * np.exp(0.3))
    assert result.K[0, 2] == CAMERA.cx
    present = result.present[0]
    predicted = moved.keypoints.numpy()[present] * ([1, 1] if side == "right" else [-1, 1])
    assert np.allclose(result.keypoints_px[0][present], predicted + [0 if side == "right" else 640, 0], atol=1e-3)


def test_two_hands_that_disagree_on_the_focal_length_share_one() -> None:
    """Each keeps its pixels and its size; its distance follows from the common focal length."""
    hands = []
    for side, log_focal in (("left", 0.2), ("right", -0.1)):
        hand = hand_of(side, 3)  # type: ignore[arg-type]
        state: State = replace(hand.fit.state, log_focal=torch.tensor(log_focal, dtype=torch.float64))
        hands.append(replace(hand, fit=replace(hand.fit, scene=hand.fit.scene.with_state(state))))
    result = result_of(*hands)
    assert result.K[0, 0] == pytest.approx(CAMERA.fx * np.exp(0.05))
    for index, hand in enumerate(hands):
        present = result.present[index]
        alone = result_of(hand)
        # The wrist is exact, the rest to how deep a hand is over its distance.
        assert np.allclose(result.keypoints_px[index][present, 0], alone.keypoints_px[0][present, 0], atol=1e-3)
        assert np.allclose(result.keypoints_px[index][present], alone.keypoints_px[0][present], atol=15.0)
        size = np.linalg.norm(result.joints_m[index][present, 12] - result.joints_m[index][present, 0], axis=-1)
        assert np.allclose(
            size, np.linalg.norm(alone.joints_m[0][present, 12] - alone.joints_m[0][present, 0], axis=-1), atol=1e-6
        )
