"""Truth out of every kind of file: the right rows, and one sentence for what is none."""

import json
import zipfile
from typing import Any

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.find_truth import read_truth
from fitter.evaluate.truth import Truth
from tests.miniature_data_sets import STB_NAMES, rows, write_dexter_object, write_freihand, write_ho3d, write_stb

FRAMES = (3, 4, 5, 7)


def annotations(**changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    frames = [
        {
            "frame": number,
            "joints_3d_m_cam": rng.normal(size=(21, 3)).tolist(),
            "keypoints_2d": [[0, 0]] * 21,
            "keypoints_2d_full_frame": rng.normal(size=(21, 2)).tolist(),
        }
        for number in FRAMES
    ]
    return {"schema": "realhand-v1", "hand_side": "left", "frames": frames} | changed


def written(tmp_path, content) -> Truth:
    path = tmp_path / "annotations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (truth,) = read_truth(path)
    return truth


def test_annotations_of_a_clip(tmp_path):
    content = annotations()
    truth = written(tmp_path, content)
    assert (truth.name, truth.side, truth.origin, truth.frames.tolist()) == (
        *("annotations.json", "left", "wrist"),
        list(FRAMES),
    )
    np.testing.assert_array_equal(truth.joints_m, [frame["joints_3d_m_cam"] for frame in content["frames"]])
    np.testing.assert_array_equal(truth.keypoints_px, [frame["keypoints_2d_full_frame"] for frame in content["frames"]])
    assert truth.annotated.all() and truth.vertices_m is None


def test_frames_by_the_annotators_numbers(tmp_path):
    truth = written(tmp_path, annotations())
    some = truth.between(4, 5)
    assert some.frames.tolist() == [4, 5]
    np.testing.assert_array_equal(some.joints_m, truth.joints_m[1:3])
    (again,) = read_truth(tmp_path / "annotations.json", frames=(4, 5))
    np.testing.assert_array_equal(again.keypoints_px, truth.keypoints_px[1:3])
    for first, last, reason in ((5, 4, ""), (3, 7, " without 6"), (2, 3, ""), (7, 9, "")):
        expected = (
            f"--frames {first} {last}: annotations.json has frames 3 to 7{reason}, expected FIRST LAST among them"
        )
        with pytest.raises(InputError) as caught:
            truth.between(first, last)
        assert str(caught.value) == expected


def test_frames_and_joints_may_be_unknown(tmp_path):
    content = annotations()
    content["frames"][1] |= {"joints_3d_m_cam": None, "keypoints_2d_full_frame": None, "keypoints_2d": None}
    del content["frames"][2]["joints_3d_m_cam"]
    truth = written(tmp_path, content)
    assert truth.annotated.tolist() == [True, False, True, True]
    assert np.isfinite(truth.joints_m).all(axis=(1, 2)).tolist() == [True, False, False, True]


def test_both_hands_of_an_image(tmp_path):
    hands = [
        {"hand_side": side, "joints_3d_m_cam": [[i, 0, 1]] * 21, "joints_3d_valid": [1] * 20 + [0]}
        for i, side in enumerate(("right", "left"))
    ]
    path = tmp_path / "image.json"
    path.write_text(json.dumps({"schema": "realhand-v1", "hands": hands}))
    right, left = read_truth(path)
    assert (right.side, left.side) == ("right", "left")
    assert right.joints_m.shape == (1, 21, 3) and (left.joints_m[0, :20] == [1, 0, 1]).all()
    assert np.isnan(left.joints_m[0, 20]).all() and np.isnan(left.keypoints_px).all()


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "is no valid JSON"),
        ("[1]", "holds no dictionary: expected annotations"),
        ("{}", "its schema is None, expected realhand-v1"),
        ({"schema": "x" * 99}, "its schema is 'xxx.*\\.\\.\\., expected realhand-v1"),
        (annotations(hand_side="both"), "hand_side is 'both', expected left or right"),
        (annotations(frames=[]), "frames: expected a list of at least one annotation"),
        (annotations(frames={"a": 1}), "frames: expected a list"),
        (annotations(frames=[{"frame": 1}, {"frame": 1}]), "expected each with a number of its own, 'frame'"),
        (annotations(frames=[{"joints_3d_m_cam": []}]), "expected each with a number of its own"),
        (annotations(frames=[{"frame": 1}]), "no frame has joints_3d_m_cam"),
        (
            annotations(frames=[{"frame": 8, "joints_3d_m_cam": [[0, 0]] * 21}]),
            r"frame 8, joints_3d_m_cam: has shape \(21, 2\), expected \(21, 3\)",
        ),
    ],
)
def test_what_is_no_annotation(tmp_path, content, reason):
    with pytest.raises(InputError, match=rf"annotations\.json.*{reason}") as caught:
        written(tmp_path, content)
    assert "\n" not in str(caught.value)


