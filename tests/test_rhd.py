"""RHD's layout is read as published; its pickle runs nothing."""

import os
import pickle

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import write_rhd


@pytest.mark.parametrize("protocol", [2, 3, 5])
def test_both_hands_that_are_to_be_seen(tmp_path, protocol):
    truth = write_rhd(tmp_path, protocol=protocol)
    reader = open_dataset(tmp_path)
    assert reader.name == "RHD"
    found = list(hands(reader))
    assert [(hand.frame, hand.side) for hand in found] == [
        *((0, "left"), (0, "right"), (1, "right"), (2, "left"), (2, "right"))
    ]
    for hand in found:
        side = 0 if hand.side == "left" else 1
        assert hand.image == tmp_path / "training" / "color" / f"{hand.frame:05d}.png"
        np.testing.assert_array_equal(hand.joints_m, truth.joints_m[hand.frame, side])
        np.testing.assert_allclose(hand.keypoints_px, truth.keypoints_px(hand.frame, side), atol=1e-12)
        assert hand.visible is not None
        np.testing.assert_array_equal(hand.visible, truth.visible[hand.frame, side])
        np.testing.assert_array_equal(hand.intrinsics, truth.k)
        assert hand.mask is not None
        shown = np.flatnonzero(hand.mask.read((320, 320)).all(axis=1))
        assert (shown[0], shown[-1], len(shown)) == ((100, 114, 15) if hand.side == "left" else (200, 239, 40))


def test_the_evaluation_split_alone(tmp_path):
    write_rhd(tmp_path, split="evaluation")
    reader = open_dataset(tmp_path)
    assert [(s.name, s.split, s.length, s.in_time) for s in reader.sequences] == [
        ("evaluation", "evaluation", 5, False)
    ]
    assert list(hands(reader, "training")) == []


@pytest.mark.parametrize("name", ["training/anno_training.pickle", "training/color"])
def test_half_a_data_set_is_named(tmp_path, name):
    write_rhd(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of RHD has it"):
        open_dataset(tmp_path)


def test_an_image_that_is_missing_and_masks_that_may_be(tmp_path):
    write_rhd(tmp_path)
    (tmp_path / "training" / "mask" / "00000.png").unlink()
    (tmp_path / "training" / "color" / "00001.png").unlink()
    reader = open_dataset(tmp_path)
    assert reader.hand(reader.sequences[0], 0).mask is None
    with pytest.raises(InputError, match=r"00001\.png is missing"):
        reader.hand(reader.sequences[0], 2)


class Harm:
    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_code_in_the_pickle_is_refused_and_not_run(tmp_path):
    write_rhd(tmp_path)
    file, target = tmp_path / "training" / "anno_training.pickle", tmp_path / "ran"
    file.write_bytes(pickle.dumps(pickle.loads(file.read_bytes()) | {3: Harm(str(target))}))
    with pytest.raises(InputError, match=r"anno_training\.pickle: refuses to load posix\.mkdir: the labels of RHD"):
        open_dataset(tmp_path)
    assert not target.exists()


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_truncated_pickles(tmp_path, kept):
    write_rhd(tmp_path)
    file = tmp_path / "training" / "anno_training.pickle"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"anno_training\.pickle: is no pickle of the labels of RHD"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    "labels, reason",
    [
        ({}, "expected labels by the number of the image"),
        ({"0": {}}, "expected labels by the number of the image"),
        ({True: {}}, "expected labels by the number of the image"),
        ([1], "holds no dictionary"),
        ({0: {}}, "image 0: has no 'uv_vis'"),
        ({0: [1]}, "image 0: has no 'uv_vis'"),
        ({0: {"uv_vis": np.zeros((21, 3))}}, "image 0, 'uv_vis': has shape (21, 3), expected (42, 3)"),
    ],
)
def test_labels_that_are_not_what_they_should_be(tmp_path, labels, reason):
    write_rhd(tmp_path)
    (tmp_path / "training" / "anno_training.pickle").write_bytes(pickle.dumps(labels))
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert reason in str(caught.value) and "anno_training.pickle" in str(caught.value)
