"""Further looks: what is seen in a crop comes back to the frame, mirrored sides included; agreement makes trust."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.observe.augment import CROP_PX, DISAGREEMENT, LOOKS, Look, combined, crop_around, seen_in_frame
from fitter.observe.observations import Detection
from fitter.observe.pieces import hand_extent
from tests.moving_hands import seen_at


def through(hand: Detection, matrix: np.ndarray, flip: bool, look: Look) -> Detection:
    """What a perfect landmarker sees in the crop: the same points, depth in its scale, 3D turned along."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    assert hand.depth_px is not None and hand.landmarks_m is not None
    turned = hand.landmarks_m[:, :2] @ (matrix[:, :2] / scale).T
    return replace(
        hand,
        keypoints_px=hand.keypoints_px @ matrix[:, :2].T + matrix[:, 2],
        depth_px=hand.depth_px * scale,
        landmarks_m=np.column_stack([turned, hand.landmarks_m[:, 2]]),
        side="left" if flip else "right",
    )


@pytest.mark.parametrize("look", LOOKS)
def test_there_and_back(look: Look):
    hand = seen_at(300, 250)
    crop, matrix = crop_around(hand, np.zeros((480, 640, 3), dtype=np.uint8), look)
    inside = through(hand, matrix, look.flip, look)
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert (inside.keypoints_px > 0).all() and (inside.keypoints_px < CROP_PX).all()
    up = inside.keypoints_px[9] - inside.keypoints_px[0]
    angle = np.rad2deg(np.arctan2(up[0], -up[1]))  # of wrist to middle knuckle, clockwise from upright
    assert angle == pytest.approx(look.turn_deg, abs=1e-6)
    back = seen_in_frame(inside, matrix)
    assert back.side == "right"
    np.testing.assert_allclose(back.keypoints_px, hand.keypoints_px, atol=1e-9)
    np.testing.assert_allclose(back.depth_px, hand.depth_px, atol=1e-9)  # type: ignore[arg-type]
    np.testing.assert_allclose(back.landmarks_m, hand.landmarks_m, atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[1]])
def test_pixels_move_with_the_matrix(look: Look):
    """A white square centred on a pixel position is found in the crop where the matrix puts it."""
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    frame[195:205, 315:325] = 255  # centred at (320, 200): pixel centres at +0.5
    crop, matrix = crop_around(seen_at(300, 250), frame, look)
    weight = crop[..., 0].astype(float)
    rows, columns = np.mgrid[:CROP_PX, :CROP_PX] + 0.5
    centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(centre, matrix[:, :2] @ [320, 200] + matrix[:, 2], atol=0.05)


def test_looks_are_different_and_balanced():
    assert len(set(LOOKS)) >= 9 and len(LOOKS) == 11
    assert sum(look.flip for look in LOOKS) == 6


def test_agreement_keeps_confidence_and_spread_lowers_it():
    hand = seen_at(300, 250)
    assert combined(hand, []) is hand
    np.testing.assert_allclose(combined(hand, [hand, hand]).confidence, hand.confidence)
    offset = np.zeros((21, 2))
    offset[8] = 2 * DISAGREEMENT * hand_extent(hand)  # the mean of both is off by half: one standard deviation
    both = combined(hand, [replace(hand, keypoints_px=hand.keypoints_px + offset)])
    np.testing.assert_allclose(both.keypoints_px[8], hand.keypoints_px[8] + offset[8] / 2)
    np.testing.assert_allclose(both.confidence[8], hand.confidence[8] / 2)
    np.testing.assert_allclose(np.delete(both.confidence, 8), np.delete(hand.confidence, 8))


def test_side_is_a_vote_of_the_looks():
    right, left = seen_at(300, 250, score=0.9), replace(seen_at(300, 250, score=0.6), side="left")
    assert combined(right, [left, right]).side == "right"
    assert combined(right, [left, left]).side == "left"
    assert combined(right, [left]).side_score == pytest.approx(0.15)
