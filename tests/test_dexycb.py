"""DexYCB's layout is read as published."""

import io
import pickle

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import DEXYCB_SERIAL, DEXYCB_SUBJECT, dexycb_sequence, write_dexycb


def test_views_with_and_without_a_hand(tmp_path):
    truth = write_dexycb(tmp_path)
    reader = open_dataset(tmp_path)
    assert reader.name == "DexYCB"
    assert [(s.name, s.split, s.length, s.in_time) for s in reader.sequences] == [
        (f"{dexycb_sequence(3)}/{DEXYCB_SERIAL}", "training", 3, True),
        (f"{dexycb_sequence(4)}/{DEXYCB_SERIAL}", "evaluation", 3, True),  # every fifth
    ]
    for row, sequence in enumerate(reader.sequences):
        for frame in range(3):
            hand = reader.hand(sequence, frame)
            assert hand.image == tmp_path / sequence.name / f"color_{frame:06d}.jpg"
            assert (hand.side, hand.frame) == ("left", frame)
            np.testing.assert_array_equal(hand.intrinsics[:2, 2], truth.k[:2, 2] + 0.5)
            assert hand.mask is not None
            mask = hand.mask.read((640, 480))
            if frame == 2:
                assert np.isnan(hand.joints_m).all() and np.isnan(hand.keypoints_px).all()
                assert hand.mano is None and not mask.any()
                continue
            np.testing.assert_allclose(hand.joints_m, truth.joints_m[row, frame], atol=1e-7)
            projected = hand.joints_m @ hand.intrinsics.T  # the annotated pixels are the joints'
            np.testing.assert_allclose(hand.keypoints_px, projected[:, :2] / projected[:, 2:], atol=1e-3)
            assert mask.sum() == 100 * 90 and not mask[155, 150]  # the object hides a part
            assert hand.mano is not None and hand.mano.translation_m is not None
            assert (hand.mano.zero, hand.mano.fingers) == ("mean", "components")
            np.testing.assert_allclose(hand.mano.pose, truth.pose_m[row, frame, :48], atol=1e-6)
            np.testing.assert_allclose(hand.mano.translation_m, truth.pose_m[row, frame, 48:], atol=1e-6)
            np.testing.assert_allclose(hand.mano.betas, truth.betas, atol=1e-6)


def test_splits(tmp_path):
    write_dexycb(tmp_path, with_images=(9, 10, 99))
    reader = open_dataset(tmp_path)
    assert [hand.sequence.name.split("/")[1][-2:] for hand in hands(reader, "evaluation")] == ["09"] * 3 + ["99"] * 3
    assert [hand.sequence.name.split("/")[1][-2:] for hand in hands(reader, "training")] == ["10"] * 3


SUBJECT_CALIBRATION = f"calibration/mano_{DEXYCB_SUBJECT}_left/mano.yml"


