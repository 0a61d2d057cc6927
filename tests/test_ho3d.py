"""HO-3D's layout is read as published, turned to OpenCV's axes; its pickles run nothing."""

import os
import pickle

import numpy as np
import pytest
import roma
import torch

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import FLIP, HO3D_EVALUATION, HO3D_TRAINING, ho3d_global_rotation, write_ho3d


@pytest.mark.parametrize("version", [2, 3])
def test_training_clips_in_order_and_in_opencv_axes(tmp_path, version):
    truth = write_ho3d(tmp_path, version)
    reader = open_dataset(tmp_path)
    assert reader.name == "HO-3D"
    names = [(s.name, s.split, s.length, s.in_time) for s in reader.sequences]
    assert names == [
        ("train/ABF10", "training", 2, True),
        ("train/SM2", "training", 1, True),
        ("evaluation/AP10", "evaluation", 2, True),
    ]
    found = list(hands(reader, "training"))
    assert [(hand.sequence.name, hand.frame) for hand in found] == [
        ("train/ABF10", 2),
        ("train/ABF10", 10),
        ("train/SM2", 7),
    ]
    for hand in found:
        key = f"{hand.sequence.name.removeprefix('train/')}/{hand.frame:04d}"
        assert key in HO3D_TRAINING
        suffix = "png" if version == 2 else "jpg"
        assert hand.image == tmp_path / hand.sequence.name / "rgb" / f"{hand.frame:04d}.{suffix}"
        np.testing.assert_allclose(hand.joints_m, truth.joints_m[key], atol=1e-15)
        assert (hand.joints_m[:, 2] > 0).all() and hand.side == "right" and hand.vertices_m is None
        published = truth.joints_m[key] @ truth.k.T
        np.testing.assert_allclose(hand.keypoints_px, published[:, :2] / published[:, 2:] + 0.5, atol=1e-9)
        assert hand.mask is not None
        mask = hand.mask.read((640, 480))  # rendered at half the size
        assert mask[200:300, 100:160].mean() > 0.97 and mask[:190].sum() == 0


def test_mano_stands_at_the_same_place_in_opencv_axes(tmp_path):
    """A rest vertex v goes to R (v - J0) + J0 + t in either axes, and the two differ by the half turn about x."""
    truth = write_ho3d(tmp_path)
    rest = np.random.default_rng(0).normal(size=(50, 3)) * 0.05
    for hand in hands(open_dataset(tmp_path), "training"):
        key = f"{hand.sequence.name.removeprefix('train/')}/{hand.frame:04d}"
        j0, mano = truth.rest_wrist_m, hand.mano
        assert mano is not None and mano.translation_m is not None and mano.zero == "flat"
        wrist_opengl = FLIP @ truth.joints_m[key][0]
        opengl = (rest - j0) @ ho3d_global_rotation(truth.pose[key]).T + wrist_opengl
        turned = roma.rotvec_to_rotmat(torch.from_numpy(mano.pose[:3])).numpy()
        opencv = (rest - j0) @ turned.T + j0 + mano.translation_m
        np.testing.assert_allclose(opencv, opengl @ FLIP, atol=1e-12)
        np.testing.assert_array_equal(mano.pose[3:], truth.pose[key][3:])
        np.testing.assert_array_equal(mano.betas, np.arange(10.0))


@pytest.mark.parametrize("released", [True, False])
def test_the_evaluation_split_with_and_without_the_released_truth(tmp_path, released):
    truth = write_ho3d(tmp_path, released=released)
    found = list(hands(open_dataset(tmp_path), "evaluation"))
    assert [f"AP10/{hand.frame:04d}" for hand in found] == sorted(HO3D_EVALUATION)
    for hand in found:
        key = f"AP10/{hand.frame:04d}"
        assert hand.mano is None and hand.mask is None
        np.testing.assert_allclose(hand.joints_m[0], truth.joints_m[key][0], atol=1e-15)
        if released:
            np.testing.assert_allclose(hand.joints_m, truth.joints_m[key], atol=1e-15)
            assert hand.vertices_m is not None
            np.testing.assert_allclose(hand.vertices_m, truth.vertices_m[key], atol=1e-15)
        else:
            assert np.isnan(hand.joints_m[1:]).all() and hand.vertices_m is None
            assert np.isfinite(hand.keypoints_px[0]).all() and np.isnan(hand.keypoints_px[1:]).all()


