"""The demo clip: the picture agrees with its truth, both sides mirror, everything follows from the seed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.clip import Clip
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_axis_angle
from fitter.hand.parameters import HandParameters, pose_hand
from fitter.observe.observations import Side
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.truth import SyntheticTruth

FRAMES, SIZE = 40, (320, 240)


def clip(model: HandModel, seed: int = 0, side: Side = "right") -> DemoClip:
    return make_demo_clip(model, seed, n_frames=FRAMES, size=SIZE, side=side)


def test_the_hand_is_where_the_truth_says(anny: HandModel) -> None:
    made = clip(anny)
    blank = made.sensor.expose(made.background, np.random.default_rng(0)).astype(int)
    screen = to_screen(made.truth.camera, torch.from_numpy(made.truth.vertices_m[20:21]))
    covered = ZBuffer().rasterize(screen, anny.faces.int(), SIZE).covered[0].numpy()
    different = np.abs(made.still(20).astype(int) - blank).max(-1) > 24  # well above the sensor's noise
    assert covered.sum() > 2000
    assert different[covered].mean() > 0.8  # where the background happens to be skin-coloured it is not seen
    assert different[: covered.any(1).argmax() - 3].mean() < 0.01  # nothing above the highest fingertip


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_parameters_reproduce_vertices_and_joints(anny: HandModel, side: Side) -> None:
    truth = clip(anny, 1, side).truth
    pose, translation = torch.from_numpy(truth.pose), torch.from_numpy(truth.translation_m)
    sign = torch.tensor([1.0, 1.0, 1.0] if side == "right" else [-1.0, 1.0, 1.0], dtype=torch.float64)
    if side == "left":
        pose = mirror_axis_angle(pose.unflatten(-1, (16, 3))).flatten(-2)
    posed = pose_hand(anny, HandParameters(pose, torch.from_numpy(truth.betas), translation * sign))
    assert np.allclose((posed.mesh().vertices * sign).numpy(), truth.vertices_m, atol=1e-9)
    assert np.allclose((posed.joints * sign).numpy(), truth.joints_m, atol=1e-9)
    pixels = truth.camera.project(torch.from_numpy(truth.joints_m)).numpy()
    assert np.allclose(pixels, truth.keypoints_px)


def test_a_left_hand_is_the_mirror_image_of_the_right_one(anny: HandModel) -> None:
    right, left = clip(anny).truth, clip(anny, side="left").truth
    assert np.allclose(right.joints_m * [-1, 1, 1], left.joints_m)
    assert np.allclose(SIZE[0] - right.keypoints_px[..., 0], left.keypoints_px[..., 0])


def test_frames_follow_from_the_seed_in_any_order(anny: HandModel) -> None:
    one: Clip = clip(anny, 3)  # the type checker proves that it is a Clip
    two = clip(anny, 3)
    later = one.still(7)
    assert (later == list(two.frames())[7]).all()
    assert one.n_frames == FRAMES and later.shape == (240, 320, 3) and later.dtype == np.uint8
    assert (one.still(8) != later).any() and (clip(anny, 4).still(7) != later).any()


def test_the_hand_is_in_the_picture_and_in_front(anny: HandModel) -> None:
    for seed in range(4):
        truth = make_demo_clip(anny, seed, n_frames=150).truth
        assert truth.joints_m[..., 2].min() > 0.15
        inside = (truth.keypoints_px > 0) & (truth.keypoints_px < [640, 480])
        assert inside.all(-1).mean() > 0.95
        assert np.abs(truth.betas).max() < 3.0


def test_truth_is_saved_and_loaded_exactly(anny: HandModel, tmp_path: Path) -> None:
    truth = clip(anny, 2, "left").truth
    truth.save(tmp_path / "truth.npz")
    loaded = SyntheticTruth.load(tmp_path / "truth.npz")
    assert (loaded.side, loaded.fps, loaded.camera) == (truth.side, truth.fps, truth.camera)
    for name in ("betas", "pose", "translation_m", "joints_m", "keypoints_px", "vertices_m", "faces"):
        assert (getattr(loaded, name) == getattr(truth, name)).all()


def test_something_else_is_no_truth_file(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", side="left")
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(InputError, match=name):
            SyntheticTruth.load(tmp_path / name)
