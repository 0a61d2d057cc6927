"""A dressed hand is drawn where the hand is, in its own light and gain, and a left one is the mirror image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.render.shading import SH_CONSTANT
from fitter.visualize.dressed import DressedHand, draw_dressed, dressed_mesh
from fitter.visualize.overlay import to_frame_pixels
from tests.dressed_hand import CAMERA, TEXELS, appearance, dressed_hand, mirrored

WIDE = replace(CAMERA, distortion=(-0.3, 0.1, 0.01, 0.02))


def layer_of(*hands: DressedHand, frame: int = 0, camera=CAMERA) -> np.ndarray:
    """The layer in the whole frame."""
    whole = np.zeros((camera.height, camera.width, 4), np.float32)
    found = draw_dressed(hands, dressed_mesh(hands), frame, camera)
    if found is not None:
        layer, (left, top, right, bottom) = found
        whole[top:bottom, left:right] = layer
    return whole


def evenly_lit(hand: DressedHand, albedo: float) -> DressedHand:
    lighting = torch.zeros(9, 3)
    lighting[0] = 1.0 / SH_CONSTANT
    worn = replace(hand.appearance, albedo=torch.full((TEXELS, TEXELS, 3), albedo), lighting=lighting)
    return replace(hand, appearance=worn)


@pytest.mark.parametrize("camera", [CAMERA, WIDE], ids=["pinhole", "distorted"])
def test_it_covers_the_projected_hand_and_nothing_else(camera) -> None:
    hand = dressed_hand()
    rows, columns = np.nonzero(layer_of(hand, frame=1, camera=camera)[..., 3])
    pixels = to_frame_pixels(hand.drawn.vertices_m[1], camera)[:, :2]
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(found - np.concatenate([pixels.min(0), pixels.max(0)])).max() < 1.5


def test_colour_is_gain_times_albedo_times_light() -> None:
    """The gain is the frame's own, the light that of its first harmonic: 1."""
    hand = evenly_lit(dressed_hand(), 0.4)
    gain = torch.tensor([[1.0, 1.0, 1.0], [0.5, 1.0, 1.5], [1.0, 1.0, 1.0]])
    layer = layer_of(replace(hand, appearance=replace(hand.appearance, gain=gain)), frame=1)
    inside = layer[layer[..., 3] == 1.0]
    assert len(inside) > 3000 and np.allclose(inside[:, :3], [0.2, 0.4, 0.6], atol=1e-5)


def test_implausible_light_is_not_negative() -> None:
    hand = dressed_hand()
    layer = layer_of(replace(hand, appearance=replace(hand.appearance, lighting=torch.full((9, 3), -1.0))))
    assert layer[..., :3].min() == 0.0 and layer[layer[..., 3] == 1.0].min() > 0.0


def test_a_left_hand_is_the_mirror_image_in_texture_and_light() -> None:
    hand = dressed_hand()
    right, left = layer_of(hand), layer_of(mirrored(hand), camera=CAMERA.mirrored())
    same = (np.abs(left[:, ::-1] - right) < 0.01).all(axis=-1)
    assert same.mean() > 0.998  # samples on an edge fall to the other side
    unmirrored = replace(mirrored(hand), appearance=hand.appearance)
    wrong = layer_of(unmirrored, camera=CAMERA.mirrored())
    covered = right[..., 3] == 1.0
    assert np.abs(wrong[:, ::-1] - right)[covered].mean() > 0.03  # the lamp would come from the wrong side


def test_a_hand_that_is_not_there_leaves_the_other_as_it_is() -> None:
    hand = dressed_hand()
    other = mirrored(hand)
    gone = other.drawn.vertices_m.copy()
    gone[1] = np.nan
    absent = replace(other, drawn=replace(other.drawn, vertices_m=gone, present=np.array([True, False, True])))
    assert np.array_equal(layer_of(absent, hand, frame=1), layer_of(hand, frame=1))
    assert draw_dressed([absent], dressed_mesh([absent]), 1, CAMERA) is None
    assert layer_of(absent, hand, frame=0)[..., 3].sum() > layer_of(hand, frame=0)[..., 3].sum()


def test_the_nearer_hand_hides_the_other() -> None:
    hand = dressed_hand()
    near = replace(hand, drawn=replace(hand.drawn, vertices_m=hand.drawn.vertices_m * np.float32(0.8)))
    white, black = evenly_lit(near, 1.0), evenly_lit(hand, 0.0)
    for hands in ((white, black), (black, white)):
        layer = layer_of(*hands)
        assert np.allclose(layer[layer[..., 3] == 1.0], 1.0, atol=1e-5)


@pytest.mark.parametrize("shift", [(0.3, 0, 0), (0, -0.2, 0), (5.0, 0, 0), (0, 0, -0.47), (0, 0, -1.0)])
def test_a_hand_that_leaves_the_picture_or_reaches_behind_the_lens_is_drawn_as_far_as_it_goes(shift) -> None:
    hand = dressed_hand()
    moved = replace(hand.drawn, vertices_m=hand.drawn.vertices_m + np.array(shift, np.float32))
    layer = layer_of(replace(hand, drawn=moved, appearance=appearance()))
    assert np.isfinite(layer).all() and layer[..., 3].max() <= 1.0 + 1e-6
