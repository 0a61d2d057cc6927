"""handfit's own arrays hold everything, bit for bit in its own conventions."""

import numpy as np
import pytest

from fitter.clip.images import read_image
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from tests.labelled_results import SIZE, make_result

NPZ = FORMATS["npz"]


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    first, second = make_result(mano_hand[0]), make_result(mano_hand[0], sides=("left",))
    folder = tmp_path_factory.mktemp("npz") / "labels"
    export_labels([first.source("two"), second.source("one")], LabelRequest(NPZ, images="frames"), folder)
    return folder, first, second


@pytest.mark.parametrize(("name", "place"), [("two", 1), ("one", 2)])
def test_every_array_is_the_results(exported, name, place):
    folder, made = exported[0], exported[place]
    labels, result = np.load(folder / f"{name}.npz", allow_pickle=False), made.result
    assert len(labels["frame"]) == result.present.sum()
    for row, frame in enumerate(labels["frame"]):
        hand = result.side.index(str(labels["side"][row]))
        for ours, theirs in (
            *(("joints_m", "joints_m"), ("sigma_mm", "joints_sigma_mm"), ("vertices_m", "vertices_m")),
            *(("pose", "pose"), ("translation_m", "translation_m"), ("quality", "quality")),
        ):
            np.testing.assert_array_equal(labels[ours][row], getattr(result, theirs)[hand, frame])
        np.testing.assert_array_equal(labels["betas"][row], result.betas[hand])
        np.testing.assert_allclose(labels["keypoints_px"][row], result.keypoints_px[hand, frame], atol=1e-3)
        np.testing.assert_array_equal(labels["relative_sigma_mm"][row], made.diagnostics.relative_sigma_mm[hand, frame])
        np.testing.assert_array_equal(labels["intrinsics"][row], result.K)
        np.testing.assert_array_equal(labels["image_of_frame"][row], np.eye(3)[:2])
        assert read_image(folder / str(labels["image"][row])).shape == (SIZE[1], SIZE[0], 3)
    np.testing.assert_array_equal(labels["faces"], result.faces)


def test_images_of_all_results_are_numbered_through(exported):
    folder = exported[0]
    names = sorted(path.relative_to(folder / "images").as_posix() for path in (folder / "images").rglob("*.jpg"))
    assert names == [*(f"one/{i:08d}.jpg" for i in range(5, 9)), *(f"two/{i:08d}.jpg" for i in range(5))]


def test_left_hands_stay_left_in_crops(mano_hand, tmp_path):
    made = make_result(mano_hand[0], sides=("left",))
    export_labels([made.source()], LabelRequest(NPZ), tmp_path / "labels")
    labels = np.load(tmp_path / "labels" / "clip.npz", allow_pickle=False)
    assert set(labels["side"]) == {"left"} and (labels["image_of_frame"][:, 0, 0] > 0).all()
    for row, frame in enumerate(labels["frame"]):
        moved = made.result.keypoints_px[0, frame] @ labels["image_of_frame"][row, :, :2].T
        np.testing.assert_allclose(labels["keypoints_px"][row], moved + labels["image_of_frame"][row, :, 2], atol=0.01)
