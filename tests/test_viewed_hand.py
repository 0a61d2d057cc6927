"""The hands that are drawn are the result's: same points, outward faces, colours that mean what the legend says."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.visualize.viewer.player import Colouring
from fitter.visualize.viewer.uncertainty import SigmaScale
from fitter.visualize.viewer.viewed_hand import ViewedHand, before_the_rest, draw_hand, edges_of, viewed_hand
from fitter.visualize.viewer.viewpoint import around
from tests.viewed_result import ABSENT, BRIDGED, texture_picture, viewed_result

RESULT = viewed_result()
VIEW = around(np.array([-0.08, 0.0, 0.55]), 0.6, 0.2, 0.1)
SCALE = SigmaScale((0.0, 5.0, 10.0))


def hand(index: int = 0) -> ViewedHand:
    return viewed_hand(RESULT, index, RESULT.joints_sigma_mm[index], texture_picture())


@pytest.mark.parametrize("index", [0, 1])
def test_faces_point_out_of_either_hand(index: int) -> None:
    shown = hand(index)
    a, b, c = (shown.vertices_m[0][shown.faces[:, corner]] for corner in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0.0


@pytest.mark.parametrize("colouring", list(Colouring))
def test_what_is_drawn_lies_on_the_fit(colouring: Colouring) -> None:
    for drawn in draw_hand(hand(), 2, colouring, VIEW, SCALE):
        assert np.isfinite(drawn.points_m).all() and 0.0 <= drawn.colours.min() and drawn.colours.max() <= 1.0
        assert drawn.cells.max() < len(drawn.points_m) == len(drawn.colours)
        if drawn.name.startswith(("surface", "wire")):
            assert np.allclose(drawn.points_m, RESULT.vertices_m[0, 2])
        elif drawn.name.startswith("skin"):
            assert np.allclose(drawn.points_m[: RESULT.vertices_m.shape[2]].min(0), RESULT.vertices_m[0, 2].min(0))


def test_cells_stay_the_same_from_frame_to_frame() -> None:
    """So that canvases move points in place."""
    shown = hand()
    for colouring in Colouring:
        first, second = (draw_hand(shown, frame, colouring, VIEW, SCALE) for frame in (0, 3))
        assert all(a.cells is b.cells and a.name == b.name for a, b in zip(first, second, strict=True))


def test_bones_before_the_wire_are_the_same_picture() -> None:
    points = RESULT.joints_m[0, 0].astype(np.float64)
    near, true = VIEW.seen(before_the_rest(points, VIEW)), VIEW.seen(points)
    assert np.allclose(near[:, :2] / near[:, 2:], true[:, :2] / true[:, 2:]) and (near[:, 2] < true[:, 2].min()).all()


def test_an_absent_hand_is_not_drawn() -> None:
    assert not draw_hand(hand(1), ABSENT, Colouring.PLAIN, VIEW, SCALE)
    assert draw_hand(hand(0), ABSENT, Colouring.PLAIN, VIEW, SCALE)


def test_a_hand_without_a_texture_is_plain() -> None:
    bare = viewed_hand(RESULT, 0, RESULT.joints_sigma_mm[0], None)
    plain, textured = (
        draw_hand(bare, 0, kind, VIEW, SCALE)[0].colours for kind in (Colouring.PLAIN, Colouring.TEXTURE)
    )
    assert np.array_equal(plain, textured)


def test_one_sigma_everywhere_is_one_hue() -> None:
    shown = replace(hand(), sigma_mm=np.full_like(RESULT.joints_sigma_mm[0], 10.0))
    colours = draw_hand(shown, 0, Colouring.UNCERTAINTY, VIEW, SCALE)[0].colours
    assert (colours[:, 0] > colours[:, 1]).mean() > 0.99 and (colours[:, 0] > colours[:, 2]).mean() > 0.99


def test_the_palms_texture_is_on_the_palm() -> None:
    """Blue on the palm, which faces the camera, red on the back."""
    (skin,) = draw_hand(hand(), 0, Colouring.TEXTURE, VIEW, SCALE)
    centre = RESULT.joints_m[0, 0, [0, 5, 17]].mean(axis=0)
    close = np.linalg.norm(skin.points_m[:, :2] - centre[:2], axis=1) < 0.02
    front = close & (skin.points_m[:, 2] < centre[2] - 0.004)
    back = close & (skin.points_m[:, 2] > centre[2] + 0.004)
    assert front.sum() > 10 and back.sum() > 10
    assert (skin.colours[front, 2] > skin.colours[front, 0]).all()
    assert (skin.colours[back, 0] > skin.colours[back, 2]).all()


def test_a_bridged_frame_is_greyer() -> None:
    grey = [
        np.ptp(draw_hand(hand(), frame, Colouring.PLAIN, VIEW, SCALE)[0].colours, axis=1).mean()
        for frame in (BRIDGED - 1, BRIDGED)
    ]
    assert grey[1] < 0.6 * grey[0]


def test_edges_are_counted_once() -> None:
    assert edges_of(np.array([[0, 1, 2], [2, 1, 3]])).tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
