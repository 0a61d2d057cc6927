"""Two hands through crossings, hidden stretches, swallowed detections and wrong names: never exchanged."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.observe.cuts import cut_frames, rejoined, simultaneous
from fitter.observe.observations import Detection, Observations, Side
from fitter.observe.pieces import Piece, link
from fitter.observe.tracks import track_hands
from tests.moving_hands import blank_clip, seen_at

N_FRAMES, CROSSING = 60, 30
SPEED_PX = 8.0
Frames = list[list[Detection]]


def right_x(frame: int) -> float:
    """Wrist of the right hand, which comes from the left; the left hand comes from the right at the same speed."""
    return 320.0 + SPEED_PX * (frame - CROSSING)


def left_x(frame: int) -> float:
    return 640.0 - right_x(frame)


def crossing(n_frames: int = N_FRAMES) -> tuple[Frames, Frames]:
    """What is seen of each hand, right and left, a list of one detection per frame."""
    right = [[seen_at(right_x(frame), 280, "right")] for frame in range(n_frames)]
    return right, [[seen_at(left_x(frame), 310, "left")] for frame in range(n_frames)]


def merged(right: Frames, left: Frames) -> Frames:
    """Both, the order of a frame's detections changing."""
    return [(a + b if frame % 2 else b + a) for frame, (a, b) in enumerate(zip(right, left, strict=True))]


def tracked(frames: Frames) -> dict[str, Observations]:
    return {hand.side: hand for hand in track_hands(frames, blank_clip(len(frames)), "mediapipe", "both")}


def exchanged(hands: dict[str, Observations]) -> list[int]:
    """Frames in which a hand has what was seen of the other."""
    right, left = hands["right"], hands["left"]
    wrong = []
    for frame in range(len(right.time_s)):
        for hand, x in ((right, right_x(frame)), (left, left_x(frame))):
            if hand.observed[frame] and abs(hand.keypoints_px[frame, 0, 0] - x) > 0.5 and frame != CROSSING:
                wrong.append(frame)
    return wrong


def renamed(frames: Frames, which: range, side: Side) -> Frames:
    return [
        [replace(each, side=side) for each in found] if frame in which else found for frame, found in enumerate(frames)
    ]


def without(frames: Frames, which: range) -> Frames:
    return [[] if frame in which else found for frame, found in enumerate(frames)]


