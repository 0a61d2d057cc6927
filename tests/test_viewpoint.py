"""The eye is where it says, sees what the clip's camera saw, and turns around what it looks at."""

import math

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.visualize.viewer.viewpoint import (
    FARTHEST_M,
    NEAREST_M,
    STEEPEST,
    Viewpoint,
    around,
    nearer,
    shifted,
    through,
    turned,
)

TARGET = np.array([0.1, -0.05, 0.6])
SIZE = (800, 500)


def pixels(view: Viewpoint, points: np.ndarray) -> np.ndarray:
    return view.camera(SIZE).project(torch.from_numpy(view.seen(points))).numpy()


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (0.7, 0.3), (-2.0, -1.0), (3.1, 1.2)])
def test_the_target_is_in_the_middle_at_its_distance(azimuth: float, elevation: float) -> None:
    view = around(TARGET, 0.8, azimuth, elevation)
    assert np.allclose(view.seen(TARGET[None])[0], [0.0, 0.0, 0.8])
    assert np.allclose(pixels(view, TARGET[None])[0], [400.0, 250.0])
    assert np.allclose(view.rotation @ view.rotation.T, np.eye(3)) and np.linalg.det(view.rotation) > 0
    homogeneous = np.append(TARGET, 1.0)
    assert np.allclose((view.extrinsic @ homogeneous)[:3], [0.0, 0.0, 0.8])


def test_the_eye_goes_right_and_up() -> None:
    assert around(TARGET, 1.0, 0.3, 0.0).eye_m[0] > TARGET[0]
    assert around(TARGET, 1.0, 0.0, 0.3).eye_m[1] < TARGET[1]  # y points down
    assert np.allclose(around(TARGET, 0.6, 0.0, 0.0).eye_m, TARGET - [0.0, 0.0, 0.6])
    level = around(TARGET, 1.0, 0.9, 0.5)
    assert level.rotation[0, 1] == pytest.approx(0.0)  # the horizon stays level


def test_turning_never_goes_over_the_top() -> None:
    view = around(TARGET, 1.0, 0.0, 0.0)
    assert turned(view, 0.0, 10.0).elevation == STEEPEST
    assert turned(view, 0.2, -10.0).elevation == -STEEPEST
    assert turned(turned(view, 0.2, 0.1), -0.2, -0.1).azimuth == pytest.approx(0.0)


def test_shifting_moves_what_is_seen_by_as_much() -> None:
    view = around(TARGET, 0.7, 0.5, 0.4)
    moved = pixels(shifted(view, 0.1, -0.2), TARGET[None])[0] - pixels(view, TARGET[None])[0]
    assert np.allclose(moved, [0.1 * SIZE[1], -0.2 * SIZE[1]])


def test_distances_stay_sensible() -> None:
    view = around(TARGET, 0.7, 0.0, 0.0)
    assert nearer(view, 2.0).distance_m == pytest.approx(0.35)
    assert nearer(view, 1e9).distance_m == NEAREST_M and nearer(view, 1e-9).distance_m == FARTHEST_M


@pytest.mark.parametrize(
    "camera",
    [
        Camera(900.0, 900.0, 640.0, 360.0, 1280, 720),
        Camera(400.0, 400.0, 150.0, 125.0, 320, 240),
        Camera(2000.0, 2000.0, 300.0, 700.0, 720, 1280),
    ],
)
def test_from_the_camera_the_whole_frame_fits_and_one_scale_maps_it(camera: Camera) -> None:
    above, below = 10.0, 90.0
    view = through(camera, SIZE, (above, below))
    assert np.allclose(view.eye_m, 0.0) and np.allclose(view.rotation, np.eye(3))
    corners = torch.tensor([[0, 0], [camera.width, camera.height]], dtype=torch.float64)
    shown = pixels(view, camera.rays(corners).numpy())
    assert shown.min() >= -1e-9 and shown[0, 1] >= above - 1e-9 and shown[1, 1] <= SIZE[1] - below + 1e-9
    assert shown[1, 0] <= SIZE[0] + 1e-9
    scale = (shown[1] - shown[0]) / [camera.width, camera.height]
    assert scale[0] == pytest.approx(scale[1])
    touching = [shown[0, 0], SIZE[0] - shown[1, 0], shown[0, 1] - above, SIZE[1] - below - shown[1, 1]]
    assert min(touching) == pytest.approx(0.0, abs=1e-9)
    assert math.isclose(view.camera(SIZE).fx, scale[0] * camera.fx)
