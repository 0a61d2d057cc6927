"""Observations as the terms read them: what is missing weighs nothing, cues come in the model's conventions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter import rotation
from fitter.camera import Camera
from fitter.observe.evidence import REFERENCE_SPAN_PX, Evidence, palm_aligned_directions, prepare_evidence
from fitter.observe.observations import Observations
from fitter.skeleton import BONES, POINT_PARENTS
from tests.toy_problem import CAMERA, toy_hand, toy_scene

T = 4


def observed(depth: bool = True, landmarks: bool = True) -> Observations:
    """What a perfect detector sees of the toy hand."""
    scene = toy_scene(T)
    points = scene.posed.joints.numpy()
    pixels = CAMERA.project(scene.posed.joints).numpy()
    return Observations(
        source="custom",
        side="right",
        time_s=np.arange(T) / 30.0,
        image_size=(CAMERA.width, CAMERA.height),
        keypoints_px=pixels,
        confidence=np.full((T, 21), 0.75),
        depth_px=(points[..., 2] / points[:, :1, 2] - 1.0) * CAMERA.fx if depth else None,
        landmarks_m=points - points[:, :1] if landmarks else None,
    )


def without(seen: Observations, frame: int, joints: list[int]) -> Observations:
    """As sources give it: a missing joint is 0 with confidence 0."""
    confidence, pixels = seen.confidence.copy(), seen.keypoints_px.copy()
    confidence[frame, joints], pixels[frame, joints] = 0.0, 0.0
    return replace(seen, confidence=confidence, keypoints_px=pixels)


def prepared(seen: Observations, camera: Camera = CAMERA) -> Evidence:
    return prepare_evidence(seen, camera, toy_hand())


def test_everything_seen_has_weight() -> None:
    evidence = prepared(observed())
    assert evidence.n_frames == T and evidence.keypoints_px.dtype == torch.float64
    assert torch.equal(evidence.confidence, torch.full((T, 21), 0.75).double())
    assert torch.equal(evidence.depth_weight, evidence.confidence)
    assert torch.allclose(evidence.bone_weight, torch.full((T, 20), 0.75).double())


def test_a_missing_joint_takes_its_bones_along() -> None:
    evidence = prepared(without(observed(), 1, [7]))
    assert evidence.confidence[1, 7] == 0.0 and evidence.depth_weight[1, 7] == 0.0
    assert (evidence.bone_weight[1] == 0).nonzero().flatten().tolist() == [6, 7]  # from 6 to 7, from 7 to 8
    assert bool((evidence.bone_weight[0] > 0).all())


def test_without_the_wrist_depth_says_nothing() -> None:
    evidence = prepared(without(observed(), 2, [0]))
    assert float(evidence.depth_weight[2].abs().max()) == 0.0 and float(evidence.depth_weight[1].min()) > 0.0


def test_without_the_whole_palm_directions_say_nothing() -> None:
    evidence = prepared(without(observed(), 2, [13]))
    assert float(evidence.bone_weight[2].abs().max()) == 0.0


def test_a_frame_without_a_hand_weighs_nothing_and_is_finite() -> None:
    seen = without(observed(), 0, list(range(21)))
    assert seen.landmarks_m is not None and seen.depth_px is not None
    landmarks, depth = seen.landmarks_m.copy(), seen.depth_px.copy()
    landmarks[0], depth[0] = 0.0, 0.0
    evidence = prepared(replace(seen, landmarks_m=landmarks, depth_px=depth))
    for values in (evidence.confidence, evidence.depth_weight, evidence.bone_weight):
        assert float(values[0].abs().max()) == 0.0
    assert bool(torch.isfinite(evidence.bone_directions).all())


def test_sources_without_cues_have_none() -> None:
    evidence = prepared(observed(depth=False, landmarks=False))
    assert float(evidence.depth_weight.abs().max()) == 0.0 and float(evidence.bone_weight.abs().max()) == 0.0
    assert bool((evidence.confidence > 0).all())


def test_pixels_are_undistorted() -> None:
    bent = replace(CAMERA, distortion=(-0.2, 0.05, 0.001, -0.002))
    seen = observed()
    evidence = prepared(replace(seen, keypoints_px=bent.distort(seen.keypoints_px)), bent)
    # OpenCV's undistortion iterates to about a hundredth of a pixel.
    assert np.allclose(evidence.keypoints_px.numpy(), seen.keypoints_px, atol=0.02)
    assert np.abs(bent.distort(seen.keypoints_px) - seen.keypoints_px).max() > 1.0


def test_the_pixel_scale_is_the_hands_span() -> None:
    seen = observed()
    span = np.ptp(seen.keypoints_px, axis=1).max(axis=1)
    assert float(prepared(seen).pixel_scale) == pytest.approx(np.median(span) / REFERENCE_SPAN_PX)
    # A joint that was not seen, stored as 0, does not stretch the box to the corner of the image.
    missing = without(without(seen, 0, [3]), 1, [3])
    assert float(prepared(missing).pixel_scale) == pytest.approx(float(prepared(seen).pixel_scale), rel=0.1)
    nothing = replace(seen, confidence=np.zeros((T, 21)), keypoints_px=np.zeros((T, 21, 2)))
    assert float(prepared(nothing).pixel_scale) == 1.0


def test_directions_do_not_depend_on_the_sources_orientation_or_size() -> None:
    model = toy_hand()
    posed = toy_scene(T).posed
    local = torch.einsum("tji,tpj->tpi", posed.rotations[:, 0], posed.joints - posed.joints[:, :1])
    turn = rotation.exp(torch.tensor([0.4, -1.0, 2.0], dtype=torch.float64))
    directions, usable = palm_aligned_directions(local, model)
    turned, _ = palm_aligned_directions(1.3 * local @ turn.T + 0.2, model)
    assert bool((usable == 1).all()) and torch.allclose(directions, turned, atol=1e-12)
    assert torch.allclose(directions.norm(dim=-1), torch.ones(T, 20).double())


def test_directions_of_the_models_own_palm_are_its_bones() -> None:
    """For a hand whose palm is the model's, the alignment takes the global orientation out exactly."""
    model = toy_hand()
    scene = toy_scene(T)
    state = replace(scene.state, betas=torch.zeros(model.n_betas, dtype=torch.float64))
    posed = scene.with_state(state).posed
    directions, _ = palm_aligned_directions(posed.joints, model)
    bones = posed.joints[:, BONES] - posed.joints[:, POINT_PARENTS[BONES]]
    local = torch.einsum("tji,tbj->tbi", state.rotations[:, 0], bones)
    assert torch.allclose(directions, local / local.norm(dim=-1, keepdim=True), atol=1e-9)


def test_a_palm_that_is_a_line_is_unusable() -> None:
    flat = torch.zeros(1, 21, 3, dtype=torch.float64)
    flat[0, :, 0] = torch.arange(21)
    directions, usable = palm_aligned_directions(flat, toy_hand())
    assert float(usable) == 0.0 and float(directions.abs().max()) == 0.0


def test_a_left_hand_has_to_be_mirrored_first() -> None:
    with pytest.raises(AssertionError, match="mirror"):
        prepared(replace(observed(), side="left"))


def test_moving_to_a_device_keeps_everything() -> None:
    evidence = prepared(observed())
    assert torch.equal(evidence.to("cpu").bone_directions, evidence.bone_directions)
    assert evidence.to("meta").pixel_scale.device.type == "meta"
