"""STB's layout is read as published, each camera in its own axes."""

import cv2
import numpy as np
import pytest
import scipy.io

from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from tests.miniature_data_sets import STB_NAMES, rows, write_stb


def published(labels_mm: np.ndarray) -> np.ndarray:
    """The fingers' points of one frame in the engine's order, mm; the wrist, which STB has not, NaN."""
    points = np.full((21, 3), np.nan)
    points[rows(STB_NAMES)] = labels_mm[1:]
    return points


def test_views_of_both_cameras(tmp_path):
    write_stb(tmp_path)
    reader = open_dataset(tmp_path)
    assert reader.name == "STB"
    assert [(s.name, s.split, s.length) for s in reader.sequences] == [
        ("B1Counting/BB_left", "evaluation", 3),
        ("B1Counting/BB_right", "evaluation", 3),
        ("B1Counting/SK_color", "evaluation", 3),
        ("B2Random/BB_left", "training", 3),
        ("B2Random/BB_right", "training", 3),
        ("B2Random/SK_color", "training", 3),
    ]
    assert all(sequence.in_time for sequence in reader.sequences)
    found = list(hands(reader))
    assert len(found) == 18
    for hand in found:
        clip, prefix = hand.sequence.name.split("/")
        assert hand.image == tmp_path / "images" / clip / f"{prefix}_{hand.frame}.png" and hand.image.is_file()
        assert hand.side == "left"
        assert np.isnan(hand.joints_m[0]).all() and np.isnan(hand.keypoints_px[0]).all()
        assert np.isfinite(hand.joints_m[1:]).all() and np.isfinite(hand.keypoints_px[1:]).all()


def test_the_stereo_cameras_see_one_hand(tmp_path):
    truth = write_stb(tmp_path)
    reader = open_dataset(tmp_path)
    for frame in range(3):
        left, right = (reader.hand(reader.sequences[number], frame) for number in (0, 1))
        labels = truth["B1Counting_BB"][frame]
        np.testing.assert_allclose(left.joints_m, published(labels) / 1000, atol=1e-15)
        assert left.palm_m is not None
        np.testing.assert_allclose(left.palm_m, labels[0] / 1000, atol=1e-15)
        # A rectified pair: the same rows, and columns further left by focal length x base line / depth.
        shift = left.keypoints_px - right.keypoints_px
        np.testing.assert_allclose(shift[1:, 1], 0, atol=1e-9)
        np.testing.assert_allclose(shift[1:, 0], 822.79041 * 120.054 / published(labels)[1:, 2], rtol=1e-12)


def test_the_depth_cameras_points_are_projected_as_opencv_does(tmp_path):
    """OpenCV takes the transform from the points' axes to the camera's: the inverse of the published one."""
    truth = write_stb(tmp_path)
    reader = open_dataset(tmp_path)
    rotation = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
    translation = np.array([-24.0381, -0.4563, -1.2326])
    k = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
    for frame in range(3):
        hand = reader.hand(reader.sequences[2], frame)
        points = published(truth["B1Counting_SK"][frame])[1:]
        back = rotation @ (hand.joints_m[1:].T * 1000) + translation[:, None]
        np.testing.assert_allclose(back.T, points, atol=1e-9)
        pixels = cv2.projectPoints(points, cv2.Rodrigues(rotation.T)[0], -rotation.T @ translation, k, np.zeros(4))[0]
        np.testing.assert_allclose(hand.keypoints_px[1:], pixels[:, 0] + 0.5, atol=1e-6)


def test_a_camera_or_a_clip_may_be_left_out(tmp_path):
    write_stb(tmp_path)
    (tmp_path / "labels" / "B2Random_BB.mat").unlink()
    (tmp_path / "images" / "B1Counting" / "SK_color_0.png").unlink()
    (tmp_path / "labels" / "notes.mat").write_bytes(b"of somebody else")
    names = [sequence.name for sequence in open_dataset(tmp_path).sequences]
    assert names == ["B1Counting/BB_left", "B1Counting/BB_right", "B2Random/SK_color"]


@pytest.mark.parametrize("name", ["labels", "images/B1Counting"])
def test_half_a_data_set_is_named(tmp_path, name):
    write_stb(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name} is missing: the layout of STB has it"):
        open_dataset(tmp_path)


def test_labels_without_any_image_and_images_without_any_label(tmp_path):
    write_stb(tmp_path)
    for image in tmp_path.glob("images/*/*.png"):
        image.rename(image.with_name(f"x{image.name}"))
    with pytest.raises(InputError, match=r"no labels/B\*_BB\.mat or labels/B\*_SK\.mat with its images"):
        open_dataset(tmp_path)
    for label in tmp_path.glob("labels/*.mat"):
        label.unlink()
    with pytest.raises(InputError, match=r"no labels/B\*_BB\.mat or labels/B\*_SK\.mat with its images"):
        open_dataset(tmp_path)


def test_an_image_that_is_missing_is_named_when_it_is_its_turn(tmp_path):
    write_stb(tmp_path)
    (tmp_path / "images" / "B1Counting" / "BB_left_1.png").unlink()
    reader = open_dataset(tmp_path)
    with pytest.raises(InputError, match=r"BB_left_1\.png is missing"):
        reader.hand(reader.sequences[0], 1)


@pytest.mark.parametrize(
    "content, reason",
    [
        ({"other": np.zeros(3)}, "has no 'handPara'"),
        ({"handPara": np.zeros((3, 20, 5))}, r"'handPara' has shape \(3, 20, 5\), expected 3 x 21 x frames"),
        ({"handPara": np.zeros((3, 21))}, r"'handPara' has shape \(3, 21\)"),
        ({"handPara": np.zeros((3, 21, 0))}, r"'handPara' has shape \(3, 21, 0\)"),
        ({"handPara": np.full((3, 21, 2), np.nan)}, "'handPara' holds a number that is not finite"),
        ({"handPara": np.full((3, 21, 2), "text")}, "'handPara' is no array of real numbers"),
    ],
)
def test_labels_that_are_not_what_they_should_be(tmp_path, content, reason):
    write_stb(tmp_path)
    scipy.io.savemat(tmp_path / "labels" / "B1Counting_BB.mat", content)
    with pytest.raises(InputError, match=rf"B1Counting_BB\.mat.*{reason}") as caught:
        open_dataset(tmp_path)
    assert "\n" not in str(caught.value)
