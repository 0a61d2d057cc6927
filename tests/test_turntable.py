"""Eight views: each shows the side that its label says, of either hand, within the picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitter.hand import HandModel
from fitter.observe.observations import Side
from fitter.visualize.turntable import (
    COLUMNS,
    VIEW_PX,
    VIEWS,
    TurntableHand,
    background,
    draw_turntable,
    draw_view,
    label,
    turned,
    write_turntable,
)
from tests.dressed_hand import appearance, coloured_hand

LETTERS_PX = 40  # rows at the bottom that hold the label


def resting(side: Side, model: HandModel | None = None) -> TurntableHand:
    model = model or coloured_hand()
    vertices = model.template.numpy() * ([1.0, 1.0, 1.0] if side == "right" else [-1.0, 1.0, 1.0])
    arrays = (model.faces.numpy(), model.uv.numpy(), model.uv_faces.numpy())
    return TurntableHand(side, vertices, *arrays, appearance())


def covered(view: np.ndarray) -> np.ndarray:
    mask = (view != background()).any(axis=-1)
    mask[-LETTERS_PX:] = False
    return mask


def mean_colour(view: np.ndarray) -> np.ndarray:
    return view[covered(view)].mean(axis=0)


def test_the_views_are_named_in_the_order_of_the_turn() -> None:
    assert [label(turn) for turn in (0, 1, 2, 4, 6)] == [
        "back",
        "back, thumb side",
        "thumb side",
        "palm",
        "little finger side",
    ]
    assert label(VIEWS - 1) == "little finger side, back" and len({label(turn) for turn in range(VIEWS)}) == VIEWS


@pytest.mark.parametrize("side", ["right", "left"])
def test_each_view_shows_the_side_it_says(side: Side) -> None:
    """The skin is red on the back, blue on the palm, green on the thumb's side."""
    back, thumb, palm, little = (mean_colour(draw_view(resting(side), turn)) for turn in (0, 2, 4, 6))
    assert back[0] > back[2] + 30 and palm[2] > palm[0] + 30
    assert thumb[1] > little[1] + 30 and abs(thumb[0] - thumb[2]) < 30


@pytest.mark.parametrize(("side", "left_of_middle"), [("right", True), ("left", False)])
def test_the_back_is_seen_as_one_sees_the_own_hand(side: Side, left_of_middle: bool) -> None:
    """Fingers up; a right thumb is on the left of its back."""
    hand = resting(side)
    thumb = hand.vertices_m[:, 2].argmax()
    finger = np.abs(hand.vertices_m[:, 0]).argmax()
    points = turned(hand, 0.0).numpy()
    assert (points[thumb, 0] < 0) == left_of_middle
    assert points[finger, 1] == points[:, 1].min() < 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_turning_keeps_the_hand_rigid_and_not_mirrored(side: Side) -> None:
    hand = resting(side)
    rest = hand.vertices_m - hand.vertices_m.mean(0)
    for angle in (0.0, 0.7, 2.0):
        points = turned(hand, angle).numpy()
        rotation, *_ = np.linalg.lstsq(rest, points - points.mean(0), rcond=None)
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("stretch", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (0.5, 1.0, 1.5)])
def test_every_view_has_the_whole_hand_and_fills_its_place(side: Side, stretch: tuple[float, float, float]) -> None:
    hand = resting(side)
    hand = replace(hand, vertices_m=hand.vertices_m * stretch)
    views = [draw_view(hand, turn) for turn in range(VIEWS)]
    masks = np.stack([covered(view) for view in views])
    assert not masks[:, :4].any() and not masks[:, :, :4].any() and not masks[:, :, -4:].any()
    assert not masks[:, -LETTERS_PX - 1].any()
    rows, columns = np.nonzero(masks.any(axis=0))
    assert max(np.ptp(rows) / VIEW_PX[1], np.ptp(columns) / VIEW_PX[0]) > 0.7
    assert all((view[-LETTERS_PX:] != background()[-LETTERS_PX:]).sum() > 100 for view in views)


def test_the_picture_holds_all_views(tmp_path: Path) -> None:
    hand = resting("right")
    sheet = draw_turntable(hand)
    width, height = VIEW_PX
    assert sheet.shape == (VIEWS // COLUMNS * height, COLUMNS * width, 3)
    assert np.array_equal(sheet[height:, width : 2 * width], draw_view(hand, 5))
    write_turntable(tmp_path / "turntable_right.png", hand)
    with Image.open(tmp_path / "turntable_right.png") as image:
        assert np.array_equal(np.asarray(image), sheet)
