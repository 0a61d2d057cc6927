"""Detections that jump or are cut off count less; steady ones, however fast the hand moves, count as before."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.observe.doubt import (
    CUT_OFF_RATIO,
    LEAST_TRUST,
    LOST,
    beyond_border,
    centred,
    doubted,
    steadiness,
    whole,
    without,
)
from fitter.observe.observations import Observations
from tests.moving_hands import SIZE, right_hand

FRAMES, FPS = 40, 30.0


def seen_moving(speed_px: float = 4.0, fps: float = FPS, turn_rad: float = 0.0, growth: float = 0.0) -> Observations:
    """A hand of constant confidence that moves, turns (per frame) and grows (per frame) steadily."""
    steps = np.arange(FRAMES)
    angles = turn_rad * steps
    turned = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], -1).reshape(-1, 2, 2)
    points = np.einsum("fij,pj->fpi", turned, right_hand()) * (1.0 + growth * steps)[:, None, None]
    points = points + [150.0, 300.0] + np.stack([speed_px * steps, 0.0 * steps], -1)[:, None]
    return Observations(
        source="mediapipe",
        side="right",
        time_s=steps / fps,
        image_size=SIZE,
        keypoints_px=points,
        confidence=np.full((FRAMES, 21), 0.9),
        depth_px=np.zeros((FRAMES, 21)),
        landmarks_m=np.zeros((FRAMES, 21, 3)),
    )


def shaken(seen: Observations, frames: range, by: float, joints: slice = slice(None)) -> Observations:
    """Some joints thrown off in some frames by a deviation in shares of the hand's extent."""
    points = seen.keypoints_px.copy()
    extent = np.linalg.norm(np.ptp(points[0], axis=0))
    noise = np.random.default_rng(0).normal(0.0, by * extent, points.shape)
    points[frames.start : frames.stop, joints] += noise[frames.start : frames.stop, joints]
    return replace(seen, keypoints_px=points)


@pytest.mark.parametrize(
    "motion",
    [
        seen_moving(0.0),
        seen_moving(6.0),
        seen_moving(0.0, turn_rad=np.radians(4.0)),  # 120 degrees per second
        seen_moving(0.0, growth=0.02),
        shaken(seen_moving(), range(FRAMES), by=0.004),  # as MediaPipe scatters about a hand in full view
    ],
)
def test_a_hand_that_moves_as_hands_do_is_believed_as_before(motion: Observations) -> None:
    np.testing.assert_array_equal(doubted(motion).confidence, motion.confidence)


def test_a_hand_that_jumps_counts_less_and_one_that_leaps_is_not_seen() -> None:
    seen = seen_moving()
    mild, wild = (doubted(shaken(seen, range(10, 20), by)) for by in (0.04, 0.3))
    within, beside = slice(12, 18), slice(26, 40)
    assert LOST * 0.9 < mild.confidence[within].mean() < 0.5 * 0.9 and mild.observed.all()
    assert not wild.observed[within].any()
    assert not wild.keypoints_px[within].any() and wild.landmarks_m is not None and not wild.landmarks_m[within].any()
    for each in (mild, wild):
        np.testing.assert_array_equal(each.confidence[beside], seen.confidence[beside])


def test_the_more_a_hand_jumps_the_less_it_counts() -> None:
    means = [steadiness(shaken(seen_moving(), range(FRAMES), by)).mean() for by in (0.0, 0.02, 0.04, 0.08)]
    assert means[0] == 1.0 and all(after < before for before, after in zip(means, means[1:], strict=False))


def test_the_joints_that_jump_count_less_than_the_others() -> None:
    finger = slice(17, 21)
    trust = steadiness(shaken(seen_moving(), range(10, 20), 0.08, finger))[12:18]
    assert trust[:, finger].mean() < 0.6 * trust[:, :17].mean()


def test_what_a_slow_camera_sees_is_not_held_against_the_hand() -> None:
    """At 10 frames per second a hand may bend as far from one frame to the next as a wrong detection at 30."""
    quick, slow = (steadiness(shaken(seen_moving(fps=fps), range(FRAMES), 0.03)).mean() for fps in (30.0, 10.0))
    assert quick < 0.7 < slow


def test_a_hand_cut_off_by_the_border_counts_less_all_over() -> None:
    steady = seen_moving(0.0)
    points = steady.keypoints_px.copy()
    points[20:, :, 0] -= points[20:, :, 0].min() + 30.0  # its thumb is out of the image
    cut = replace(steady, keypoints_px=points)
    share = beyond_border(cut).mean(axis=1)
    assert (share[:20] == 0.0).all() and 0.0 < share[20] < 0.5
    trust = doubted(cut).confidence / 0.9
    np.testing.assert_array_equal(trust[:15], 1.0)
    np.testing.assert_allclose(trust[25:], whole(share)[25:, None] * np.ones(21))
    np.testing.assert_allclose(whole(np.array([0.0, 0.25, 0.9])), [1.0, CUT_OFF_RATIO**-2, CUT_OFF_RATIO**-2])


def test_a_hand_that_is_almost_all_beyond_the_border_is_not_seen() -> None:
    steady = seen_moving(0.0)
    points = steady.keypoints_px.copy()
    points[30:, :, 0] -= 1000.0
    gone = doubted(replace(steady, keypoints_px=points))
    assert gone.observed.tolist() == [True] * 30 + [False] * 10


def test_guesses_are_better_than_nothing() -> None:
    """A clip of one bad hand is still a clip of a hand: it is doubted, and stays."""
    wild = shaken(seen_moving(), range(FRAMES), 0.5)
    kept = doubted(wild)
    assert kept.observed.all() and kept.confidence.max() < 0.9 and kept.confidence.min() >= 0.9 * LEAST_TRUST


@pytest.mark.parametrize("n_seen", [1, 2, 3])
def test_few_frames_say_nothing_about_steadiness(n_seen: int) -> None:
    seen = seen_moving()
    few = without(seen, np.arange(FRAMES) >= n_seen)
    assert few.observed.sum() == n_seen
    np.testing.assert_array_equal(doubted(few).confidence, few.confidence)


def test_nothing_seen_is_nothing_doubted() -> None:
    nothing = without(seen_moving(), np.ones(FRAMES, dtype=bool))
    assert not doubted(nothing).observed.any()


def test_centred_hands_know_neither_place_nor_size() -> None:
    points = seen_moving().keypoints_px
    np.testing.assert_allclose(centred(points), centred(2.0 * points + [30.0, -7.0]), atol=1e-12)
    still = np.zeros((1, 21, 2))
    np.testing.assert_array_equal(centred(still), still)  # all joints in one place: no division by nothing