@pytest.mark.parametrize(
    "name", ["train.txt", "train/ABF10/meta", "train/SM2/rgb", "evaluation.txt", "evaluation/AP10/rgb"]
)
def test_half_a_data_set_is_named(tmp_path, name):
    write_ho3d(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of HO-3D has it"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("name", ["meta/0002.pkl", "rgb/0002.jpg"])
def test_a_frame_without_its_file_is_named(tmp_path, name):
    write_ho3d(tmp_path)
    (tmp_path / "train" / "ABF10" / name).unlink()
    reader = open_dataset(tmp_path)
    assert reader.hand(reader.sequences[0], 1).frame == 10
    with pytest.raises(InputError, match=name):
        reader.hand(reader.sequences[0], 0)


LONG = ("x" * 1000 + "/0002", "ABF10/" + "9" * 5000)


@pytest.mark.parametrize("line", ["../../etc/0000", "ABF10", "ABF10/rgb", "/etc/0000", "ABF10/0000/0", *LONG])
def test_lists_that_lead_elsewhere_are_refused(tmp_path, line):
    write_ho3d(tmp_path)
    (tmp_path / "train.txt").write_text(f"ABF10/0002\n{line}\n")
    with pytest.raises(InputError, match=r"train\.txt, line 2: expected SEQUENCE/NUMBER"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("content, reason", [(b"", "is empty"), (b"\xff\xfe", "cannot be read")])
def test_lists_that_are_none(tmp_path, content, reason):
    write_ho3d(tmp_path)
    (tmp_path / "evaluation.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"evaluation\.txt {reason}"):
        open_dataset(tmp_path)


def test_truth_of_another_version_is_refused(tmp_path):
    write_ho3d(tmp_path)
    (tmp_path / "evaluation_xyz.json").write_text("[[[1, 2, 3]]]")
    with pytest.raises(InputError, match=r"evaluation_xyz\.json has 1 elements, but .*evaluation\.txt 2 images"):
        open_dataset(tmp_path)


class Harm:
    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def first_label_file(tmp_path):
    write_ho3d(tmp_path)
    return tmp_path / "train" / "ABF10" / "meta" / "0002.pkl"


def read_first(tmp_path) -> str:
    """The sentence with which the first hand is refused."""
    reader = open_dataset(tmp_path)
    with pytest.raises(InputError) as caught:
        reader.hand(reader.sequences[0], 0)
    assert "0002.pkl" in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    file, target = first_label_file(tmp_path), tmp_path / "ran"
    file.write_bytes(pickle.dumps({"camMat": Harm(str(target))}, 2))
    assert "refuses to load posix.mkdir: labels of HO-3D holds only numpy data" in read_first(tmp_path)
    assert not target.exists()
    pickle.loads(file.read_bytes())  # the same bytes do harm where nobody looks
    assert target.is_dir()


@pytest.mark.parametrize("kept", [0, 1, 20, 200, -1])
def test_truncated_pickles(tmp_path, kept):
    file = first_label_file(tmp_path)
    file.write_bytes(file.read_bytes()[:kept])
    assert "is no pickle of labels of HO-3D" in read_first(tmp_path)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"handPose": None}, "'handPose' is not annotated"),
        ({"handJoints3D": np.zeros((20, 3))}, "'handJoints3D': has shape (20, 3), expected (21, 3)"),
        ({"handBeta": np.full(10, np.nan)}, "'handBeta': holds a number that is not finite"),
        ({"camMat": "text"}, "'camMat': is no array of numbers"),
        ({"camMat": np.zeros((3, 3))}, "'camMat': is no camera matrix"),
        ({"camMat": np.array([{}, {}])}, "'camMat' is no array of numbers"),
    ],
)
def test_labels_that_are_not_what_they_should_be(tmp_path, change, reason):
    file = first_label_file(tmp_path)
    file.write_bytes(pickle.dumps(pickle.loads(file.read_bytes()) | change, 2))
    assert reason in read_first(tmp_path)


def test_a_label_that_is_missing_and_labels_that_are_no_dictionary(tmp_path):
    file = first_label_file(tmp_path)
    labels = pickle.loads(file.read_bytes())
    del labels["handTrans"]
    file.write_bytes(pickle.dumps(labels, 2))
    assert "has no 'handTrans'" in read_first(tmp_path)
    file.write_bytes(pickle.dumps([1, 2], 2))
    assert "holds no dictionary" in read_first(tmp_path)
    file.write_bytes(b"\x80\x02" + b"N" * 5 * 2**20)
    assert "is larger than 4 MB" in read_first(tmp_path)


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    file = first_label_file(tmp_path)
    data = file.read_bytes()
    reader = open_dataset(tmp_path)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        for position in rng.integers(0, 700, size=2):  # the names and headers; the numbers follow
            damaged[position] = rng.integers(0, 256)
        file.write_bytes(damaged)
        try:
            reader.hand(reader.sequences[0], 0)
        except InputError:
            refused += 1
    assert 100 < refused < 300  # both ends of the test were reached
