"""InterHand2.6M's layout is read as published."""

import json
import shutil

import cv2
import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from fitter.skeleton import POINT_NAMES
from tests.miniature_data_sets import INTERHAND_FRAMES, write_interhand

VIEW = "Capture0/ROM01/cam400262"


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_both_hands_as_the_camera_sees_them(tmp_path, split):
    truth = write_interhand(tmp_path, split)
    reader = open_dataset(tmp_path)
    assert reader.name == "InterHand2.6M"
    published = "training" if split == "train" else "evaluation"
    assert [(s.name, s.split, s.length, s.in_time) for s in reader.sequences] == [
        (f"{split}/{VIEW}/right", published, 2, True),
        (f"{split}/{VIEW}/left", published, 2, True),
    ]
    found = list(hands(reader))
    assert [(hand.side, hand.frame) for hand in found] == [("right", 7), ("right", 12), ("left", 7), ("left", 100)]
    for hand in found:
        world = truth.world_m[INTERHAND_FRAMES.index(hand.frame), 0 if hand.side == "right" else 1]
        expected = (world - truth.position_m) @ truth.rotation.T
        pixels = cv2.projectPoints(
            world, cv2.Rodrigues(truth.rotation)[0], -truth.rotation @ truth.position_m, truth.k, np.zeros(4)
        )[0]
        valid = np.ones(21, dtype=bool)
        valid[POINT_NAMES.index("ring_pip")] = hand.frame != 12
        np.testing.assert_array_equal(np.isfinite(hand.joints_m).all(axis=1), valid)
        np.testing.assert_allclose(hand.joints_m[valid], expected[valid], atol=1e-12)
        np.testing.assert_allclose(hand.keypoints_px[valid], pixels[valid, 0] + 0.5, atol=1e-6)
        assert np.isnan(hand.keypoints_px[~valid]).all()
        assert hand.image == tmp_path / "images" / split / VIEW / f"image{hand.frame}.jpg"
        assert hand.mask is None and hand.vertices_m is None and hand.mano is None


@pytest.mark.parametrize(
    "name",
    [
        "images/train",
        "annotations/train/InterHand2.6M_train_camera.json",
        "annotations/train/InterHand2.6M_train_joint_3d.json",
    ],
)
def test_half_a_data_set_is_named(tmp_path, name):
    write_interhand(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of InterHand2\.6M has it"):
        open_dataset(tmp_path)


def test_no_image_and_an_image_that_vanishes(tmp_path):
    write_interhand(tmp_path)
    (tmp_path / "images" / "train" / "notes.txt").write_text("not a capture")
    reader = open_dataset(tmp_path)
    (tmp_path / "images" / "train" / VIEW / "image12.jpg").unlink()
    with pytest.raises(InputError, match=r"image12\.jpg is missing"):
        reader.hand(reader.sequences[0], 1)
    shutil.rmtree(tmp_path / "images" / "train" / VIEW)
    with pytest.raises(InputError, match=r"no annotated image in images/\*/Capture\*/\*/cam\*"):
        open_dataset(tmp_path)


def change(labels, *keys, to):
    """The labels with one value replaced; None: left out."""
    inner = labels
    for key in keys[:-1]:
        inner = inner[key]
    if to is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = to
    return json.dumps(labels)


@pytest.mark.parametrize(
    "kind, keys, to, reason",
    [
        ("joint_3d", ("0",), None, "capture 0: has no labels"),
        ("joint_3d", ("0", "x"), {}, "frame x: expected world_coord and joint_valid"),
        ("joint_3d", ("0", "7", "joint_valid"), None, "frame 7: expected world_coord and joint_valid"),
        ("joint_3d", ("0", "7", "world_coord"), [[1, 2, 3]], "world_coord: has shape (1, 3), expected (42, 3)"),
        ("joint_3d", ("0", "7", "world_coord"), [[1e999] * 3] * 42, "holds a number that is not finite"),
        ("camera", ("0",), None, "has no campos of camera 400262"),
        ("camera", ("0", "focal"), {}, "has no focal of camera 400262"),
        ("camera", ("0", "focal", "400262"), [0, 0], "is no camera matrix"),
        ("camera", ("0", "camrot", "400262"), "text", "camrot of camera 400262: is no array of numbers"),
    ],
)
def test_annotations_that_are_not_what_they_should_be(tmp_path, kind, keys, to, reason):
    write_interhand(tmp_path)
    file = tmp_path / "annotations" / "train" / f"InterHand2.6M_train_{kind}.json"
    file.write_text(change(json.loads(file.read_text()), *keys, to=to))
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert reason in str(caught.value) and file.name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'{"0": {', b"[" * 100_000, b"\xff\xfe", b"[1]", b"3"])
def test_files_that_are_no_annotations(tmp_path, content):
    write_interhand(tmp_path)
    file = tmp_path / "annotations" / "train" / "InterHand2.6M_train_camera.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"train_camera\.json (is no valid JSON|holds no dictionary)") as caught:
        open_dataset(tmp_path)
    assert "\n" not in str(caught.value)
