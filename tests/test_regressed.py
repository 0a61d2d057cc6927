"""From a regressor's crop to the clip's camera: the true depth with the true focal length, sides, gaps, strangers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel, PosedHand
from fitter.initialise.hamer_file import read_hamer
from fitter.initialise.regressed import RegressedHands, translation_to
from fitter.observe.evidence import Evidence
from fitter.observe.observations import Side
from fitter.state import State
from tests.simulated_regressor import CROP_PX, DEMO_FOCAL_PX, hamer_arrays, with_full_camera, write_npz
from tests.toy_problem import evidence_of, random_state, toy_scene

T, SIZE = 8, (1280, 720)
CAMERA = Camera(900.0, 900.0, 640.0, 360.0, *SIZE)


def evidence() -> Evidence:
    return evidence_of(toy_scene(T), 0, noise_px=0.0, missing=0.0)


def posed(model: HandModel) -> PosedHand:
    state = random_state(model, T, seed=0)
    return model.with_shape(0.5 * state.betas).with_pose(state.rotations, state.wrist)


def hands(folder: Path, hand: PosedHand, side: Side = "right", full: bool = False) -> RegressedHands:
    arrays = hamer_arrays(hand, CAMERA, side)
    file = write_npz(folder / "hamer.npz", with_full_camera(arrays, SIZE) if full else arrays)
    return read_hamer(file, T, SIZE)


def start(model: HandModel, found: RegressedHands, side: Side = "right", camera: Camera = CAMERA) -> State:
    (only,) = found.of_side(side)(model, camera, evidence())
    assert only.name == "regressor"
    return only.state


@pytest.mark.parametrize("full", [False, True])
def test_the_true_focal_length_gives_the_true_distance(anny: HandModel, tmp_path: Path, full: bool) -> None:
    """The demo's own translation puts this hand forty times as far away, at its focal length of 25000 px."""
    hand = posed(anny)
    found = hands(tmp_path, hand, full=full)
    state = start(anny, found)
    depth, true = state.wrist[:, 2], hand.joints[:, 0, 2]
    # In proportion to the hand's size, which ratios of bones do not tell.
    size = float(anny.hand_length(state.betas) / anny.hand_length(hand.shaped.betas))
    assert float((depth / size / true - 1.0).abs().max()) < 0.03
    joints = anny.with_shape(state.betas).with_pose(state.rotations, state.wrist).joints
    moved_px = (CAMERA.project(joints) - CAMERA.project(hand.joints)).norm(dim=-1)
    assert float(moved_px.mean()) < 8.0  # the hand spans 250
    if full:
        assert float(found.translation_m[:, 2].min()) > 8.0
        assert float(found.focal_px[0]) == DEMO_FOCAL_PX / CROP_PX * SIZE[0]


def test_distance_grows_with_the_focal_length(anny: HandModel, tmp_path: Path) -> None:
    found = hands(tmp_path, posed(anny))
    near, far = (start(anny, found, camera=CAMERA.scaled(s)).wrist[:, 2].mean() for s in (1.0, 2.0))
    assert float(far / near) == pytest.approx(2.0, rel=0.02)


def test_rotations_are_the_files_and_the_left_is_the_mirrored_right(anny: HandModel, tmp_path: Path) -> None:
    hand = posed(anny)
    right, left = (start(anny, hands(tmp_path, hand, side), side) for side in ("right", "left"))
    assert torch.allclose(right.rotations, hand.rotations, atol=1e-6)
    assert torch.allclose(left.rotations, right.rotations, atol=1e-9)
    assert torch.allclose(left.wrist, right.wrist, atol=1e-6)


def test_the_same_camera_gives_the_translation_back() -> None:
    rng = np.random.default_rng(0)
    points, translation = 0.1 * rng.standard_normal((5, 21, 3)), rng.uniform(0.2, 0.9, (5, 3))
    placed = points + translation[:, None]
    pixels = CAMERA.project(torch.from_numpy(placed)).numpy()
    assert np.allclose(translation_to(pixels, points, CAMERA), translation)


def test_missing_frames_are_bridged_and_strangers_left_out(anny: HandModel, tmp_path: Path) -> None:
    found = hands(tmp_path, posed(anny))
    whole = start(anny, found)
    gap = start(anny, found.rows(found.frame != 3))
    assert torch.allclose(gap.wrist[3], whole.wrist[[2, 4]].mean(0), atol=1e-9)
    stranger = found.translation_m + [1.0, 0.0, 0.0]
    both = RegressedHands(
        np.concatenate([found.frame, found.frame]),
        np.concatenate([found.right, found.right]),
        np.concatenate([found.rotations, found.rotations]),
        np.concatenate([found.betas, found.betas]),
        np.concatenate([stranger, found.translation_m]),
        np.concatenate([found.focal_px, found.focal_px]),
        SIZE,
        None if found.joints is None else np.concatenate([found.joints, found.joints]),
    )
    assert torch.allclose(start(anny, both).trajectory, whole.trajectory, atol=1e-9)


def test_betas_are_manos_own_or_come_from_the_bones(anny: HandModel, tmp_path: Path) -> None:
    hand = posed(anny)
    found = hands(tmp_path, hand)
    ten = replace(
        anny,
        name="mano",
        shape_basis=anny.shape_basis[..., :10],
        joints_shape_basis=anny.joints_shape_basis[..., :10],
    )
    wild = found.betas.copy()
    wild[:] = np.linspace(-1.0, 1.0, 10)
    wild[2] = 30.0
    assert np.allclose(start(ten, replace(found, betas=wild)).betas, np.linspace(-1.0, 1.0, 10))
    assert not start(anny, replace(found, joints=None)).betas.any()
    assert start(anny, found).betas.any()


def test_noise_of_rotations_stays_what_it_is(anny: HandModel, tmp_path: Path) -> None:
    hand = posed(anny)
    arrays = hamer_arrays(hand, CAMERA, noise_rad=0.15)
    state = start(anny, read_hamer(write_npz(tmp_path / "noisy.npz", arrays), T, SIZE))
    turned = rotation.log(state.rotations.mT @ hand.rotations).norm(dim=-1)
    assert 0.15 < float(turned.mean()) < 0.35  # the mean norm of three such angles is 0.24