@pytest.mark.parametrize("hidden", [0, 5, 10, 16])
def test_one_hand_hidden_behind_the_other(hidden: int) -> None:
    right, left = crossing()
    hands = tracked(merged(right, without(left, range(CROSSING - hidden // 2, CROSSING + hidden // 2))))
    assert exchanged(hands) == [] and hands["right"].observed.all()
    assert (~hands["left"].observed).sum() == 2 * (hidden // 2)


@pytest.mark.parametrize("hidden", [6, 12, 18])
def test_both_hidden_and_their_names_wrong_afterwards(hidden: int) -> None:
    """Motion alone tells who is who for some frames; then the names are right again."""
    gone = range(CROSSING - hidden // 2, CROSSING + hidden // 2)
    right, left = (without(each, gone) for each in crossing())
    wrong = range(gone.stop, gone.stop + 4)
    hands = tracked(merged(renamed(right, wrong, "left"), renamed(left, wrong, "right")))
    assert exchanged(hands) == []
    # A stretch as short as the false names' may be left out as a false alarm.
    assert all(N_FRAMES - len(gone) - 4 <= hand.observed.sum() <= N_FRAMES - len(gone) for hand in hands.values())


@pytest.mark.parametrize("hidden", [0, 6])
def test_names_that_are_mostly_wrong_until_the_crossing(hidden: int) -> None:
    """Poses that go on through the crossing outweigh that two of three names before it are wrong."""
    right, left = crossing()
    gone = range(CROSSING - hidden // 2, CROSSING + hidden // 2)
    wrong = [f for f in range(CROSSING) if f % 3]
    right, left = (
        [[replace(each, side=side) for each in found] if f in wrong else found for f, found in enumerate(frames)]
        for frames, side in ((right, "left"), (left, "right"))
    )
    hands = tracked(merged(without(right, gone), without(left, gone)))
    assert exchanged(hands) == [] and all(hand.observed.sum() == N_FRAMES - len(gone) for hand in hands.values())


@pytest.mark.parametrize("side", ["right", "left"])
def test_both_called_the_same_side_around_the_crossing(side: Side) -> None:
    near = range(CROSSING - 8, CROSSING + 8)
    right, left = (renamed(each, near, side) for each in crossing())
    hands = tracked(merged(right, left))
    assert exchanged(hands) == [] and all(hand.observed.all() for hand in hands.values())


def test_names_exchanged_around_the_crossing() -> None:
    near = range(CROSSING - 6, CROSSING + 6)
    right, left = crossing()
    hands = tracked(merged(renamed(right, near, "left"), renamed(left, near, "right")))
    assert exchanged(hands) == [] and all(hand.observed.all() for hand in hands.values())


@pytest.mark.parametrize("until", [CROSSING + 4, CROSSING + 8])
def test_a_detection_that_goes_over_to_the_other_hand_is_cut(until: int) -> None:
    """One detection stands for both hands: it follows the right one in and the left one out, which has lost its own."""
    right, left = crossing()
    right, left = without(right, range(CROSSING, until)), without(left, range(CROSSING - 4, CROSSING))
    hands = tracked(merged(right, left))
    assert exchanged(hands) == []
    assert hands["right"].observed.sum() == N_FRAMES - (until - CROSSING)
    assert hands["left"].observed.sum() == N_FRAMES - 4


def test_one_swallowed_for_good() -> None:
    """The left hand goes behind the right one and is not seen again."""
    right, left = crossing()
    hands = tracked(merged(right, without(left, range(CROSSING, N_FRAMES))))
    assert exchanged(hands) == [] and hands["right"].observed.all()
    assert hands["left"].observed.sum() == CROSSING


def test_a_hand_that_comes_back_elsewhere_while_the_other_stays() -> None:
    right = [[seen_at(200.0, 280, "right")] for _ in range(150)]
    left = [
        [seen_at(260.0, 310, "left")] if f < 40 else [seen_at(560.0, 310, "left")] if f > 110 else []
        for f in range(150)
    ]
    hands = tracked(merged(right, left))
    assert hands["right"].observed.all() and (hands["right"].keypoints_px[:, 0, 0] == 200.0).all()
    assert hands["left"].observed.sum() == 40 + 39


def test_random_crossings() -> None:
    """Hidden stretches, false names and lost detections at random: no frame is given to the wrong hand."""
    wrong, n_clips = 0, 12
    for seed in range(n_clips):
        rng = np.random.default_rng(seed)
        right, left = crossing()
        start = int(rng.integers(CROSSING - 8, CROSSING))
        gone = range(start, start + int(rng.integers(3, 14)))
        if rng.random() < 0.5:
            right, left = left, right
        right = without(right, gone)
        called = [
            [replace(found[0], side="left" if found[0].side == "right" else "right", side_score=0.7)]
            if found and rng.random() < (0.4 if abs(f - CROSSING) < 10 else 0.05)
            else found
            for each in (right, left)
            for f, found in enumerate(each)
        ]
        lost = [[] if rng.random() < 0.1 else found for found in called]
        wrong += len(exchanged(tracked(merged(lost[:N_FRAMES], lost[N_FRAMES:]))))
    assert wrong == 0


def test_a_single_hand_is_never_cut() -> None:
    frames = [[seen_at(150 + 4 * frame, 300)] if not 30 <= frame < 40 else [] for frame in range(60)]
    frames = renamed(frames, range(12, 25), "left")
    clip = blank_clip(60)
    pieces = link(frames, clip.time_s)
    assert cut_frames(pieces, clip.time_s) == []


def test_parts_make_the_pieces_again() -> None:
    right, left = crossing()
    pieces = link(merged(right, left), blank_clip(N_FRAMES).time_s)
    cuts = [10, 17, 44]
    parts = [part for moment in simultaneous(pieces, cuts) for part in moment]
    assert len(parts) == len(pieces) * 4
    for number, piece in enumerate(pieces):
        (again,) = rejoined([part for part in parts if part.piece == number])
        assert isinstance(again, Piece) and again.frames == piece.frames and again.detections == piece.detections
