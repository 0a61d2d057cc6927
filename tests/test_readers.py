"""Data sets are recognised by their files; what the readers share."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fitter import skeleton
from fitter.errors import InputError
from fitter.evaluate.readers import LAYOUTS, HandMask, open_dataset
from fitter.evaluate.readers.hand import from_pixel_centres, project
from fitter.evaluate.readers.layout import checked_array, checked_intrinsics
from tests import miniature_data_sets as miniatures

WRITERS = {
    "FreiHAND": miniatures.write_freihand,
    "HO-3D": miniatures.write_ho3d,
    "RHD": miniatures.write_rhd,
    "STB": miniatures.write_stb,
    "DexYCB": miniatures.write_dexycb,
    "InterHand2.6M": miniatures.write_interhand,
    "Dexter+Object": miniatures.write_dexter_object,
    "EgoDexter": miniatures.write_egodexter,
}


def test_every_layout_has_a_miniature_here():
    assert {layout.name for layout in LAYOUTS} == set(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_a_layout_is_recognised_by_its_own_signs_alone(tmp_path, name):
    WRITERS[name](tmp_path)
    assert open_dataset(tmp_path).name == name
    found = {layout.name: layout.n_signs(tmp_path) for layout in LAYOUTS}
    assert found.pop(name) > 0 and set(found.values()) == {0}


def test_no_data_set_and_no_folder(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="holds no data set of a known layout: expected FreiHAND") as caught:
        open_dataset(tmp_path)
    assert all(layout.name in str(caught.value) for layout in LAYOUTS) and "\n" not in str(caught.value)
    for nothing in (tmp_path / "clip.mp4", tmp_path / "none"):
        with pytest.raises(InputError, match="is no folder: expected that of a data set"):
            open_dataset(nothing)


def test_orders_are_permutations_with_the_wrist_first():
    for place in (skeleton.PLACE_IN_MANO, skeleton.PLACE_IN_RHD, skeleton.PLACE_IN_STB):
        assert sorted(place) == list(range(21)) and place[0] == 0
    assert sorted(skeleton.PLACE_IN_INTERHAND) == list(range(21)) and skeleton.PLACE_IN_INTERHAND[0] == 20
    # The rotations stand in MANO's order: their points are found at their own numbers.
    np.testing.assert_array_equal(skeleton.PLACE_IN_MANO[skeleton.POINT_OF_ROTATION], range(16))
    np.testing.assert_array_equal(skeleton.PLACE_IN_MANO[skeleton.FINGERTIPS], range(16, 21))


def test_projection_leaves_out_what_is_unknown_or_behind():
    k = np.array([[100.0, 0, 50], [0, 200, 60], [0, 0, 1]])
    points = np.array([[1.0, 1.0, 2.0], [np.nan, 0, 1], [0, 0, -1.0], [0, 0, 0]])
    pixels = project(points, k)
    np.testing.assert_array_equal(pixels[0], [100, 160])
    assert np.isnan(pixels[1:]).all()
    np.testing.assert_array_equal(project(points, from_pixel_centres(k))[0], [100.5, 160.5])
    np.testing.assert_array_equal(k[:2, 2], [50, 60])  # untouched


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_masks_take_their_channel_and_values_at_any_size(tmp_path, channels):
    image = np.zeros((4, 6, channels), dtype=np.uint8)
    image[1, 2] = [10, 20, 30, 255][:channels]  # blue, green, red
    path = tmp_path / "mask.png"
    assert cv2.imwrite(str(path), image)
    value = {1: 10, 3: 30, 4: 30}[channels]  # red
    expected = np.zeros((4, 6), dtype=bool)
    expected[1, 2] = True
    np.testing.assert_array_equal(HandMask(path, value, value).read((6, 4)), expected)
    assert HandMask(path, value + 1, 255).read((6, 4)).sum() == 0
    doubled = HandMask(path, value, 255).read((12, 8))
    np.testing.assert_array_equal(doubled, expected.repeat(2, axis=0).repeat(2, axis=1))
    if channels > 1:
        np.testing.assert_array_equal(HandMask(path, 10, 10, channel=2).read((6, 4)), expected)


def test_arrays_and_matrices_are_checked():
    assert checked_array([[1], [2]], (2,), "x").shape == (2,)
    for value in ([1], [[1, 2]], "12", None, {}, [1, "x"]):
        with pytest.raises(InputError, match="^x: "):
            checked_array(value, (3,), "x")
    good = [[500, 1e-9, 320], [0, 510, 240], [0, 0, 1]]
    np.testing.assert_array_equal(checked_intrinsics(good, "K"), [[500, 0, 320], [0, 510, 240], [0, 0, 1]])
    for wrong in (np.zeros((3, 3)), -np.eye(3), np.ones((3, 3)), np.diag([500.0, 500.0, 2.0])):
        with pytest.raises(InputError, match="^K: is no camera matrix"):
            checked_intrinsics(wrong, "K")


def test_readers_import_nothing_that_runs_a_file():
    """pickle itself is only in the inert unpickler."""
    folder = Path(miniatures.__file__).parents[1] / "fitter" / "evaluate" / "readers"
    sources = [path.read_text() for path in folder.glob("*.py")]
    assert len(sources) >= 8
    assert not any(
        "import pickle" in source or "allow_pickle=True" in source or "eval(" in source for source in sources
    )
