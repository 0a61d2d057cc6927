"""Where the solver starts: exact where the detections are exact, finite and bridged where there are none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter import rotation
from fitter.hand import HandModel
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD, MEAN_RAD
from fitter.initialise import (
    agreeing,
    articulated,
    bridged,
    frame_pose,
    initial_states,
    joints_of_angles,
    placed,
    similarity,
    smallest_turn,
)
from fitter.observe.evidence import Evidence, palm_aligned_directions
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.state import State
from tests.toy_problem import CAMERA, evidence_of, toy_scene

T = 8


def truth(n_frames: int = T, seed: int = 0) -> Scene:
    """Mean shape, the landmarks on the joints, no twist, angles within half of their range: what starts can reach."""
    scene = toy_scene(n_frames, seed)
    rng = np.random.default_rng(seed)
    share = rng.uniform(-0.5, 0.5, (n_frames, 15, 3)) * [0.0, 1.0, 1.0]
    reach = np.where(share > 0, HIGHEST_RAD - MEAN_RAD, MEAN_RAD - LOWEST_RAD)
    joints = joints_of_angles(scene.model, torch.from_numpy(MEAN_RAD + share * reach))
    rotations = torch.cat([scene.state.rotations[:, :1], joints], dim=1)
    betas = torch.zeros(scene.model.n_betas, dtype=torch.float64)
    state = State(rotations, scene.state.trajectory, betas, torch.zeros((), dtype=torch.float64))
    return replace(scene, landmarks=scene.model.landmarks).with_state(state)


def exact(scene: Scene) -> Evidence:
    """What a detector without noise sees."""
    evidence = evidence_of(scene, seed=1, noise_px=0.0, missing=0.0)
    depth = (scene.points[..., 2] / scene.points[:, :1, 2] - 1.0) * scene.focal[0]
    return replace(evidence, depth_px=depth, bone_directions=palm_aligned_directions(scene.points, scene.model)[0])


def unseen(evidence: Evidence, frames: list[int]) -> Evidence:
    keep = torch.ones(evidence.n_frames, 1, dtype=torch.float64)
    keep[frames] = 0.0
    return replace(
        evidence,
        keypoints_px=evidence.keypoints_px * keep[..., None],
        confidence=evidence.confidence * keep,
        depth_weight=evidence.depth_weight * keep,
        bone_weight=evidence.bone_weight * keep,
    )


def bones_of(model: HandModel, joints: torch.Tensor) -> torch.Tensor:
    """Unit bone vectors in the palm's axes of a hand with these joint rotations."""
    palm = torch.eye(3, dtype=torch.float64).expand(len(joints), 1, 3, 3)
    shaped = model.with_shape(torch.zeros(model.n_betas, dtype=torch.float64))
    points = shaped.with_pose(torch.cat([palm, joints], dim=1), joints.new_zeros(len(joints), 3)).joints
    bones = points[:, BONES] - points[:, POINT_PARENTS[BONES]]
    return bones / bones.norm(dim=-1, keepdim=True)


