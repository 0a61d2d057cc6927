"""The learned initialiser: positions that cover the keypoints, gaps bridged, depth only where the source gave none."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.clip.clip import Frame
from fitter.clip.video import VideoClip
from fitter.hand import HandModel
from fitter.initialise import Start
from fitter.observe.evidence import Evidence
from fitter.observe.footage import Footage
from fitter.pipeline import FitInput
from fitter.rotation import exp
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.state import State, trajectory_of_wrist
from priors.learned import LearnedInitializer, NetworkAdvice, onto_keypoints, shared_shape, turned_over
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


def given_of(scene: Scene, evidence: Evidence) -> FitInput:
    return FitInput(scene.model, scene.landmarks, scene.camera, evidence, ())


def plain_clip(shade: int) -> VideoClip:
    """Frames of one grey."""

    class PlainClip(VideoClip):
        def frames(self) -> Iterator[Frame]:
            return (np.full((480, 640, 3), shade, np.uint8) for _ in range(T))

    return PlainClip(Path("nowhere.mp4"), "nowhere", 640, 480, 30.0, np.arange(T) / 30.0, None)


def moved(state: State) -> State:
    return replace(state, trajectory=trajectory_of_wrist(state.wrist + 0.1))


def test_positions_put_the_true_pose_onto_its_keypoints(anny: HandModel) -> None:
    scene = scene_of(anny)
    found = onto_keypoints(given_of(scene, evidence_of(scene, depth=False)), moved(scene.state))
    assert torch.allclose(found.wrist, scene.state.wrist, atol=1e-6)


def test_frames_with_too_few_points_keep_their_position(anny: HandModel) -> None:
    scene = scene_of(anny)
    wrong = moved(scene.state)
    found = onto_keypoints(given_of(scene, evidence_of(scene, depth=False, unseen=(4,))), wrong)
    assert torch.allclose(found.wrist[4], wrong.wrist[4]) and not torch.allclose(found.wrist[3], wrong.wrist[3])


def test_advice_is_given_only_where_no_cue_of_depth_is(learned: LearnedInitializer, anny: HandModel) -> None:
    scene = scene_of(anny)
    with_depth, bare = (given_of(scene, evidence_of(scene, depth, unseen=(0, 5))) for depth in (True, False))
    assert learned.begin(with_depth).advice is None
    assert [start.name for start in learned.begin(with_depth).starts] == ["network"]
    begun = learned.begin(bare)
    assert [start.name for start in begun.starts] == ["network", "network, second view", "network, turned over"]
    assert begun.advice is not None and begun.evidence is bare.evidence
    told = begun.advice(scene.state, bare.evidence)
    assert torch.equal(told.depth_weight, bare.evidence.depth_weight)
    assert bool((told.bone_weight[[0, 5]] == 0).all()) and bool((told.bone_weight[[1, 2, 8]] > 0).all())
    assert torch.allclose(told.bone_directions.norm(dim=-1), torch.ones(T, 20, dtype=torch.float64))


def test_advice_is_that_of_the_nearest_hypothesis(anny: HandModel) -> None:
    """Of three hands the one that the state is near to says how the bones lie."""
    scene = scene_of(anny)
    generator = torch.Generator().manual_seed(1)
    others = random_rotations(generator, anny.joints, 2 * T).double().reshape(T, 2, 15, 3, 3)
    palm = scene.state.rotations[:, None, :1].expand(T, 2, 1, 3, 3)
    rotations = torch.cat([torch.cat([palm, others], dim=2), scene.state.rotations[:, None]], dim=1)
    evidence = evidence_of(scene, depth=False)
    sigma, usable = torch.full((T, 20), 0.21, dtype=torch.float64), torch.ones(T, dtype=torch.bool)
    advice = NetworkAdvice.of(given_of(scene, evidence), rotations, scene.state.betas, sigma, usable)
    told = advice(moved(scene.state), evidence)  # where the hand is does not matter
    assert torch.allclose(told.bone_weight, torch.ones(T, 20, dtype=torch.float64))
    points = scene.points
    bones = torch.nn.functional.normalize(points[:, BONES] - points[:, POINT_PARENTS[BONES]], dim=-1)
    assert torch.allclose(told.bone_directions, bones @ scene.state.rotations[:, 0])


def test_a_palm_turned_over_is_its_mirror_image_behind_the_image(anny: HandModel) -> None:
    """Its axes along the fingers and across look the same from the camera, and point the other way in depth."""
    state = scene_of(anny).state
    over = turned_over(state)
    forward = torch.nn.functional.normalize(state.wrist, dim=-1)
    for axis in (0, 2):
        before, after = (each.rotations[:, 0, :, axis] for each in (state, over))
        depth = [(each * forward).sum(-1, keepdim=True) for each in (before, after)]
        assert torch.allclose(depth[0], -depth[1])
        assert torch.allclose(before - depth[0] * forward, after - depth[1] * forward)
    assert torch.allclose(torch.linalg.det(over.rotations[:, 0]), torch.ones(T, dtype=torch.float64))
    assert torch.equal(over.rotations[:, 1:], state.rotations[:, 1:])


def test_a_clip_has_one_shape_and_gaps_lie_between_their_neighbours(
    learned: LearnedInitializer, anny: HandModel
) -> None:
    scene = scene_of(anny)
    (start,) = learned(anny, CAMERA, evidence_of(scene, depth=True, unseen=(0, 4)))
    assert start.name == "network" and start.state.betas.shape == (anny.n_betas,)
    assert torch.allclose(start.state.rotations[0], start.state.rotations[1])
    before, gap, after = start.state.rotations[3:6]
    assert torch.allclose(before[0].T @ gap[0], gap[0].T @ after[0], atol=1e-6)


def test_its_start_replaces_others_unless_it_is_blind(learned: LearnedInitializer, anny: HandModel) -> None:
    scene = scene_of(anny)
    own = Start("own", scene.state)
    given = replace(given_of(scene, evidence_of(scene, depth=True)), starts=(own,))
    assert [start.name for start in learned.begin(given).starts] == ["network"]
    blind = replace(given, evidence=evidence_of(scene, True, tuple(range(T))))
    assert learned.begin(blind) is blind
    assert learned(anny, CAMERA, blind.evidence) == []


def test_another_model_gets_the_bones_that_the_network_saw(learned: LearnedInitializer, anny: HandModel) -> None:
    """A model with another shape space that means the same: half as wide, its betas are twice as large."""
    half = replace(
        anny, name="half", shape_basis=0.5 * anny.shape_basis, joints_shape_basis=0.5 * anny.joints_shape_basis
    )
    scene = scene_of(anny)
    given = given_of(scene, evidence_of(scene, depth=True))
    own, other = learned.begin(given), learned.begin(replace(given, model=half, landmarks=half.landmarks))
    lengths = [model.hand_length(begun.starts[0].state.betas) for model, begun in ((anny, own), (half, other))]
    assert torch.equal(own.starts[0].state.rotations, other.starts[0].state.rotations)
    assert float((lengths[0] / lengths[1]).log().abs()) < 0.1


def test_shape_is_the_mean_of_the_frames_that_count() -> None:
    betas = torch.arange(6, dtype=torch.float64).reshape(3, 2)
    confidence = torch.tensor([[1.0], [0.5], [1.0]], dtype=torch.float64).expand(3, 21)
    shape = shared_shape(betas, confidence, torch.tensor([True, True, False]))
    assert torch.allclose(shape, (betas[0] + 0.5 * betas[1]) / 1.5)


def test_pictures_of_the_footage_are_seen(learned: LearnedInitializer, anny: HandModel) -> None:
    """Another picture, another guess."""
    scene = scene_of(anny)
    given = given_of(scene, evidence_of(scene, depth=True))
    seeing = replace(learned, pictures=True)
    without = seeing.begin(given)
    clips = [plain_clip(shade) for shade in (40, 200)]
    dark, bright = (seeing.begin(replace(given, footage=Footage(clip, CAMERA))).starts[0].state for clip in clips)
    assert torch.equal(without.starts[0].state.rotations, learned.begin(given).starts[0].state.rotations)
    assert not torch.equal(dark.rotations, bright.rotations)
