"""OpenPose JSON folders: what is read, and one sentence for everything that is wrong with one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.observe.openpose import read_openpose


def triplets(offset: float, confidence: float = 0.5) -> list[float]:
    """x = offset + joint, y = 2 joint."""
    return [value for joint in range(21) for value in (offset + joint, 2.0 * joint, confidence)]


def person(left: Any, right: Any) -> dict[str, Any]:
    return {"pose_keypoints_2d": [], "hand_left_keypoints_2d": left, "hand_right_keypoints_2d": right}


def folder_of(path: Path, contents: list[Any]) -> Path:
    for index, content in enumerate(contents):
        text = content if isinstance(content, str) else json.dumps(content)
        (path / f"clip_{index + 8}_keypoints.json").write_text(text)  # 8, 9, 10: natural order is not the alphabet's
    return path


def test_files_are_frames_in_natural_order(tmp_path: Path):
    folder = folder_of(tmp_path, [{"people": [person([0.0] * 63, triplets(10.0 * (i + 1)))]} for i in range(3)])
    frames = read_openpose(folder, 3)
    for index, (hand,) in enumerate(frames):
        assert (hand.side, hand.side_score) == ("right", 0.5)
        np.testing.assert_array_equal(hand.keypoints_px[:, 0], 10 * (index + 1) + np.arange(21))
        np.testing.assert_array_equal(hand.keypoints_px[:, 1], 2 * np.arange(21))


def test_several_people_and_missing_hands(tmp_path: Path):
    gap = triplets(30.0)
    gap[3 * 4 : 3 * 4 + 3] = [0.0, 0.0, 0.0]
    people = [person(gap, []), person(triplets(60.0), None), {"pose_keypoints_2d": []}, person([], [])]
    frames = read_openpose(folder_of(tmp_path, [{"people": people}, {"people": []}]), 2)
    assert [hand.side for hand in frames[0]] == ["left", "left"] and frames[1] == []
    assert np.flatnonzero(frames[0][0].confidence == 0).tolist() == [4]


def test_confidence_a_little_above_one_is_one(tmp_path: Path):
    frames = read_openpose(folder_of(tmp_path, [{"people": [person([], triplets(5.0, 1.04))]}]), 1)
    assert (frames[0][0].confidence == 1.0).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no valid JSON"),
        ("", "no valid JSON"),
        ("[" * 100000, "no valid JSON"),
        ([], "no list of people"),
        ({"people": 3}, "no list of people"),
        ({"people": [3]}, "no list of people"),
        ({"people": [{"pose_keypoints_2d": []}]}, "people without hands"),
        ({"people": [person([], [])] * 33}, "33 people: expected at most 32"),
        ({"people": [person([], triplets(1.0)[:-3])]}, "60 numbers, expected 63"),
        ({"people": [person([], triplets(1.0) + [1.0])]}, "64 numbers, expected 63"),
        ({"people": [person([], "text")]}, "flat list of numbers"),
        ({"people": [person([], [["1"]] * 63)]}, "flat list of numbers"),
        ({"people": [person([], [True] * 63)]}, "flat list of numbers"),
        ({"people": [person([], [10**400] * 63)]}, "beyond all measure"),
        ({"people": [person([], triplets(1.0, -0.1))]}, "negative confidence"),
        ({"people": [person([], triplets(1.0, 1.2))]}, "confidence above 1"),
        ({"people": [person([], triplets(1.0, float("nan")))]}, "confidence that is not a number"),
        ({"people": [person([], triplets(float("nan")))]}, "position that is not a number"),
        ({"people": [person([], triplets(float("inf")))]}, "infinite position"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: Any, words: str):
    folder_of(tmp_path, [content])
    with pytest.raises(InputError, match="clip_8_keypoints.json") as caught:
        read_openpose(tmp_path, 1)
    assert words in str(caught.value) and "expected" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_one_file_for_each_frame(tmp_path: Path, n_frames: int):
    folder_of(tmp_path, [{"people": []}] * 2)
    with pytest.raises(InputError, match=f"2 JSON files: expected {n_frames}"):
        read_openpose(tmp_path, n_frames)


def test_bytes_that_are_no_text_are_named(tmp_path: Path):
    (tmp_path / "clip_8_keypoints.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match="clip_8_keypoints.json is no valid JSON"):
        read_openpose(tmp_path, 1)
