"""Hand tracks: sides by a vote, swaps repaired, gaps kept, false alarms and jumps left out."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitter.clip import open_clip
from fitter.clip.video import VideoClip
from fitter.errors import NoHandError
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection
from fitter.observe.tracks import HandChoice, track_hands
from tests.moving_hands import SIZE, blank_clip, seen_at

SHARED = Path(__file__).parents[2] / "shared" / "data"


def passing(n_frames: int, speed: float = 4.0) -> list[list[Detection]]:
    return [[seen_at(150 + speed * frame, 300)] for frame in range(n_frames)]


def test_one_hand_keeps_every_number():
    frames = passing(40)
    (hand,) = track_hands(frames, blank_clip(40), "mediapipe", "auto")
    assert (hand.side, hand.source, hand.image_size) == ("right", "mediapipe", SIZE)
    assert hand.observed.all() and hand.depth_px is not None and hand.landmarks_m is not None
    for index, (found,) in enumerate(frames):
        np.testing.assert_array_equal(hand.keypoints_px[index], found.keypoints_px)
        np.testing.assert_array_equal(hand.confidence[index], found.confidence)
        assert found.depth_px is not None and found.landmarks_m is not None
        np.testing.assert_array_equal(hand.depth_px[index], found.depth_px)
        np.testing.assert_array_equal(hand.landmarks_m[index], found.landmarks_m)
    np.testing.assert_array_equal(hand.time_s, np.arange(40) / 30)


def test_cues_of_some_frames_only_are_dropped():
    frames = passing(20)
    frames[7] = [seen_at(150 + 4 * 7, 300, cues=False)]
    (hand,) = track_hands(frames, blank_clip(20), "custom", "auto")
    assert hand.depth_px is None and hand.landmarks_m is None and hand.observed.all()


def test_frames_without_a_hand_stay_unobserved():
    frames = passing(60)
    for index in (*range(10, 14), *range(30, 55)):
        frames[index] = []
    (hand,) = track_hands(frames, blank_clip(60), "mediapipe", "auto")
    assert np.flatnonzero(~hand.observed).tolist() == [*range(10, 14), *range(30, 55)]
    assert (hand.keypoints_px[~hand.observed] == 0).all() and hand.landmarks_m is not None
    assert (hand.landmarks_m[~hand.observed] == 0).all()


@pytest.mark.parametrize("truth", ["left", "right"])
def test_side_is_a_vote_weighted_by_score(truth: str):
    side, other = ("left", "right") if truth == "left" else ("right", "left")
    frames = [[seen_at(200 + 2 * i, 300, side)] for i in range(30)]
    for index in range(12, 18):  # six frames, in a row, call it the other side
        frames[index] = [replace(frames[index][0], side=other, side_score=0.6)]
    (hand,) = track_hands(frames, blank_clip(30), "mediapipe", "auto")
    assert hand.side == side and hand.observed.all()


def test_a_silent_source_makes_a_right_hand():
    (hand,) = track_hands([[seen_at(200, 300, None)] for _ in range(20)], blank_clip(20), "custom", "auto")
    assert hand.side == "right" and hand.observed.all()


def two_hands(n_frames: int) -> list[list[Detection]]:
    """A right hand from the left and a left hand from the right; they meet in the middle and go on."""
    return [[seen_at(120 + 8 * i, 280, "right"), seen_at(520 - 8 * i, 330, "left")] for i in range(n_frames)]


def test_two_hands_that_cross_are_not_exchanged():
    frames = two_hands(50)
    frames = [found if index % 2 else found[::-1] for index, found in enumerate(frames)]
    hands = {hand.side: hand for hand in track_hands(frames, blank_clip(50), "mediapipe", "auto")}
    assert set(hands) == {"left", "right"} and all(hand.observed.all() for hand in hands.values())
    np.testing.assert_allclose(hands["right"].keypoints_px[:, 0, 0], 120 + 8 * np.arange(50))
    np.testing.assert_allclose(hands["left"].keypoints_px[:, 0, 0], 520 - 8 * np.arange(50))


def test_swapped_sides_are_repaired():
    frames = [[seen_at(120 + 2 * i, 280, "right"), seen_at(520 - 2 * i, 330, "left")] for i in range(40)]
    for index in range(15, 22):
        right, left = frames[index]
        frames[index] = [replace(right, side="left"), replace(left, side="right")]
    hands = {hand.side: hand for hand in track_hands(frames, blank_clip(40), "mediapipe", "auto")}
    np.testing.assert_allclose(hands["right"].keypoints_px[:, 0, 0], 120 + 2 * np.arange(40))
    np.testing.assert_allclose(hands["left"].keypoints_px[:, 0, 0], 520 - 2 * np.arange(40))


def test_two_detections_of_one_hand_are_one():
    frames = [[*found, replace(found[0], keypoints_px=found[0].keypoints_px + 3, side="left")] for found in passing(30)]
    frames = [[replace(found[1], confidence=np.full(21, 0.5)), found[0]] for found in frames]
    (hand,) = track_hands(frames, blank_clip(30), "mediapipe", "auto")
    assert hand.side == "right"
    np.testing.assert_allclose(hand.keypoints_px[:, 0, 0], 150 + 4 * np.arange(30))


def test_a_false_alarm_elsewhere_is_left_out():
    frames = passing(60)
    for index in range(20, 26):
        frames[index] = [*frames[index], seen_at(560, 120, "left")]
    (hand,) = track_hands(frames, blank_clip(60), "mediapipe", "auto")
    assert hand.side == "right" and hand.observed.all()
    np.testing.assert_allclose(hand.keypoints_px[:, 0, 0], 150 + 4 * np.arange(60))


@pytest.mark.parametrize("where", [(560.0, 120.0), (300.0, 380.0)])
def test_a_jump_is_not_observed(where: tuple[float, float]):
    frames = passing(60, speed=1.0)
    for index in (20, 21, 45):
        frames[index] = [seen_at(*where)]
    (hand,) = track_hands(frames, blank_clip(60), "mediapipe", "auto")
    assert np.flatnonzero(~hand.observed).tolist() == [20, 21, 45]


def test_fast_motion_at_a_low_rate_is_no_jump():
    frames = [[seen_at(320 + 150 * np.sin(frame / 2.5), 300 + 60 * np.cos(frame / 2.5))] for frame in range(40)]
    (hand,) = track_hands(frames, blank_clip(40, fps=10.0), "mediapipe", "auto")
    assert hand.observed.all()


def test_a_hand_that_leaves_and_returns_is_the_same():
    frames = passing(30) + [[] for _ in range(90)] + [[seen_at(500, 200)] for _ in range(30)]
    (hand,) = track_hands(frames, blank_clip(150), "mediapipe", "auto")
    assert hand.observed.sum() == 60 and hand.observed[-1]


def test_a_stale_track_gives_way_to_the_better():
    """The detector goes on seeing a ghost for five frames after it found the hand again elsewhere."""
    frames = passing(60, speed=0.0)
    frames += [[seen_at(150, 300, score=0.5), seen_at(450, 300)] for _ in range(5)]
    frames += [[seen_at(450, 300)] for _ in range(85)]
    (hand,) = track_hands(frames, blank_clip(150), "mediapipe", "auto")
    assert hand.observed.all()
    assert (hand.keypoints_px[60:, 0, 0] == 450).all() and (hand.keypoints_px[:60, 0, 0] == 150).all()


def test_of_two_right_hands_the_better_supported_stays(caplog: pytest.LogCaptureFixture):
    frames = [[seen_at(150, 300), *([seen_at(500, 300)] if i < 30 else [])] for i in range(60)]
    with caplog.at_level(logging.INFO):
        (hand,) = track_hands(frames, blank_clip(60), "mediapipe", "auto")
    assert (hand.keypoints_px[:, 0, 0] == 150).all() and "second right hand" in caplog.text
    hands = track_hands(frames, blank_clip(60), "mediapipe", "both")
    assert [found.side for found in hands] == ["right", "left"]
    assert (hands[1].keypoints_px[:30, 0, 0] == 500).all() and not hands[1].observed[30:].any()


def test_the_users_word_stands(caplog: pytest.LogCaptureFixture):
    frames = passing(40)
    with caplog.at_level(logging.WARNING):
        (hand,) = track_hands(frames, blank_clip(40), "mediapipe", "left")
    assert hand.side == "left" and hand.observed.all() and "asked for" in caplog.text
    (hand,) = track_hands(two_hands(50), blank_clip(50), "mediapipe", "left")
    np.testing.assert_allclose(hand.keypoints_px[:, 0, 0], 520 - 8 * np.arange(50))


def test_one_frame_is_enough():
    (hand,) = track_hands([[seen_at(200, 300, "left")]], blank_clip(1), "mediapipe", "auto")
    assert hand.side == "left" and hand.observed.tolist() == [True]


@pytest.mark.parametrize("hand", ["auto", "left", "right", "both"])
def test_without_a_hand_the_clip_is_named(hand: HandChoice):
    with pytest.raises(NoHandError, match="nowhere.mp4"):
        track_hands([[] for _ in range(20)], blank_clip(20), "mediapipe", hand)


def test_a_fleeting_false_alarm_alone_is_no_hand():
    frames = [[] for _ in range(100)]
    frames[50] = [seen_at(200, 300)]
    with pytest.raises(NoHandError):
        track_hands(frames, blank_clip(100), "mediapipe", "auto")


def test_too_few_joints_are_no_detection():
    few = replace(seen_at(200, 300), confidence=np.array([0.9] * 3 + [0.0] * 18))
    with pytest.raises(NoHandError):
        track_hands([[few] for _ in range(20)], blank_clip(20), "openpose", "auto")


@pytest.mark.parametrize(
    ("name", "side", "n_frames"),
    [("asl_hand/asl_hand.25fps.mp4", "right", 10), ("graph_cnn_real/fullframe_00204_00236.mp4", "left", 10)],
)
def test_real_hands_have_their_side(name: str, side: str, n_frames: int):
    pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    if not (SHARED / name).exists():
        pytest.skip(f"the real clip {name} is not beside this repository (../shared/data)")
    clip = open_clip(SHARED / name)
    assert isinstance(clip, VideoClip) and clip.stamps is not None
    clip = replace(clip, time_s=clip.time_s[:n_frames], stamps=clip.stamps[:n_frames])
    source = MediaPipe()
    (hand,) = track_hands(source.detect(clip), clip, source.name, "auto")
    assert hand.side == side and hand.observed.all()
