"""The engine's own canvas: nearer hides farther, lines are cut at the eye, pictures are in perspective."""

import numpy as np
import pytest

from fitter.visualize.viewer.painter import NEAR_M, Painter, in_front, on_screen
from fitter.visualize.viewer.shapes import Drawn, Panel, Picture, View, backdrop
from fitter.visualize.viewer.viewpoint import around

SIZE = (300, 200)
EYE = around(np.array([0.0, 0.0, 1.0]), 1.0, 0.0, 0.0)
SQUARE = np.array([[-0.1, -0.1, 1.0], [0.1, -0.1, 1.0], [0.1, 0.1, 1.0], [-0.1, 0.1, 1.0]])
CELLS = np.array([[0, 1, 2], [0, 2, 3]])
CENTRE = (slice(95, 105), slice(145, 155))


def square(name: str, scale: float, colour: tuple[float, float, float]) -> Drawn:
    return Drawn(name, CELLS, SQUARE * scale, np.tile(np.array(colour), (4, 1)))


def test_the_nearer_hides_the_farther_whatever_the_order() -> None:
    near, far = square("near", 0.8, (1.0, 0.0, 0.0)), square("far", 1.2, (0.0, 0.0, 1.0))
    for drawn in ([near, far], [far, near]):
        assert (Painter(SIZE).picture(View(drawn, [], [], EYE))[CENTRE] == [255, 0, 0]).all()


def test_an_empty_view_is_the_backdrop() -> None:
    assert np.array_equal(Painter(SIZE).picture(View([], [], [], EYE)), backdrop(SIZE))
    assert backdrop(SIZE).shape == (200, 300, 3) and 20 < backdrop(SIZE).mean() < 100


def test_pictures_are_upright_and_below_the_rest() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[:10] = (255, 0, 0)
    image[10:] = (0, 255, 0)
    picture = Picture("image", SQUARE, image)
    rgb = Painter(SIZE).picture(View([], [picture], [], EYE))
    assert (rgb[80, 150] == [255, 0, 0]).all() and (rgb[120, 150] == [0, 255, 0]).all()
    half = 0.1 * EYE.camera(SIZE).fx
    rows = np.flatnonzero((rgb[:, 150] != backdrop(SIZE)[:, 150]).any(axis=-1))
    assert abs(rows.min() - (100 - half)) <= 1.0 and abs(rows.max() + 1 - (100 + half)) <= 1.0
    covered = Painter(SIZE).picture(View([square("near", 0.5, (1.0, 1.0, 1.0))], [picture], [], EYE))
    assert (covered[80, 150] == 255).all()
    behind = Picture("image", SQUARE - [0.0, 0.0, 2.0], image)
    assert np.array_equal(Painter(SIZE).picture(View([], [behind], [], EYE)), backdrop(SIZE))


def test_lines_are_drawn_and_cut_at_the_eye() -> None:
    ends = np.array([[0.0, -0.1, 1.0], [0.0, 0.1, 1.0], [0.3, 0.0, -1.0]])
    line = Drawn("line", np.array([[0, 1], [0, 2]]), ends, np.ones((3, 3)))
    rgb = Painter(SIZE).picture(View([line], [], [], EYE)).astype(int)
    assert rgb[100, 149:152].max() > 200
    cut = in_front(ends[0], ends[2])
    assert cut is not None and cut[1, 2] == pytest.approx(NEAR_M) and np.allclose(cut[0], ends[0])
    assert in_front(ends[2], ends[2]) is None
    swapped = in_front(ends[2], ends[0])
    assert swapped is not None and np.allclose(swapped[::-1], cut)


def test_panels_lie_on_top_and_are_cut_at_the_border() -> None:
    panel = Panel("panel", 280, 190, np.full((40, 40, 3), 7, np.uint8))
    rgb = Painter(SIZE).picture(View([square("near", 0.5, (1.0, 0.0, 0.0))], [], [panel], EYE))
    assert (rgb[190:, 280:] == 7).all() and not (rgb[:190] == 7).all(axis=-1).any()


def test_the_screen_is_the_eyes_camera() -> None:
    seen = on_screen(np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.0, 0.0, -1.0]]), EYE, SIZE)
    assert np.allclose(seen[0], [150.0, 100.0, 1.0])
    assert seen[1, 0] == pytest.approx(150.0 + 0.1 * EYE.camera(SIZE).fx)
    assert np.isnan(seen[2, :2]).all()
