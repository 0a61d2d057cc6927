"""Dexter+Object and EgoDexter are read as published: fingertips only, from the depth camera's axes to the colour's."""

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import TIPS, write_dexter_object, write_egodexter

WRITERS = {"Dexter+Object": write_dexter_object, "EgoDexter": write_egodexter}
LABELS = {
    "Dexter+Object": "data/Grasp1/annotations/Grasp13D.txt",
    "EgoDexter": "data/Desk/annotation.txt_3D.txt",
}


@pytest.mark.parametrize("name", WRITERS)
def test_fingertips_in_the_colour_camera(tmp_path, name):
    truth = WRITERS[name](tmp_path)
    reader = open_dataset(tmp_path)
    assert reader.name == name
    assert [sequence.name for sequence in reader.sequences] == list(truth.tips_m)
    assert all(sequence.in_time and sequence.split == "evaluation" for sequence in reader.sequences)
    others = [row for row in range(21) if row not in TIPS]
    for hand in hands(reader):
        tips = truth.tips_m[hand.sequence.name][hand.frame]
        np.testing.assert_allclose(hand.joints_m[TIPS], tips, atol=1e-8)
        assert np.isnan(hand.joints_m[others]).all() and np.isnan(hand.keypoints_px[others]).all()
        seen = tips @ truth.k.T
        np.testing.assert_allclose(hand.keypoints_px[TIPS], seen[:, :2] / seen[:, 2:] + 0.5, atol=1e-4)
        assert hand.side == "left" and hand.image.is_file() and f"_{hand.frame:05d}_color" in hand.image.name
        assert hand.vertices_m is None and hand.mano is None and hand.palm_m is None


def test_what_was_not_seen_is_unknown(tmp_path):
    write_dexter_object(tmp_path / "do")
    write_egodexter(tmp_path / "ego")
    found = list(hands(open_dataset(tmp_path / "do")))
    assert [int(np.isfinite(hand.joints_m[:, 0]).sum()) for hand in found] == [5, 4, 5, 5] * 2
    found = list(hands(open_dataset(tmp_path / "ego")))
    assert [int(np.isfinite(hand.joints_m[:, 0]).sum()) for hand in found] == [5, 0, 3, 0, 5, 0, 5, 0, 5, 0, 5, 0] * 2


@pytest.mark.parametrize("name", WRITERS)
def test_parts_that_are_missing_or_disagree_are_named(tmp_path, name):
    WRITERS[name](tmp_path)
    labels = tmp_path / LABELS[name]
    image = next(iter((tmp_path / "data" / labels.relative_to(tmp_path).parts[1] / "color").iterdir()))
    image.unlink()
    with pytest.raises(InputError, match=r"3D\.txt has \d+ lines, but .*color \d+ images"):
        open_dataset(tmp_path)
    image.parent.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"color is missing: the layout of {name.replace('+', '.')} has it"):
        open_dataset(tmp_path)
    labels.write_text("1, 2\n")
    with pytest.raises(InputError, match=r"3D\.txt, line 1: '1, 2' is no point"):
        open_dataset(tmp_path)


def test_labels_that_are_missing_are_named(tmp_path):
    write_dexter_object(tmp_path)
    (tmp_path / LABELS["Dexter+Object"]).unlink()
    with pytest.raises(InputError, match=r"Grasp13D\.txt is missing: the layout of Dexter\+Object has it"):
        open_dataset(tmp_path)
