"""The learned initialiser: positions that cover the keypoints, gaps bridged, depth only where the source gave none."""

from dataclasses import replace

import pytest
import torch

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.observe.evidence import Evidence
from fitter.rotation import exp
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from priors.learned import LearnedInitializer, bridged, onto_keypoints, shared_shape
from priors.network.network import Architecture, HandNetwork
from priors.synthetic.poses import random_rotations

CAMERA = Camera(600.0, 600.0, 320.0, 240.0, 640, 480)
T = 9


@pytest.fixture(scope="module")
def learned(anny: HandModel) -> LearnedInitializer:
    torch.manual_seed(0)
    network = HandNetwork(Architecture(width=32, blocks=1, channels=(8, 8, 8, 8)), anny.joint_axes.float()).eval()
    return LearnedInitializer(network, anny)


def scene_of(model: HandModel) -> Scene:
    """A hand that turns before the camera, 0.5 m away."""
    generator = torch.Generator().manual_seed(0)
    fingers = random_rotations(generator, model.joints, 1).double().repeat(T, 1, 1, 1)
    angle = torch.linspace(0.0, 0.6, T, dtype=torch.float64)
    turn = torch.stack([torch.zeros(T), angle, torch.zeros(T)], dim=-1).double()
    rotations = torch.cat([exp(turn)[:, None], fingers], dim=1)
    wrist = torch.tensor([0.05, 0.02, 0.5], dtype=torch.float64).repeat(T, 1)
    betas = 0.5 * torch.randn(model.n_betas, generator=generator).double()
    state = State(rotations, trajectory_of_wrist(wrist), betas, torch.zeros((), dtype=torch.float64))
    return Scene(model, model.landmarks, CAMERA, state)


def evidence_of(scene: Scene, depth: bool, unseen: tuple[int, ...] = ()) -> Evidence:
    """Exact keypoints, with or without cues of depth; nothing in the frames `unseen`."""
    seen = torch.ones(T, 21, dtype=torch.float64)
    seen[list(unseen)] = 0.0
    return Evidence(
        keypoints_px=scene.keypoints * seen[..., None],
        confidence=seen,
        depth_px=(scene.points[..., 2] / scene.points[:, :1, 2] - 1.0) * CAMERA.fx * seen * depth,
        depth_weight=seen * depth,
        bone_directions=torch.zeros(T, 20, 3, dtype=torch.float64),
        bone_weight=torch.zeros(T, 20, dtype=torch.float64),
        time_s=torch.arange(T, dtype=torch.float64) / 30.0,
        pixel_scale=torch.tensor(1.0, dtype=torch.float64),
    )


def test_positions_put_the_true_pose_onto_its_keypoints(anny: HandModel) -> None:
    scene = scene_of(anny)
    evidence, state = evidence_of(scene, depth=False), scene.state
    wrong = state.wrist + 0.1
    found = onto_keypoints(anny, anny.landmarks, CAMERA, evidence, state.rotations, wrong, state.betas)
    assert torch.allclose(found, state.wrist, atol=1e-6)


def test_frames_with_too_few_points_keep_their_position(anny: HandModel) -> None:
    scene = scene_of(anny)
    evidence, state = evidence_of(scene, depth=False, unseen=(4,)), scene.state
    wrong = state.wrist + 0.1
    found = onto_keypoints(anny, anny.landmarks, CAMERA, evidence, state.rotations, wrong, state.betas)
    assert torch.equal(found[4], wrong[4]) and not torch.equal(found[3], wrong[3])


def test_depth_is_filled_only_where_the_source_gave_none(learned: LearnedInitializer, anny: HandModel) -> None:
    scene = scene_of(anny)
    for depth in (True, False):
        given = evidence_of(scene, depth, unseen=(0, 5))
        opinion = learned.opinion(anny, anny.landmarks, CAMERA, given)
        assert torch.equal(opinion.evidence.depth_px, given.depth_px) == depth
        weight = opinion.evidence.bone_weight  # the source had no bones in either case
        assert bool((weight[[0, 5]] == 0).all()) and bool((weight[[1, 2, 8]] > 0).all())
    state, told = opinion.start.state, opinion.evidence
    points = replace(scene, state=state).points
    assert torch.allclose(told.depth_px[1], (points[1, :, 2] / points[1, 0, 2] - 1.0) * CAMERA.fx)


def test_a_clip_has_one_shape_and_gaps_lie_between_their_neighbours(
    learned: LearnedInitializer, anny: HandModel
) -> None:
    scene = scene_of(anny)
    (start,) = learned(anny, CAMERA, evidence_of(scene, depth=True, unseen=(0, 4)))
    assert start.name == "network" and start.state.betas.shape == (anny.n_betas,)
    assert torch.equal(start.state.rotations[0], start.state.rotations[1])
    before, gap, after = start.state.rotations[3:6]
    assert torch.allclose(before[0].T @ gap[0], gap[0].T @ after[0], atol=1e-6)


def test_a_blind_clip_is_a_finite_guess(learned: LearnedInitializer, anny: HandModel) -> None:
    scene = scene_of(anny)
    opinion = learned.opinion(anny, anny.landmarks, CAMERA, evidence_of(scene, True, tuple(range(T))))
    state = opinion.start.state
    assert all(bool(torch.isfinite(x).all()) for x in (state.rotations, state.trajectory, state.betas))
    assert bool((opinion.evidence.bone_weight == 0).all())


def test_another_model_gets_its_mean_shape(anny: HandModel) -> None:
    other = replace(anny, name="other")
    usable, betas = torch.ones(2, dtype=torch.bool), torch.ones(2, anny.n_betas, dtype=torch.float64)
    confidence = torch.ones(2, 21, dtype=torch.float64)
    assert torch.equal(shared_shape(betas, confidence, usable, other, anny), torch.zeros(anny.n_betas).double())
    assert torch.allclose(shared_shape(betas, confidence, usable, anny, anny), torch.ones(anny.n_betas).double())


def test_one_usable_frame_stands_for_all() -> None:
    rotations = torch.eye(3, dtype=torch.float64).repeat(4, 16, 1, 1)
    wrist = torch.arange(12, dtype=torch.float64).reshape(4, 3)
    usable = torch.tensor([False, False, True, False])
    _, place = bridged(rotations, wrist, usable)
    assert torch.equal(place, wrist[2].repeat(4, 1))
