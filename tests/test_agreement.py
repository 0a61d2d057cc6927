"""Masks against keypoints and mesh: which belong, which agree, and why the others do not."""

import numpy as np
import pytest
import torch

from fitter.observe.agreement import (
    REASONS,
    belonging,
    beyond_wrist,
    consistent,
    keypoint_share,
    near,
)

SIZE = 96


def flat_hand(scale: float = 1.0) -> torch.Tensor:
    """(1, 21, 2): fingers up, the wrist below, in window pixels."""
    points = [(48.0, 80.0)]
    for x, top in ((22.0, 40.0), (36.0, 14.0), (46.0, 10.0), (56.0, 14.0), (66.0, 22.0)):
        points += [(x, float(y)) for y in np.linspace(52.0, top, 4)]
    return (torch.tensor([points], dtype=torch.float64) - 48.0) * scale + 48.0


def mesh() -> torch.Tensor:
    """A palm and five fingers around `flat_hand`."""
    covered = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    covered[0, 46:84, 18:71] = True
    for x, top in ((22, 40), (36, 14), (46, 10), (56, 14), (66, 22)):
        covered[0, top - 4 : 50, x - 4 : x + 4] = True
    return covered


KEYPOINTS, MESH = flat_hand(), mesh()
BEYOND = beyond_wrist(KEYPOINTS, SIZE)
ALL = torch.ones(1, SIZE, SIZE, dtype=torch.bool)
SURE = torch.ones(1, 21, dtype=torch.float64)


def as_mask(hand: torch.Tensor) -> torch.Tensor:
    return hand.to(torch.uint8) * 255


def reason(hand: torch.Tensor, keypoints: torch.Tensor = KEYPOINTS, confidence: torch.Tensor = SURE) -> str:
    return REASONS[int(consistent(as_mask(hand), MESH, BEYOND, keypoints, confidence, ALL).reason[0])]


def shifted(by: int) -> torch.Tensor:
    return torch.roll(MESH, by, dims=2)


def test_the_forearm_lies_behind_the_wrist() -> None:
    assert BEYOND[0, 90].all() and BEYOND[0, 80, 48]  # the wrist joint itself is its border's neighbour
    assert not BEYOND[0, :60].any()
    turned = beyond_wrist(KEYPOINTS.flip(2), SIZE)  # x and y exchanged: the arm comes from the right
    assert torch.equal(turned[0], BEYOND[0].T)


def test_a_foreshortened_palm_leaves_the_knuckles_to_the_arm() -> None:
    pointing = KEYPOINTS.clone()
    pointing[..., 1] = 48.0 + (pointing[..., 1] - 48.0) * 0.05
    column, row = pointing[0, 5:18:4].mean(dim=0).long().tolist()
    assert beyond_wrist(pointing, SIZE)[0, row, column]
    upright = KEYPOINTS[0, 5:18:4].mean(dim=0).long().tolist()
    assert not BEYOND[0, upright[1], upright[0]]


def test_near_is_a_disc() -> None:
    point = np.zeros((21, 21), bool)
    point[10, 10] = True
    grown = near(point, 5.0)
    y, x = np.mgrid[:21, :21]
    assert np.abs(grown.astype(int) - (np.hypot(x - 10, y - 10) <= 5.0)).sum() <= 8  # the distance is approximate
    assert not near(np.zeros((4, 4), bool), 9.0).any()


def test_what_does_not_touch_the_mesh_goes() -> None:
    hand = MESH.clone()
    hand[0, 2:8, 86:94] = True  # a face in the corner
    assert torch.equal(belonging(as_mask(hand), MESH, BEYOND), as_mask(MESH))


def test_an_arm_stays_and_what_is_out_of_reach_goes() -> None:
    hand = MESH.clone()
    hand[0, 84:, 30:60] = True  # the forearm, to the window's border
    arm = hand.clone()
    hand[0, 50:56, 70:] = True  # another hand that touches
    kept = belonging(as_mask(hand), MESH, BEYOND)[0] > 0
    assert kept[arm[0]].all()
    assert kept[52, 75] and not kept[52, 90]  # reach is an eighth of the window, 12 pixels


def test_belonging_keeps_soft_borders_and_its_input() -> None:
    masks = as_mask(MESH) // 255 * 200
    before = masks.clone()
    assert torch.equal(belonging(masks, MESH, BEYOND), before) and torch.equal(masks, before)


def test_the_right_mask_agrees() -> None:
    assert reason(MESH) == "agrees"
    arm = MESH.clone()
    arm[0, 84:, 30:60] = True
    assert reason(arm) == "agrees"
    without_wrist = MESH & ~BEYOND
    assert reason(without_wrist) == "agrees"


@pytest.mark.parametrize(
    "hand, expected",
    [
        (torch.zeros_like(MESH), "shows no hand"),
        (shifted(12), "misses the keypoints"),
        (shifted(40), "misses the keypoints"),
        (ALL, "differs from the mesh"),
        (~MESH, "misses the keypoints"),
    ],
)
def test_wrong_masks_and_why(hand: torch.Tensor, expected: str) -> None:
    assert reason(hand) == expected


def test_reasons_are_counted_among_the_frames_asked_for() -> None:
    masks = torch.cat([as_mask(MESH), as_mask(ALL), torch.zeros(2, SIZE, SIZE, dtype=torch.uint8)])
    four = (torch.cat([each] * 4) for each in (MESH, BEYOND, KEYPOINTS, SURE, ALL))
    verdict = consistent(masks, *four)
    assert verdict.agrees.tolist() == [True, False, False, False]
    asked = torch.tensor([True, True, True, False])
    assert verdict.dropped(asked) == {"shows no hand": 1, "differs from the mesh": 1}
    assert verdict.dropped(torch.tensor([True, False, False, False])) == {}


def test_guesses_are_not_asked() -> None:
    guess, wild = SURE.clone(), KEYPOINTS.clone()
    wild[0, :8], guess[0, :8] = 2.0, 0.3
    assert reason(MESH, wild) == "misses the keypoints"
    assert reason(MESH, wild, guess) == "agrees"
    assert reason(MESH, wild, torch.zeros_like(SURE)) == "agrees"  # the mesh alone


def test_what_lies_outside_the_image_is_not_asked() -> None:
    inside = ALL.clone()
    inside[0, :, 60:] = False
    seen = MESH & inside
    whole = consistent(as_mask(seen), MESH, BEYOND, KEYPOINTS, SURE, ALL)
    partial = consistent(as_mask(seen), MESH, BEYOND, KEYPOINTS, SURE, inside)
    assert not whole.agrees and partial.agrees
    assert partial.overlap.item() == 1.0 and partial.keypoint_share.item() == 1.0


def test_a_tip_on_the_outline_is_looked_for_inside() -> None:
    keypoints = KEYPOINTS.clone()
    keypoints[0, 12, 1] = 3.5  # middle fingertip: 3 pixels above the mask's end, the joint before it 20 lower
    share = keypoint_share(MESH, ALL, keypoints, SURE > 0)
    assert share.item() == 1.0
    keypoints[0, 10, 0] = 90.0  # a knuckle off the hand has no such excuse
    assert keypoint_share(MESH, ALL, keypoints, SURE > 0).item() == pytest.approx(20 / 21)