@pytest.mark.parametrize(
    "name",
    [
        f"{dexycb_sequence(7)}/meta.yml",
        f"calibration/intrinsics/{DEXYCB_SERIAL}_640x480.yml",
        SUBJECT_CALIBRATION,
    ],
)
def test_half_a_data_set_is_named(tmp_path, name):
    write_dexycb(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of DexYCB has it"):
        open_dataset(tmp_path)


def test_subjects_that_are_not_whole_and_calibration_alone(tmp_path):
    write_dexycb(tmp_path)
    (tmp_path / dexycb_sequence(0) / "meta.yml").unlink()
    (tmp_path / dexycb_sequence(0)).rmdir()
    with pytest.raises(InputError, match=r"20200709-subject-01 has 99 sequences, expected 100"):
        open_dataset(tmp_path)
    (tmp_path / DEXYCB_SUBJECT).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"no images of any \*-subject-\* folder"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    "name, text, reason",
    [
        (f"{dexycb_sequence(3)}/meta.yml", "", "cannot be read: expected a YAML file of DexYCB"),
        (f"{dexycb_sequence(3)}/meta.yml", "a: [1", "cannot be read: expected a YAML file of DexYCB"),
        (f"{dexycb_sequence(3)}/meta.yml", "!!python/object/apply:os.mkdir [ran]", "cannot be read"),
        (f"{dexycb_sequence(3)}/meta.yml", "num_frames: -1", "num_frames is no number of frames"),
        (f"{dexycb_sequence(3)}/meta.yml", "num_frames: 3", "mano_sides is neither left nor right"),
        (f"{dexycb_sequence(3)}/meta.yml", "{num_frames: 3, mano_sides: [[left]]}", "mano_sides is neither"),
        (
            f"{dexycb_sequence(3)}/meta.yml",
            "{num_frames: 3, mano_sides: [left], mano_calib: [../../x]}",
            "mano_calib names no calibration",
        ),
        (
            f"{dexycb_sequence(3)}/meta.yml",
            f"{{num_frames: 3, mano_sides: [left], mano_calib: [{'x' * 1000}]}}",
            "mano_calib names no calibration",
        ),
        (SUBJECT_CALIBRATION, "betas: [1, 2]", "betas: has shape"),
        (f"calibration/intrinsics/{DEXYCB_SERIAL}_640x480.yml", "color: {fx: 1}", "no fx, fy, ppx and ppy of 'color'"),
        (
            f"calibration/intrinsics/{DEXYCB_SERIAL}_640x480.yml",
            "color: {fx: 0, fy: 1, ppx: 1, ppy: 1}",
            "is no camera matrix",
        ),
    ],
)
def test_descriptions_that_are_not_what_they_should_be(tmp_path, monkeypatch, name, text, reason):
    write_dexycb(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert reason in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def labels_file(tmp_path, **change):
    """The file of the first image, its arrays changed."""
    write_dexycb(tmp_path)
    file = tmp_path / dexycb_sequence(3) / DEXYCB_SERIAL / "labels_000000.npz"
    with np.load(file) as labels:
        content = {**labels, **change}
    np.savez(file, **{name: array for name, array in content.items() if array is not None})
    return file


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"joint_3d": None}, "has no 'joint_3d': expected the labels of DexYCB"),
        ({"joint_2d": np.zeros((1, 20, 2))}, "joint_2d: has shape (1, 20, 2), expected (21, 2)"),
        ({"pose_m": np.full((1, 51), np.nan)}, "pose_m: holds a number that is not finite"),
        ({"pose_m": np.array([{}], dtype=object)}, "is not a plain array"),
    ],
)
def test_labels_that_are_not_what_they_should_be(tmp_path, change, reason):
    labels_file(tmp_path, **change)
    reader = open_dataset(tmp_path)
    with pytest.raises(InputError) as caught:
        reader.hand(reader.sequences[0], 0)
    assert reason in str(caught.value) and "labels_000000.npz" in str(caught.value)


@pytest.mark.parametrize("array", [None, np.zeros((480, 640)), np.zeros((0, 640), dtype=np.uint8)])
def test_masks_that_are_none(tmp_path, array):
    labels_file(tmp_path, seg=array)
    reader = open_dataset(tmp_path)
    mask = reader.hand(reader.sequences[0], 0).mask
    assert mask is not None
    with pytest.raises(InputError, match=r"labels_000000\.npz has no 'seg': expected an array"):
        mask.read((640, 480))


def test_truncated_missing_and_malicious_labels(tmp_path):
    file = labels_file(tmp_path)
    reader = open_dataset(tmp_path)
    data = file.read_bytes()
    harm = io.BytesIO()
    np.savez(harm, joint_3d=np.zeros(1))
    for content in (data[:100], data[:-30], b"", pickle.dumps({"joint_3d": 1}), harm.getvalue()):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"labels_000000\.npz"):
            reader.hand(reader.sequences[0], 0)
    file.unlink()
    with pytest.raises(InputError, match=r"labels_000000\.npz is missing"):
        reader.hand(reader.sequences[0], 0)
