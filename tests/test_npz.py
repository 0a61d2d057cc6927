"""Detections in .npz files: what is read, and one sentence for everything that is wrong with one."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.observe.json_file import MOST_BYTES
from fitter.observe.npz import read_npz

T = 5


def keypoints(*hands: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(50, 400, (*hands, T, 21, 2))


def saved(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path / "hands.npz", **arrays)
    return path / "hands.npz"


def test_two_hands_with_all_arrays(tmp_path: Path):
    points, depth, landmarks = keypoints(2), np.ones((2, T, 21)), np.full((2, T, 21, 3), 0.1, dtype=np.float32)
    confidence = np.full((2, T, 21), 0.5)
    confidence[1, 3] = 0
    confidence[0, 2, 7] = 0
    arrays = {"keypoints_px": points, "confidence": confidence, "depth_px": depth, "landmarks_m": landmarks}
    name, frames = read_npz(saved(tmp_path, {**arrays, "side": np.array(["left", "right"]), "source": "mediapipe"}), T)
    assert name == "mediapipe"
    assert [len(found) for found in frames] == [2, 2, 2, 1, 2]
    first = frames[2][0]
    assert (first.side, first.side_score) == ("left", 0.5) and frames[2][1].side == "right"
    seen = np.arange(21) != 7
    np.testing.assert_array_equal(first.keypoints_px, np.where(seen[:, None], points[0, 2], 0))
    np.testing.assert_array_equal(first.confidence, np.where(seen, 0.5, 0))
    assert first.depth_px is not None and first.landmarks_m is not None
    np.testing.assert_array_equal(first.depth_px, seen * 1.0)
    np.testing.assert_allclose(first.landmarks_m, seen[:, None] * np.full((21, 3), 0.1), rtol=1e-6)


def test_one_hand_without_confidence(tmp_path: Path):
    points = keypoints()
    points[1] = np.nan
    points[2, 4, 0] = np.nan
    name, frames = read_npz(saved(tmp_path, {"keypoints_px": points}), T)
    assert name == "custom" and [len(found) for found in frames] == [1, 0, 1, 1, 1]
    assert frames[0][0].side is None and (frames[0][0].confidence == 1).all()
    assert np.flatnonzero(frames[2][0].confidence == 0).tolist() == [4]
    assert (frames[2][0].keypoints_px[4] == 0).all() and frames[0][0].depth_px is None


def test_nan_without_confidence_is_missing(tmp_path: Path):
    points, confidence = keypoints(), np.ones((T, 21))
    points[0, 3], confidence[0, 3] = np.nan, np.nan
    points[0, 4], confidence[0, 4] = np.nan, 0
    points[0, 5], confidence[0, 5] = np.inf, 0
    _, frames = read_npz(saved(tmp_path, {"keypoints_px": points, "confidence": confidence}), T)
    assert np.flatnonzero(frames[0][0].confidence == 0).tolist() == [3, 4, 5]
    assert np.isfinite(frames[0][0].keypoints_px).all()


def test_no_hands_is_a_valid_file(tmp_path: Path):
    _, frames = read_npz(saved(tmp_path, {"keypoints_px": np.zeros((0, T, 21, 2))}), T)
    assert list(frames) == [[]] * T


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "confidence that is not a number"),
        (-0.5, "negative confidence"),
        (1.5, "confidence above 1"),
        (np.inf, "confidence above 1"),
        (-np.inf, "negative confidence"),
    ],
)
def test_bad_confidences_name_frame_and_joint(tmp_path: Path, value: float, words: str):
    confidence = np.ones((2, T, 21))
    confidence[1, 3, 8] = value
    with pytest.raises(InputError, match=r"hands.npz, hand 1, frame 3: joint 8 has a .*expected") as caught:
        read_npz(saved(tmp_path, {"keypoints_px": keypoints(2), "confidence": confidence}), T)
    assert words in str(caught.value)


@pytest.mark.parametrize(("value", "words"), [(np.nan, "not a number although"), (np.inf, "infinite position")])
def test_bad_positions_name_frame_and_joint(tmp_path: Path, value: float, words: str):
    points = keypoints()
    points[2, 6, 1] = value
    with pytest.raises(InputError, match=r"frame 2: joint 6") as caught:
        read_npz(saved(tmp_path, {"keypoints_px": points, "confidence": np.ones((T, 21))}), T)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"points": keypoints()}, "holds no keypoints_px"),
        ({"keypoints_px": np.zeros((T, 20, 2))}, "shape (5, 20, 2), expected (5, 21, 2)"),
        ({"keypoints_px": np.zeros((T, 21, 3))}, "shape (5, 21, 3), expected (5, 21, 2)"),
        ({"keypoints_px": np.zeros((7, 21, 2))}, "shape (7, 21, 2), expected (5, 21, 2) for a clip of 5 frames"),
        ({"keypoints_px": np.zeros((2, 7, 21, 2))}, "expected (hands, 5, 21, 2)"),
        ({"keypoints_px": np.zeros(())}, "shape ()"),
        ({"keypoints_px": np.full((T, 21, 2), "1")}, "of type <U1, expected numbers"),
        ({"keypoints_px": np.zeros((T, 21, 2), dtype=complex)}, "of type complex128, expected numbers"),
        ({"keypoints_px": keypoints(65)}, "65 hands: expected at most 64"),
        ({"keypoints_px": keypoints(), "confidence": np.ones((T, 21, 1))}, "confidence has shape"),
        ({"keypoints_px": keypoints(2), "confidence": np.ones((1, T, 21))}, "confidence is of 1 hands, expected 2"),
        ({"keypoints_px": keypoints(2), "side": np.array(["left"])}, "side is ['left']"),
        ({"keypoints_px": keypoints(), "side": np.array(["Left"])}, "side is ['Left']"),
        ({"keypoints_px": keypoints(), "side": np.array([1])}, "side is ['1']"),
        ({"keypoints_px": keypoints(), "source": np.array("../x")}, "source is not a plain name"),
        ({"keypoints_px": keypoints(), "depth_px": np.full((T, 21), np.nan)}, "depth_px of joint 0 is not finite"),
        ({"keypoints_px": keypoints(), "landmarks_m": np.full((T, 21, 3), np.inf)}, "landmarks_m of joint 0"),
    ],
)
def test_bad_arrays_are_named(tmp_path: Path, arrays: dict[str, np.ndarray], words: str):
    with pytest.raises(InputError, match="hands.npz") as caught:
        read_npz(saved(tmp_path, arrays), T)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_pickles_are_never_read(tmp_path: Path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    path = saved(tmp_path, {"keypoints_px": np.array([Bomb()], dtype=object)})
    with pytest.raises(InputError, match="keypoints_px is not a plain array"):
        read_npz(path, T)
    assert not (tmp_path / "exploded").exists()


def test_damaged_files_are_named(tmp_path: Path):
    content = saved(tmp_path, {"keypoints_px": keypoints()}).read_bytes()
    damaged = {"text": b"hello", "empty": b"", "half": content[: len(content) // 2], "array": content[100:]}
    damaged["flipped"] = content[:300] + bytes([content[300] ^ 255]) + content[301:]
    for name, data in damaged.items():
        (tmp_path / f"{name}.npz").write_bytes(data)
        with pytest.raises(InputError, match=f"{name}.npz"):
            read_npz(tmp_path / f"{name}.npz", T)


def header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_an_array_larger_than_its_file_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("keypoints_px.npy", header((10**12, T, 21, 2)) + bytes(8))
    with pytest.raises(InputError, match="not a plain array"):
        read_npz(tmp_path / "liar.npz", T)


def test_a_zip_bomb_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("keypoints_px.npy", "w", force_zip64=True) as member:
            member.write(header((MOST_BYTES // 8, 21, 2)))
            for _ in range(MOST_BYTES // 2**24 + 1):
                member.write(bytes(2**24))
    assert (tmp_path / "bomb.npz").stat().st_size < 2**20
    with pytest.raises(InputError, match="unpacks to more than"):
        read_npz(tmp_path / "bomb.npz", T)
