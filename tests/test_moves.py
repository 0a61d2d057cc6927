"""What a hand's next detection costs: nothing where it goes on as it went, much as another hand's pose."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fitter.observe.detections import gathered
from fitter.observe.moves import JOIN_GAP_S, MOST_CHANGED, MOST_MOVED, OUT_OF_REACH, change_of_pose, move, velocity
from fitter.observe.observations import Detection
from fitter.observe.pieces import Piece
from tests.moving_hands import seen_at

TIME_S = np.arange(200) / 30
STEP_PX = 4.0


def piece_of(first: int, hands: Sequence[Detection]) -> Piece:
    """A hand's detections in frames that follow each other."""
    return Piece(tuple(range(first, first + len(hands))), gathered([[hand] for hand in hands]).some(range(len(hands))))


def passing(start: int, stop: int, y: float = 280.0) -> Piece:
    """A right hand that goes to the right by STEP_PX a frame."""
    return piece_of(start, [seen_at(100 + STEP_PX * frame, y) for frame in range(start, stop)])


@pytest.mark.parametrize("gap", [1, 6, 15])
def test_a_hand_that_goes_on_costs_no_more_than_its_gap(gap: int) -> None:
    costs = [move(passing(0, 20), passing(19 + gap, 30 + gap, y), TIME_S) for y in (280.0, 300.0, 380.0)]
    assert costs == sorted(costs) and costs[1] < costs[2]
    assert costs[0] == pytest.approx(0.0) if gap == 1 else 0.0 < costs[0] < MOST_MOVED


def test_what_costs_most() -> None:
    assert move(passing(0, 20), passing(20, 30, y=380.0), TIME_S) == pytest.approx(MOST_MOVED + OUT_OF_REACH)
    late = 20 + int(JOIN_GAP_S * 30)
    assert move(passing(0, 20), passing(late, late + 5, y=20.0), TIME_S) == 0.0


def as_other_hand(detection: Detection) -> Detection:
    """The mirror image of a hand in its place, without its name."""
    points = detection.keypoints_px
    flipped = points * [-1.0, 1.0]
    return replace(detection, keypoints_px=flipped + (points - flipped).mean(axis=0))


@pytest.mark.parametrize("gap", [1, 10])
def test_another_pose_in_the_same_place_is_another_hand(gap: int) -> None:
    same = passing(19 + gap, 30 + gap)
    other = piece_of(19 + gap, [as_other_hand(each) for each in same.detections])
    extra = move(passing(0, 20), other, TIME_S) - move(passing(0, 20), same, TIME_S)
    assert extra == pytest.approx(MOST_CHANGED) if gap == 1 else 1.0 < extra <= MOST_CHANGED


def test_the_pose_is_the_same_wherever_and_however_large() -> None:
    here, there = seen_at(100, 100), seen_at(400, 150)
    assert change_of_pose(here, there, 0.1) == pytest.approx(0.0)
    bent = replace(here, keypoints_px=here.keypoints_px * [1.0, 0.9])
    twice, bent_twice = (replace(each, keypoints_px=2.0 * each.keypoints_px) for each in (here, bent))
    assert 0.0 < change_of_pose(here, bent, 0.1) == pytest.approx(change_of_pose(twice, bent_twice, 0.1))


def test_hands_that_share_no_joint_have_no_pose_to_compare() -> None:
    one, other = seen_at(100, 100), as_other_hand(seen_at(100, 100))
    seen = np.arange(21) < 10
    one, other = (replace(each, confidence=np.where(part, 0.9, 0.0)) for each, part in ((one, seen), (other, ~seen)))
    assert change_of_pose(one, other, 0.1) == 0.0
    assert np.isfinite(move(piece_of(0, [one]), piece_of(1, [other]), TIME_S))


def test_the_velocity_is_that_of_the_last_frames() -> None:
    assert velocity(passing(0, 20), TIME_S) == pytest.approx([30 * STEP_PX, 0.0])
    assert velocity(passing(0, 1), TIME_S).tolist() == [0.0, 0.0]
