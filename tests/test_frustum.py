"""The image stands behind the hands, seen from the camera exactly where the frame is."""

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.visualize.viewer.frustum import BEHIND_M, DEFAULT_DEPTH_M, frustum_behind, straightened

CAMERA = Camera(500.0, 520.0, 330.0, 220.0, 640, 480)


def test_corners_project_to_the_frames_corners_behind_every_vertex() -> None:
    points = np.random.default_rng(0).normal([0.0, 0.0, 0.6], 0.05, (500, 3))
    points[7] = np.nan
    frustum = frustum_behind(CAMERA, points)
    pixels = CAMERA.project(torch.from_numpy(frustum.corners_m)).numpy()
    assert np.allclose(pixels, [[0, 0], [640, 0], [640, 480], [0, 480]])
    assert frustum.depth_m == pytest.approx(np.nanmax(points[:, 2]) + BEHIND_M)
    lines = frustum.lines()
    assert np.allclose(lines.points_m[0], 0.0) and lines.points_m[1:, 2].max() < frustum.depth_m
    assert np.allclose(CAMERA.project(torch.from_numpy(lines.points_m[1:])).numpy(), pixels)


def test_its_front_is_towards_the_camera() -> None:
    frustum = frustum_behind(CAMERA, np.array([[0.0, 0.0, 0.5]]))
    assert frustum.faces_eye(np.array([0.3, -0.1, 0.2])) and not frustum.faces_eye(np.array([0.0, 0.0, 0.9]))


def test_without_a_hand_it_stands_somewhere() -> None:
    assert frustum_behind(CAMERA, np.zeros((0, 3))).depth_m == DEFAULT_DEPTH_M


@pytest.mark.parametrize("size", [(640, 480), (320, 240)])
def test_a_bent_image_is_straightened_at_any_size(size: tuple[int, int]) -> None:
    bent = Camera(500.0, 520.0, 330.0, 220.0, 640, 480, distortion=(-0.3, 0.1, 0.001, 0.002))
    pixels = np.array([[100.0, 80.0], [520.0, 400.0], [330.0, 100.0]])
    scale = size[0] / 640
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y in bent.distort(pixels) * scale:
        image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 255
    straight = straightened(image, bent, 0)[..., 0]
    for x, y in pixels * scale:
        part = np.argwhere(straight[int(y) - 12 : int(y) + 13, int(x) - 12 : int(x) + 13] > 100)
        assert np.abs(part.mean(axis=0) - 12.0).max() < 1.5
    assert straightened(image, CAMERA, 0) is image