def write_synthetic(path, n: int = 3, **changed: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    arrays: dict[str, np.ndarray] = {
        "side": np.array("right"),
        "joints_m": rng.normal(size=(n, 21, 3)),
        "keypoints_px": rng.normal(size=(n, 21, 2)),
        "vertices_m": rng.normal(size=(n, 5, 3)),
        "betas": np.zeros(10),
    } | changed
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return arrays


def test_truth_of_the_demo(tmp_path):
    arrays = write_synthetic(tmp_path / "truth.npz")
    (truth,) = read_truth(tmp_path / "truth.npz", frames=(1, 2))
    assert (truth.side, truth.frames.tolist()) == ("right", [1, 2])
    np.testing.assert_array_equal(truth.joints_m, arrays["joints_m"][1:])
    assert truth.vertices_m is not None
    np.testing.assert_array_equal(truth.vertices_m, arrays["vertices_m"][1:])


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"side": np.array("both")}, "hand_side is 'both'"),
        ({"joints_m": np.zeros((3, 20, 3))}, r"of shape \(3, 20, 3\), \(3, 21, 2\) and \(3, 5, 3\)"),
        ({"vertices_m": np.zeros((2, 5, 3))}, r"and \(2, 5, 3\), expected"),
        ({"joints_m": np.float64(1)}, r"of shape \(\), "),
        ({"keypoints_px": np.full((3, 21, 2), np.nan)}, "expected finite joints"),
        ({"joints_m": np.full((3, 21, 3), "a")}, "expected finite joints"),
    ],
)
def test_damaged_truth_of_the_demo(tmp_path, changed, reason):
    write_synthetic(tmp_path / "truth.npz", **changed)
    with pytest.raises(InputError, match=rf"truth\.npz: .*{reason}"):
        read_truth(tmp_path / "truth.npz")


def test_truncated_and_foreign_npz(tmp_path):
    path = tmp_path / "truth.npz"
    write_synthetic(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"truth\.npz is no \.npz file"):
        read_truth(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(InputError, match=r"truth\.npz: joints_m is missing"):
        read_truth(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_truth(tmp_path / "none.npz")


def test_sequences_of_data_sets(tmp_path):
    published = write_ho3d(tmp_path / "ho3d")
    (truth,) = read_truth(tmp_path / "ho3d" / "train" / "ABF10")
    assert (truth.side, truth.name, truth.frames.tolist()) == ("right", "train/ABF10", [2, 10])
    np.testing.assert_allclose(truth.joints_m[1], published.joints_m["ABF10/0010"], atol=1e-12)
    (truth,) = read_truth(tmp_path / "ho3d" / "evaluation" / "AP10", frames=(1, 1))
    assert truth.vertices_m is not None
    np.testing.assert_allclose(truth.vertices_m[0], published.vertices_m["AP10/0001"], atol=1e-12)

    labels_mm = write_stb(tmp_path / "stb")["B1Counting_BB"]
    (truth,) = read_truth(tmp_path / "stb" / "B1Counting" / "BB_left")
    assert (truth.side, truth.origin) == ("left", "palm") and truth.palm_m is not None
    np.testing.assert_allclose(truth.palm_m, labels_mm[:, 0] / 1000)
    np.testing.assert_allclose(truth.joints_m[:, rows(STB_NAMES)], labels_mm[:, 1:] / 1000)

    write_dexter_object(tmp_path / "dexter")
    (truth,) = read_truth(tmp_path / "dexter" / "Rotate")
    assert truth.origin == "centroid" and truth.annotated.all()


def test_what_names_no_truth(tmp_path):
    write_ho3d(tmp_path / "ho3d")
    write_freihand(tmp_path / "freihand")
    (tmp_path / "clip.mp4").write_bytes(b"")
    sentences = {
        "clip.mp4": "unknown kind of truth, expected annotations in JSON",
        "none": "does not exist, expected annotations in JSON",
        "none.json": "cannot be read",
        "ho3d/train/XYZ1": "HO-3D has no sequence train/XYZ1: expected one of train/ABF10, train/SM2, evaluation/AP10",
        "freihand/training/gs": "is a set of single images, expected a clip; use --dataset",
    }
    for name, sentence in sentences.items():
        with pytest.raises(InputError) as caught:
            read_truth(tmp_path / name)
        assert sentence in str(caught.value) and "\n" not in str(caught.value)
