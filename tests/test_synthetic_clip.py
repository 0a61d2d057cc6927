"""The demo clip: the picture agrees with its truth, both sides mirror, everything follows from the seed;
a shutter blurs, and masks tell the hand from its arm.
"""

from dataclasses import replace
from pathlib import Path

import cv2
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
from priors.synthetic.clip import DemoClip, Part, make_demo_clip, motion_at
from priors.synthetic.difficulty import Difficulty
from priors.synthetic.motion import hand_motion
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


def test_an_open_shutter_blurs_what_moves_and_nothing_else(anny: HandModel) -> None:
    sharp, blurred = (make_demo_clip(anny, 4, 30, SIZE, difficulty=Difficulty(shutter)) for shutter in (0.0, 0.5))
    np.testing.assert_array_equal(sharp.truth.vertices_m, blurred.truth.vertices_m)
    hand = blurred.vertices_m[:, blurred.vertices_m.shape[1] // 2, : len(anny.template)]
    np.testing.assert_allclose(hand, sharp.truth.vertices_m, atol=1e-12)  # the shutter is centred on the frame's time
    speed = np.linalg.norm(np.diff(sharp.truth.keypoints_px, axis=0), axis=-1).mean(-1)
    fast = int(speed[1:-1].argmax()) + 1
    still_part = np.abs(blurred.light(fast) - sharp.light(fast)).max(-1) < 1e-6  # rounding of a mean of float32
    far_from_hand = ~cv2.dilate((sharp.parts(fast) > 0).astype(np.uint8), np.ones((41, 41))).astype(bool)
    assert still_part[far_from_hand].all() and not still_part[sharp.hand_mask(fast)].all()
    near = ~far_from_hand[1:]
    sharpness = [np.square(np.diff(clip.light(fast), axis=0))[near].sum() for clip in (sharp, blurred)]
    assert sharpness[1] < 0.9 * sharpness[0]


def test_blur_is_the_mean_light_of_the_moments(anny: HandModel) -> None:
    blurred = make_demo_clip(anny, 4, 6, SIZE, difficulty=Difficulty(0.5))
    moments = [
        replace(blurred, vertices_m=blurred.vertices_m[:, k : k + 1]).light(3)
        for k in range(blurred.vertices_m.shape[1])
    ]
    np.testing.assert_allclose(blurred.light(3), np.mean(moments, axis=0), atol=1e-6)
    assert np.abs(moments[0] - moments[-1]).max() > 0.05


def test_moments_follow_the_clips_own_motion(anny: HandModel) -> None:
    time_s, shaped = np.arange(20) / 30.0, anny.with_shape(torch.zeros(anny.n_betas).double())
    whole = hand_motion(np.random.default_rng(5), shaped, time_s)
    # At the frames' own times, two at once, the motion is the same.
    seen = motion_at(np.random.default_rng(5), shaped, time_s, np.stack([time_s, time_s], axis=1))
    np.testing.assert_allclose(seen.rotations[::2].numpy(), whole.rotations.numpy(), atol=1e-12)
    np.testing.assert_allclose(seen.wrist[1::2].numpy(), whole.wrist.numpy(), atol=1e-12)
    assert seen.gestures == whole.gestures


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_hand_mask_is_what_the_hand_alone_covers_but_for_its_arm(anny: HandModel, side: Side) -> None:
    made = clip(anny, 1, side)
    faces = anny.faces.int() if side == "right" else anny.faces.int().flip(-1)
    screen = to_screen(made.truth.camera, torch.from_numpy(made.truth.vertices_m[11:12]))
    alone = ZBuffer().rasterize(screen, faces, SIZE).covered[0].numpy()
    mask, parts = made.hand_mask(11), made.parts(11)
    assert not (mask & ~alone).any()
    assert ((alone & ~mask) <= (parts == Part.ARM)).all()
    assert mask.sum() > 0.9 * alone.sum()
    assert (parts == Part.ARM).sum() > 300 and (parts == Part.OCCLUDER).sum() == 0


def test_people_lights_and_backgrounds_differ_with_the_seed(anny: HandModel) -> None:
    made = [make_demo_clip(anny, seed, 1, SIZE) for seed in range(6)]
    tones = np.array([each.surfaces.texture.mean((0, 1)) for each in made])
    lights = np.array([each.lighting.numpy().ravel() for each in made])
    rooms = np.array([each.background.mean((0, 1)) for each in made])
    for drawn, least in ((tones, 0.02), (lights, 0.1), (rooms, 0.02)):
        apart = np.abs(drawn[:, None] - drawn[None]).max(-1) + np.eye(len(drawn))
        assert apart.min() > least
    assert len({each.sensor for each in made}) == len(made)


def test_a_difficult_clip_keeps_person_and_motion(anny: HandModel) -> None:
    plain, hard = (make_demo_clip(anny, 6, 4, SIZE, difficulty=d) for d in (None, Difficulty(0.4, 0.3, "desk")))
    np.testing.assert_array_equal(plain.truth.vertices_m, hard.truth.vertices_m)
    np.testing.assert_array_equal(plain.surfaces.texture, hard.surfaces.texture)
    np.testing.assert_array_equal(plain.lighting.numpy(), hard.lighting.numpy())
    assert (plain.sensor, plain.noise_seed) == (hard.sensor, hard.noise_seed)
    assert np.abs(plain.background - hard.background).mean() > 0.03
