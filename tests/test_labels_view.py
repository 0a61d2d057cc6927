"""A picture, its camera and its pixels stay together through mirroring, cutting and scaling."""

import numpy as np
import pytest

from fitter.export.labels.view import CROP_MARGIN, View, crop_view, frame_view

FRAME = (200, 120)
K = np.array([[150.0, 0.0, 97.0], [0.0, 160.0, 61.5], [0.0, 0.0, 1.0]])


def blob(x: float, y: float, sigma: float = 4.0) -> np.ndarray:
    """A frame with one bright spot at a place in pixels, (0.5, 0.5) being the first pixel's centre."""
    columns, rows = np.meshgrid(np.arange(FRAME[0]) + 0.5, np.arange(FRAME[1]) + 0.5)
    light = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


def centre_of(picture: np.ndarray) -> np.ndarray:
    """Where the light of a picture is, in pixels."""
    light = picture[..., 0].astype(float)
    columns, rows = np.meshgrid(np.arange(light.shape[1]) + 0.5, np.arange(light.shape[0]) + 0.5)
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


VIEWS = {
    "frame": frame_view(FRAME),
    "mirrored frame": frame_view(FRAME, mirrored=True),
    "enlarged": View(FRAME, (40, 10), (100, 100), (224, 224)),
    "shrunk": View(FRAME, (40, 10), (100, 100), (64, 64)),
    "mirrored crop": View(FRAME, (60, 20), (90, 90), (224, 224), mirrored=True),
    "beyond the frame": View(FRAME, (-50, -60), (260, 260), (224, 224)),
    "mirrored beyond the frame": View(FRAME, (-50, -60), (260, 260), (130, 130), mirrored=True),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_the_picture_shows_a_spot_where_pixels_say(view):
    place = np.array([95.3, 60.8])
    picture = view.picture(blob(*place))
    assert picture.shape == (view.size[1], view.size[0], 3) and picture.dtype == np.uint8
    # What 8 bits leave of the spot's centre, and what an image without pixels beyond it cuts off, is below 0.1.
    np.testing.assert_allclose(centre_of(picture), view.pixels(place), atol=0.1)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_the_camera_projects_points_onto_pixels(view):
    points = np.array([[0.05, -0.02, 0.5], [-0.1, 0.06, 0.8], [0.0, 0.0, 0.3]])
    in_frame = points @ K.T
    turned = view.points(points) @ view.intrinsics(K).T
    wanted = view.pixels(in_frame[:, :2] / in_frame[:, 2:])
    np.testing.assert_allclose(turned[:, :2] / turned[:, 2:], wanted, atol=1e-10)
    assert view.intrinsics(K)[0, 0] > 0  # no reflection is left in K


def test_known_values():
    view = View(FRAME, (40, 10), (100, 50), (200, 50), mirrored=True)
    # Pixel 30 from the left is 170 from the left in the mirror, 130 from the cut, and twice that in the image.
    np.testing.assert_array_equal(view.pixels(np.array([30.0, 30.0])), [260.0, 20.0])
    np.testing.assert_array_equal(view.intrinsics(K), [[300.0, 0, (200 - 97 - 40) * 2], [0, 160.0, 51.5], [0, 0, 1]])
    np.testing.assert_array_equal(view.points(np.array([1.0, 2.0, 3.0])), [-1.0, 2.0, 3.0])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crop_is_around_its_points(mirrored):
    points = np.array([[50.0, 40.0], [90.0, 60.0], [70.0, 30.0]])
    view = crop_view(FRAME, points, side_px=224, mirrored=mirrored)
    assert view.size == (224, 224) and view.part_px == (round(40 * CROP_MARGIN),) * 2
    inside = view.pixels(points)
    low, high = inside.min(axis=0), inside.max(axis=0)
    # The middle of the points is that of the image, but for whole pixels of the frame.
    np.testing.assert_allclose((low + high) / 2, 112.0, atol=224 / 60)
    assert (low > 0).all() and (high < 224).all()


def test_a_crop_is_neither_a_point_nor_far_larger_than_the_frame():
    one = crop_view(FRAME, np.array([[20.0, 20.0]]), side_px=64)
    assert one.part_px == (8, 8)
    far = crop_view(FRAME, np.array([[-1e6, 0.0], [1e6, 10.0]]), side_px=64)
    assert far.part_px == (400, 400)


def test_outside_the_frame_is_black():
    bright = np.full((FRAME[1], FRAME[0], 3), 255, np.uint8)
    picture = View(FRAME, (-20, -20), (50, 50), (50, 50)).picture(bright)
    assert (picture[:20] == 0).all() and (picture[:, :20] == 0).all() and (picture[20:, 20:] == 255).all()
    assert (View(FRAME, (500, 0), (50, 50), (50, 50)).picture(bright) == 0).all()
