"""FreiHAND's layout is read as published."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fitter.clip.images import read_image
from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import write_freihand


def test_every_background_shows_the_annotated_pose(tmp_path):
    truth = write_freihand(tmp_path)
    reader = open_dataset(tmp_path)
    assert reader.name == "FreiHAND"
    assert [sequence.name for sequence in reader.sequences] == [
        *("training/gs", "training/hom", "training/sample", "training/auto")
    ]
    found = list(hands(reader))
    assert len(found) == 12
    for number, hand in enumerate(found):
        pose = number % 3
        assert hand.image == tmp_path / "training" / "rgb" / f"{number:08d}.jpg"
        assert abs(int(read_image(hand.image)[0, 0, 0]) - number) <= 2  # the very image, but for JPEG
        assert (hand.side, hand.frame, hand.sequence.split, hand.sequence.in_time) == ("right", pose, "training", False)
        np.testing.assert_array_equal(hand.joints_m, truth.joints_m[pose])
        assert hand.vertices_m is not None and hand.mano is not None and hand.mask is not None
        np.testing.assert_array_equal(hand.vertices_m, truth.vertices_m[pose])
        np.testing.assert_array_equal(hand.mano.pose, truth.mano[pose, :48])
        np.testing.assert_array_equal(hand.mano.betas, truth.mano[pose, 48:58])
        assert (hand.mano.zero, hand.mano.translation_m) == ("mean", None)
        mask = hand.mask.read((224, 224))
        assert mask.sum() == 40 * (40 + pose) and mask[10:50, 20:60].all()


def test_pixels_count_from_the_corner(tmp_path):
    truth = write_freihand(tmp_path)
    hand = next(iter(hands(open_dataset(tmp_path))))
    published = truth.joints_m[0] @ truth.k[0].T
    np.testing.assert_allclose(hand.keypoints_px, published[:, :2] / published[:, 2:] + 0.5, atol=1e-9)
    np.testing.assert_array_equal(hand.intrinsics[:2, 2], [112.5, 112.5])


@pytest.mark.parametrize("annotated", [True, False])
def test_the_evaluation_split_with_and_without_its_annotations(tmp_path, annotated):
    write_freihand(tmp_path)
    truth = write_freihand(tmp_path, poses=2, split="evaluation", annotated=annotated)
    reader = open_dataset(tmp_path)
    assert len(list(hands(reader, "training"))) == 12
    found = list(hands(reader, "evaluation"))
    assert [hand.image.name for hand in found] == ["00000000.jpg", "00000001.jpg"]
    for pose, hand in enumerate(found):
        np.testing.assert_array_equal(hand.intrinsics[0, 0], truth.k[pose, 0, 0])
        assert hand.mask is None
        if annotated:
            np.testing.assert_array_equal(hand.joints_m, truth.joints_m[pose])
        else:
            assert np.isnan(hand.joints_m).all() and np.isnan(hand.keypoints_px).all()
            assert hand.vertices_m is None and hand.mano is None


def test_only_the_green_screen_may_have_been_kept(tmp_path):
    write_freihand(tmp_path)
    for number in range(3, 12):
        (tmp_path / "training" / "rgb" / f"{number:08d}.jpg").unlink()
    (tmp_path / "training_verts.json").unlink()
    (tmp_path / "training_mano.json").unlink()
    found = list(hands(open_dataset(tmp_path)))
    assert len(found) == 3 and found[0].vertices_m is None and found[0].mano is None


@pytest.mark.parametrize("name", ["training_K.json", "training_xyz.json", "training/rgb", "training/rgb/00000000.jpg"])
def test_half_a_data_set_is_named(tmp_path, name):
    write_freihand(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of FreiHAND has it"):
        open_dataset(tmp_path)


def test_only_files_of_meshes_are_half_a_data_set(tmp_path):
    (tmp_path / "training_mano.json").write_text("[[1]]")
    with pytest.raises(InputError, match=r"training_K\.json is missing"):
        open_dataset(tmp_path)


def test_parts_that_disagree_are_named(tmp_path):
    write_freihand(tmp_path)
    xyz = tmp_path / "training_xyz.json"
    xyz.write_text(json.dumps(json.loads(xyz.read_text())[:2]))
    with pytest.raises(InputError, match=r"training_xyz\.json has 2 elements, but .*training_K\.json 3"):
        open_dataset(tmp_path)


def test_truncated_json_and_a_matrix_that_is_no_camera(tmp_path):
    write_freihand(tmp_path)
    file = tmp_path / "training_K.json"
    file.write_text(file.read_text()[:-10])
    with pytest.raises(InputError, match=r"training_K\.json is no JSON list of lists of numbers: it is cut short"):
        open_dataset(tmp_path)
    file.write_text("[[[1,0,0],[0,1,0],[0,1,1]],[[1,0,0],[0,1,0],[0,0,1]],[[1],[2],[3]]]")
    reader = open_dataset(tmp_path)
    with pytest.raises(InputError, match=r"training_K\.json, element 0: is no camera matrix"):
        reader.hand(reader.sequences[0], 0)
    with pytest.raises(InputError, match=r"element 2: has shape \(3, 1\), expected \(3, 3\)"):
        reader.hand(reader.sequences[0], 2)


def test_an_image_that_is_missing_is_named_when_it_is_its_turn(tmp_path):
    write_freihand(tmp_path)
    (tmp_path / "training" / "rgb" / "00000007.jpg").unlink()
    reader = open_dataset(tmp_path)
    assert reader.hand(reader.sequences[2], 0).image.name == "00000006.jpg"
    with pytest.raises(InputError, match=r"00000007\.jpg is missing"):
        reader.hand(reader.sequences[2], 1)
    mask = reader.hand(reader.sequences[0], 0).mask
    assert mask is not None
    mask.path.write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read as an image"):
        mask.read((224, 224))
    with pytest.raises(InputError, match="cannot be read as an image"):
        replace(mask, path=tmp_path / "none.jpg").read((224, 224))
