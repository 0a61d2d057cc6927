"""The overlay is drawn where the hand is, in both sides' tints, and only where there is a hand."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.visualize.overlay import DrawnHand, OverlayStyle, draw_frame, to_frame_pixels, write_overlay
from tests.toy_hand import toy_hand

CAMERA = Camera(fx=400.0, fy=400.0, cx=160.0, cy=120.0, width=320, height=240)
MESH_ONLY = OverlayStyle(skeleton=False, caption=False)
GREY = np.full((240, 320, 3), 128, np.uint8)
FRAMES = 4


def drawn_hand() -> DrawnHand:
    """A right hand, palm to the camera, fingers up, moving right by 2 cm per frame."""
    model = toy_hand()
    upright = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    rotations = torch.eye(3, dtype=torch.float64).repeat(FRAMES, 16, 1, 1)
    rotations[:, 0] = upright
    wrist = torch.tensor([[-0.04 + 0.02 * t, 0.07, 0.45] for t in range(FRAMES)], dtype=torch.float64)
    posed = model.with_shape(torch.zeros(1, dtype=torch.float64)).with_pose(rotations, wrist)
    everywhere = np.ones(FRAMES, dtype=bool)
    vertices, joints = posed.mesh().vertices.float().numpy(), posed.joints.float().numpy()
    return DrawnHand("right", vertices, joints, model.faces.numpy(), everywhere, everywhere)


def mirrored(hand: DrawnHand) -> DrawnHand:
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return replace(hand, side="left", vertices_m=hand.vertices_m * flip, joints_m=hand.joints_m * flip)


def changed(picture: np.ndarray) -> np.ndarray:
    return (picture != GREY).any(-1)


def test_the_mesh_covers_the_projected_hand_and_nothing_else() -> None:
    hand = drawn_hand()
    mask = changed(draw_frame(GREY, [hand], 1, CAMERA, MESH_ONLY))
    pixels = to_frame_pixels(hand.vertices_m[1], CAMERA)[:, :2]
    joints = to_frame_pixels(hand.joints_m[1], CAMERA)[:, :2].astype(int)
    assert mask[joints[:, 1], joints[:, 0]].all()
    rows, columns = np.nonzero(mask)
    assert abs(rows.min() - pixels[:, 1].min()) < 1.5 and abs(rows.max() + 1 - pixels[:, 1].max()) < 1.5
    assert abs(columns.min() - pixels[:, 0].min()) < 1.5 and abs(columns.max() + 1 - pixels[:, 0].max()) < 1.5


def test_a_left_hand_is_the_mirror_image_in_another_tint() -> None:
    hand = drawn_hand()
    right = draw_frame(GREY, [hand], 0, CAMERA, MESH_ONLY)
    left = draw_frame(GREY, [mirrored(hand)], 0, CAMERA, MESH_ONLY)
    agree = changed(right) == changed(left)[:, ::-1]
    assert agree.mean() > 0.999  # pixel centres on an edge fall to the other side
    assert np.abs(right[changed(right)].mean(0) - left[changed(left)].mean(0)).max() > 20


def test_frames_without_the_hand_are_untouched_and_bridged_ones_lighter() -> None:
    hand = drawn_hand()
    present = np.array([True, True, False, True])
    observed = np.array([True, False, False, True])
    vertices = hand.vertices_m.copy()
    vertices[3] = np.nan
    hand = replace(hand, present=present, observed=observed, vertices_m=vertices)
    pictures = [draw_frame(GREY, [hand], t, CAMERA, OverlayStyle(caption=False)) for t in range(FRAMES)]
    assert not changed(pictures[2]).any() and not changed(pictures[3]).any()
    strength = [np.abs(pictures[t].astype(int) - 128)[changed(pictures[t])].mean() for t in (0, 1)]
    assert 0 < strength[1] < 0.7 * strength[0]


def test_the_input_frame_is_left_as_it_was() -> None:
    frame = GREY.copy()
    draw_frame(frame, [drawn_hand()], 0, CAMERA)
    assert (frame == 128).all()


def test_the_skeleton_and_caption_are_drawn_on_request() -> None:
    hand = drawn_hand()
    hand = replace(
        hand, vertices_m=hand.vertices_m + np.array([0.0, 0.0, -1.0], np.float32)
    )  # the mesh behind the lens
    assert not changed(draw_frame(GREY, [hand], 0, CAMERA, MESH_ONLY)).any()
    lines = changed(draw_frame(GREY, [hand], 0, CAMERA, OverlayStyle(caption=False)))
    joints = to_frame_pixels(hand.joints_m[0], CAMERA)[:, :2].astype(int)
    assert lines[joints[:, 1], joints[:, 0]].all() and 300 < lines.sum() < 8000
    corner = changed(draw_frame(GREY, [hand], 0, CAMERA, OverlayStyle(skeleton=False)))
    assert corner[220:, :60].any() and not corner[:180].any()


@pytest.mark.parametrize(
    "shift", [(0.3, 0.0, 0.0), (0.0, -0.2, 0.0), (5.0, 0.0, 0.0), (0.0, 0.0, -0.47), (0.0, 0.0, -1.0)]
)
def test_a_hand_that_leaves_the_picture_or_reaches_behind_the_lens_is_drawn_as_far_as_it_goes(
    shift: tuple[float, float, float],
) -> None:
    hand = drawn_hand()
    offset = np.array(shift, np.float32)
    moved = replace(hand, vertices_m=hand.vertices_m + offset, joints_m=hand.joints_m + offset)
    picture = draw_frame(GREY, [moved, hand], 0, CAMERA)
    assert (changed(picture) >= changed(draw_frame(GREY, [hand], 0, CAMERA, MESH_ONLY))).all()


def test_lens_distortion_moves_the_drawing() -> None:
    hand = drawn_hand()
    wide = replace(CAMERA, distortion=(-0.3, 0.1, 0.0, 0.0))
    joints = to_frame_pixels(hand.joints_m[3], CAMERA)[:, :2]
    bent = to_frame_pixels(hand.joints_m[3], wide)[:, :2]
    assert np.allclose(bent, wide.distort(joints)) and np.abs(bent - joints).max() > 2
    mask = changed(draw_frame(GREY, [hand], 3, wide, MESH_ONLY))
    pixels = wide.distort(to_frame_pixels(hand.vertices_m[3], CAMERA)[:, :2])
    assert abs(np.nonzero(mask.any(1))[0].min() - pixels[:, 1].min()) < 1.5


def test_the_video_has_every_frame_and_streams_them(tmp_path: Path) -> None:
    hand = drawn_hand()
    path = tmp_path / "overlay.mp4"
    write_overlay(path, (GREY for _ in range(FRAMES)), [hand, mirrored(hand)], CAMERA, 25.0)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    expected = [draw_frame(GREY, [hand, mirrored(hand)], t, CAMERA) for t in range(FRAMES)]
    assert len(frames) == FRAMES
    assert max(np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(frames, expected, strict=True)) < 4


@pytest.mark.parametrize(("count", "message"), [(FRAMES + 1, "more frames"), (FRAMES - 1, "3 frames, expected 4")])
def test_a_clip_of_another_length_is_named(tmp_path: Path, count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_overlay(tmp_path / "overlay.mp4", (GREY for _ in range(count)), [drawn_hand()], CAMERA, 25.0)
    assert not list(tmp_path.iterdir())
