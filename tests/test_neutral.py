"""Neutral starts: named poses on the keypoints, within natural ranges, and palms turned over where they look alike."""

from dataclasses import replace

import pytest
import torch

from fitter import rotation
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD
from fitter.initialise.neutral import neutral_poses, neutral_starts, turned_over
from fitter.observe.evidence import PALM_POINTS
from tests.toy_problem import CAMERA, evidence_of, toy_scene


@pytest.mark.parametrize("depth", [True, False])
def test_poses_are_turned_over_where_nothing_tells_the_sides_apart(depth: bool) -> None:
    scene = toy_scene(6)
    evidence = evidence_of(scene, seed=0)
    if not depth:
        evidence = replace(evidence, depth_weight=torch.zeros_like(evidence.depth_weight))
    starts = neutral_starts(scene.model, CAMERA, evidence)
    each = ["open", "half open", "fist"]
    assert [start.name for start in starts] == (
        each if depth else [name for pose in each for name in (pose, f"{pose}, turned over")]
    )
    for start in starts:
        assert bool(torch.isfinite(start.state.trajectory).all())
        assert start.state.n_frames == 6


def test_poses_are_natural_and_close_the_hand_step_by_step() -> None:
    poses = neutral_poses()
    for angles in poses.values():
        assert bool((angles <= torch.from_numpy(HIGHEST_RAD)).all() and (angles >= torch.from_numpy(LOWEST_RAD)).all())
    flexion = [float(angles[:12, 2].mean()) for angles in poses.values()]
    assert flexion[0] == 0.0 < flexion[1] < flexion[2]


def test_a_palm_turned_over_looks_the_same_from_afar() -> None:
    scene = toy_scene(6)
    far = scene.state.trajectory.clone()
    far[:, 2] += 5.0  # 150 times as far: weak perspective
    tilted = rotation.exp(torch.tensor([0.7, 0.0, 0.0]).double()) @ scene.state.rotations[:, :1]
    rotations = torch.cat([tilted, scene.state.rotations[:, 1:]], dim=1)
    state = replace(scene.state, rotations=rotations, trajectory=far, betas=0 * scene.state.betas)
    over = turned_over(state)
    assert torch.allclose(torch.linalg.det(over.rotations[:, 0]), torch.ones(6, dtype=torch.float64))
    palm = list(PALM_POINTS)
    before, after = (scene.with_state(each).posed.joints[:, palm] for each in (state, over))
    span = (CAMERA.project(before)[:, 0] - CAMERA.project(before)[:, 2]).norm(dim=-1).max()
    moved = (CAMERA.project(before) - CAMERA.project(after)).norm(dim=-1).max()
    assert float(moved) < 0.01 * float(span)
    turned = rotation.log(state.rotations[:, 0].mT @ over.rotations[:, 0]).norm(dim=-1)
    assert float(turned.max()) > 1.0  # twice the tilt
    assert torch.allclose(turned_over(over).rotations, state.rotations, atol=1e-12)
