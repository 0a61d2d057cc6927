"""Pictures are scaled to what they take on the glass; panels cover their pixels exactly."""

import numpy as np
import torch

from fitter.visualize.viewer.shapes import STEP_PX, Panel, Picture, fitted, on_glass, paste
from fitter.visualize.viewer.viewpoint import around

SIZE = (640, 480)
EYE = around(np.array([0.05, 0.0, 0.8]), 0.8, 0.7, -0.4)
CORNERS = np.array([[-0.2, -0.15, 0.8], [0.2, -0.15, 0.8], [0.2, 0.15, 0.8], [-0.2, 0.15, 0.8]])


def test_a_picture_gets_about_as_many_pixels_as_it_takes() -> None:
    straight = around(np.array([0.0, 0.0, 0.8]), 0.8, 0.0, 0.0)
    wide = 0.4 / 0.8 * straight.camera(SIZE).fx
    for shape in ((90, 120, 3), (1800, 2400, 3)):
        image = fitted(Picture("image", CORNERS, np.zeros(shape, np.uint8)), straight, SIZE).rgb
        assert abs(image.shape[1] - wide) <= STEP_PX / 2 and abs(image.shape[0] - 0.75 * wide) <= STEP_PX / 2


def test_a_picture_of_the_right_size_and_one_behind_the_eye_stay_as_they_are() -> None:
    picture = Picture("image", CORNERS, np.zeros((90, 120, 3), np.uint8))
    once = fitted(picture, EYE, SIZE)
    assert fitted(once, EYE, SIZE) is once
    assert fitted(Picture("image", CORNERS - [0.0, 0.0, 3.0], picture.rgb), EYE, SIZE).rgb is picture.rgb


def test_a_panel_on_the_glass_covers_its_pixels() -> None:
    panel = Panel("panel", 30, 40, np.zeros((100, 200, 3), np.uint8))
    corners = on_glass(panel, EYE, SIZE, 0.02).corners_m
    seen = EYE.seen(corners)
    pixels = EYE.camera(SIZE).project(torch.from_numpy(seen)).numpy()
    assert np.allclose(pixels, [[30, 40], [230, 40], [230, 140], [30, 140]]) and np.allclose(seen[:, 2], 0.02)


def test_what_sticks_out_is_cut() -> None:
    rgb = np.zeros((10, 10, 3), np.uint8)
    paste(rgb, [Panel("a", 8, 9, np.full((5, 5, 3), 9, np.uint8)), Panel("b", 20, 20, np.ones((2, 2, 3), np.uint8))])
    assert (rgb == 9).sum() == 6 and rgb.sum() == 54
