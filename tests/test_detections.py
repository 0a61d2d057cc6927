"""Detections as arrays: every hand comes back as it was given, whether few or so many that they lie in files."""

import numpy as np
import pytest

from fitter import mapped
from fitter.observe.detections import Detections, gathered, joined_hands
from fitter.observe.doubt import doubted
from fitter.observe.observations import Detection
from fitter.observe.tracks import track_hands
from tests.moving_hands import blank_clip, seen_at

FRAMES: list[list[Detection]] = [
    [],
    [seen_at(100, 200)],
    [seen_at(90, 200, "left"), seen_at(300, 200, None, cues=False)],
    [],
    [seen_at(110, 210)],
]


def same(one: Detection, other: Detection) -> bool:
    cues = [(one.depth_px, other.depth_px), (one.landmarks_m, other.landmarks_m)]
    return (
        (one.side, one.side_score) == (other.side, other.side_score)
        and np.array_equal(one.keypoints_px, other.keypoints_px)
        and np.array_equal(one.confidence, other.confidence)
        and all(a is b is None or (a is not None and b is not None and np.array_equal(a, b)) for a, b in cues)
    )


@pytest.mark.parametrize("at_once", [1, 2, 1024])
def test_hands_come_back_by_frame(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitter.observe.detections.ROWS_AT_ONCE", at_once)
    seen = gathered(iter(FRAMES))
    assert len(seen) == len(FRAMES) and gathered(seen) is seen
    for frame, (found, given) in enumerate(zip(seen, FRAMES, strict=True)):
        assert len(found) == len(given) == len(seen[frame]) == len(seen.rows(frame))
        assert all(same(*pair) for pair in zip(found, given, strict=True))
    assert [len(found) for found in seen[1:4]] == [1, 2, 0] and len(seen[-1]) == 1
    with pytest.raises(IndexError):
        seen[len(FRAMES)]


def test_nothing_seen_is_a_clip_too() -> None:
    assert list(gathered([[], []])) == [[], []] and list(gathered([])) == []


def test_some_hands_are_views_by_row() -> None:
    seen: Detections = gathered(FRAMES)
    some = seen.some([3, 0, 2])
    assert same(some[0], FRAMES[4][0]) and same(some[-1], FRAMES[2][1])
    assert [same(a, b) for a, b in zip(some[1:], [FRAMES[1][0], FRAMES[2][1]], strict=True)] == [True, True]
    assert some.at([2, 0]) == seen.some([2, 3]) and some != seen.some([3, 0])
    assert joined_hands([some, seen.some([1])]) == seen.some([3, 0, 2, 1])


def test_a_long_clip_in_files_is_tracked_and_doubted_as_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    frames = [[seen_at(*rng.normal((200, 300), 3.0))] if rng.random() > 0.05 else [] for _ in range(200)]
    frames += [[seen_at(*rng.normal((40, 300), 30.0))] for _ in range(40)]  # unsteady, and beyond the border
    clip = blank_clip(len(frames))

    def observed() -> list[np.ndarray]:
        (hand,) = (doubted(hand) for hand in track_hands(frames, clip, "mediapipe", "auto"))
        assert hand.depth_px is not None and hand.landmarks_m is not None
        return [hand.keypoints_px, hand.confidence, hand.depth_px, hand.landmarks_m]

    at_once = observed()
    monkeypatch.setattr(mapped, "WORTH_IT", 100)
    for rows in (7, 64):
        monkeypatch.setattr(mapped, "ROWS_AT_ONCE", rows)
        for array, expected in zip(observed(), at_once, strict=True):
            np.testing.assert_array_equal(array, expected)