def degrees_between(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return rotation.log(one.mT @ other).norm(dim=-1).rad2deg()


def test_articulation_is_recovered_from_exact_directions() -> None:
    scene = truth()
    wanted = bones_of(scene.model, scene.state.rotations[:, 1:])
    otherwise = torch.eye(3, dtype=torch.float64).expand(T, 15, 3, 3)
    joints = articulated(scene.model, wanted, otherwise, torch.ones(T, 20, dtype=torch.float64))
    # The smallest turn to a direction has no part about the bone, but spread and flexion together make one.
    assert float((bones_of(scene.model, joints) - wanted).norm(dim=-1).max()) < 0.02
    assert float(degrees_between(joints, scene.state.rotations[:, 1:]).max()) < 12.0


def test_directions_no_hand_can_take_are_kept_within_its_ranges() -> None:
    scene = truth(1)
    backwards = -bones_of(scene.model, scene.state.rotations[:, 1:] * 0 + torch.eye(3).double())
    otherwise = torch.eye(3, dtype=torch.float64).expand(1, 15, 3, 3)
    joints = articulated(scene.model, backwards, otherwise, torch.ones(1, 20, dtype=torch.float64))
    angles = torch.einsum("jca,tjc->tja", scene.model.joint_axes, rotation.log(joints))
    assert bool((angles <= torch.from_numpy(HIGHEST_RAD) + 1e-9).all())
    assert bool((angles >= torch.from_numpy(LOWEST_RAD) - 1e-9).all())


def test_fingers_without_directions_are_as_otherwise() -> None:
    scene = truth()
    weight = torch.ones(T, 20, dtype=torch.float64)
    weight[3, 5:8] = 0.0  # the bones beyond the index knuckle
    otherwise = joints_of_angles(scene.model, torch.from_numpy(MEAN_RAD).expand(T, 15, 3))
    directions = bones_of(scene.model, scene.state.rotations[:, 1:])
    joints = articulated(scene.model, directions, otherwise, weight)
    assert torch.allclose(joints[3, :3], otherwise[3, :3])
    assert float(degrees_between(joints[3, 3:], otherwise[3, 3:]).min()) > 0.1


def test_smallest_turns() -> None:
    x, y = torch.eye(3, dtype=torch.float64)[:2]
    assert torch.allclose(smallest_turn(x, y), torch.tensor([0.0, 0.0, np.pi / 2]).double())
    assert torch.equal(smallest_turn(x, x), torch.zeros(3).double())
    assert bool(torch.isfinite(smallest_turn(x, -x)).all())


@pytest.mark.parametrize("depth", [True, False])
def test_the_hand_is_placed_from_exact_keypoints(depth: bool) -> None:
    scene = truth()
    evidence = exact(scene)
    if not depth:
        evidence = replace(evidence, depth_weight=torch.zeros_like(evidence.depth_weight))
    state = placed(scene.model, CAMERA, evidence, scene.state.rotations[:, 1:])
    turned = degrees_between(state.rotations[:, 0], scene.state.rotations[:, 0])
    moved = (state.wrist - scene.state.wrist).norm(dim=-1) / scene.state.wrist[:, 2]
    # Perspective-n-point is exact; image depth is weak perspective, good to how deep a hand is over its distance.
    assert float(turned.max()) < (12.0 if depth else 0.1)
    assert float(moved.max()) < (0.12 if depth else 0.001)
    assert torch.equal(state.rotations[:, 1:], scene.state.rotations[:, 1:])


def test_starts_are_near_the_truth_and_named() -> None:
    scene = truth()
    starts = initial_states(scene.model, CAMERA, exact(scene))
    assert [start.name for start in starts] == ["landmarks", "relaxed"]
    error_px = [
        float((scene.with_state(start.state).keypoints - scene.keypoints).norm(dim=-1).mean()) for start in starts
    ]
    assert error_px[0] < 25.0 and error_px[0] < error_px[1]  # the hand spans 300 px
    blind = replace(exact(scene), bone_weight=torch.zeros(T, 20, dtype=torch.float64))
    assert [start.name for start in initial_states(scene.model, CAMERA, blind)] == ["relaxed"]


def test_frames_without_detections_are_bridged() -> None:
    scene = truth()
    joints = scene.state.rotations[:, 1:]
    blind = replace(exact(scene), depth_weight=torch.zeros(T, 21, dtype=torch.float64))
    state = placed(scene.model, CAMERA, unseen(blind, [0, 3, 4, 7]), joints)
    depth = state.wrist[:, 2]
    assert torch.equal(depth[0], depth[1]) and torch.equal(depth[7], depth[6])  # level at the ends
    assert float(depth[3]) == pytest.approx(float(2 * depth[2] + depth[5]) / 3)
    whole = degrees_between(state.rotations[2, 0], state.rotations[5, 0])
    assert float(degrees_between(state.rotations[2, 0], state.rotations[3, 0])) == pytest.approx(float(whole) / 3)


@pytest.mark.parametrize("seen", [[], [2]])
def test_a_clip_of_one_seen_frame_or_none_has_finite_starts(seen: list[int]) -> None:
    scene = truth()
    evidence = unseen(exact(scene), [frame for frame in range(T) if frame not in seen])
    starts = initial_states(scene.model, CAMERA, evidence)
    assert len(starts) == 1 + len(seen)
    for start in starts:
        assert bool(torch.isfinite(start.state.trajectory).all()) and bool(torch.isfinite(start.state.rotations).all())
        assert torch.allclose(start.state.trajectory, start.state.trajectory[:1].expand(T, 3))


def test_too_few_points_give_no_pose_of_their_own() -> None:
    scene = truth()
    evidence = exact(scene)
    confidence = evidence.confidence.clone()
    confidence[4, 5:] = 0.0  # five points left
    few = replace(evidence, confidence=confidence, depth_weight=torch.zeros(T, 21, dtype=torch.float64))
    joints = scene.state.rotations[:, 1:]
    state = placed(scene.model, CAMERA, few, joints)
    assert float(state.wrist[4, 2]) == pytest.approx(float(state.wrist[[3, 5], 2].mean()))


def test_a_hand_too_near_or_too_far_is_no_pose() -> None:
    scene = truth(1)
    evidence = exact(scene)
    tiny = replace(evidence, keypoints_px=640.0 + 1e-3 * evidence.keypoints_px, depth_px=1e-3 * evidence.depth_px)
    points = scene.posed.joints[0] - scene.posed.joints[0, :1]
    assert frame_pose(CAMERA, evidence, 0, points) is not None
    assert frame_pose(CAMERA, tiny, 0, points) is None


def test_similarity_finds_rotation_and_scale() -> None:
    rng = np.random.default_rng(0)
    source = rng.standard_normal((5, 3))
    turn = rotation.exp(torch.tensor([0.5, 2.0, -1.0]).double()).numpy()
    found, scale = similarity(source, 2.5 * source @ turn.T + [1.0, 2.0, 3.0])
    assert np.allclose(found, turn) and scale == pytest.approx(2.5)
    mirrored, _ = similarity(source, source * [-1.0, 1.0, 1.0])
    assert np.linalg.det(mirrored) == pytest.approx(1.0)  # never a reflection


def test_bridging_nothing_leaves_things_as_they_are() -> None:
    orientation, wrist = np.tile(np.eye(3), (3, 1, 1)), np.zeros((3, 3))
    same = bridged(orientation, wrist, np.zeros(3, dtype=bool))
    assert same[0] is orientation and same[1] is wrist


def test_a_flipped_frame_disagrees_with_its_neighbours_and_a_turning_hand_does_not() -> None:
    turning = rotation.exp(
        torch.outer(torch.arange(12.0).double() * np.radians(20.0), torch.eye(3).double()[1])
    ).numpy()
    found = np.ones(12, dtype=bool)
    assert agreeing(turning, found).all()
    flipped = turning.copy()
    flipped[[4, 11]] = flipped[[4, 11]] @ np.diag([-1.0, 1.0, -1.0])
    assert np.flatnonzero(~agreeing(flipped, found)).tolist() == [4, 11]


def test_orientations_that_all_disagree_are_all_that_there_is() -> None:
    quarter_turns = rotation.exp(torch.outer(torch.arange(8.0).double() * np.pi / 2, torch.eye(3).double()[2])).numpy()
    found = np.ones(8, dtype=bool)
    np.testing.assert_array_equal(agreeing(quarter_turns, found), found)
