"""--keypoints: the format follows from the path; keypoints that cannot be pixels of the clip are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.observe import json_file
from fitter.observe.files import read_keypoints

SIZE = (640, 480)
TRIPLETS = [value for joint in range(21) for value in (30.0 + joint, 2.0 * joint, 0.5)]


def test_the_path_tells_the_format(tmp_path: Path):
    np.savez(tmp_path / "hands.npz", keypoints_px=np.full((1, 21, 2), 50.0), source=np.array("mediapipe"))
    (tmp_path / "body.json").write_text(json.dumps([{"image_id": 0, "righthand_kpts": TRIPLETS}]))
    (tmp_path / "json").mkdir()
    content = {"people": [{"hand_right_keypoints_2d": TRIPLETS}]}
    (tmp_path / "json" / "a_keypoints.json").write_text(json.dumps(content))
    names = {}
    for path in ("hands.npz", "body.json", "json"):
        names[path], frames = read_keypoints(tmp_path / path, SIZE, 1)
        assert [len(found) for found in frames] == [1]
    assert names == {"hands.npz": "mediapipe", "body.json": "coco_wholebody", "json": "openpose"}


def test_unknown_and_missing_paths_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="none.npz does not exist: expected a .npz file, a folder"):
        read_keypoints(tmp_path / "none.npz", SIZE, 1)
    (tmp_path / "hands.csv").write_text("1,2")
    with pytest.raises(InputError, match="hands.csv is of no known format: expected"):
        read_keypoints(tmp_path / "hands.csv", SIZE, 1)


def test_keypoints_of_other_frames_are_refused(tmp_path: Path):
    path = tmp_path / "hands.npz"
    np.savez(path, keypoints_px=np.random.default_rng(0).uniform(0, 1, (3, 21, 2)))
    with pytest.raises(InputError, match="expected pixels, not shares"):
        read_keypoints(path, SIZE, 3)
    np.savez(path, keypoints_px=np.random.default_rng(0).uniform(600, 1900, (3, 21, 2)))
    with pytest.raises(InputError, match="lie outside the 640x480 frames"):
        read_keypoints(path, SIZE, 3)


def test_a_file_without_hands_is_valid(tmp_path: Path):
    np.savez(tmp_path / "hands.npz", keypoints_px=np.full((3, 21, 2), np.nan))
    name, frames = read_keypoints(tmp_path / "hands.npz", SIZE, 3)
    assert name == "custom" and list(frames) == [[], [], []]


def test_too_large_a_json_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "body.json").write_text("[" + " " * 2**20 + "]")
    monkeypatch.setattr(json_file, "MOST_BYTES", 2**20)
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_keypoints(tmp_path / "body.json", SIZE, 3)
