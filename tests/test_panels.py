"""What is written on the glass is where it is hit, says what is so, and fits any window."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.visualize.viewer.panels import (
    ACCENT,
    BAR_PX,
    BUTTONS,
    GROUND,
    NO_HAND,
    QUALITY_COLOURS,
    Status,
    Track,
    draw_bar,
    draw_caption,
    draw_help,
    draw_legend,
    lane_colours,
    lay_out,
)
from fitter.visualize.viewer.player import Action, Colouring, Player
from fitter.visualize.viewer.uncertainty import SigmaScale

SIZE = (1200, 700)
PLAYER = Player(n_frames=100, fps=25.0)
LANE = np.tile([[200.0, 40.0, 40.0]], (100, 1))
STATUS = Status([LANE], "right hand observed")


@pytest.mark.parametrize("size", [(1200, 700), (1920, 1080), (640, 480), (320, 320)])
def test_nothing_overlaps_and_all_is_in_the_bar(size: tuple[int, int]) -> None:
    layout = lay_out(size)
    boxes = [*(box for _, box in layout.boxes), layout.track.box]
    assert [action for action, _ in layout.boxes] == [Action.PLAY, *(action for action, _ in BUTTONS)]
    for left, top, right, bottom in boxes:
        assert left < right and size[1] - BAR_PX <= top < bottom <= size[1]
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    assert draw_bar(layout, PLAYER, STATUS).rgb.shape == (BAR_PX, size[0], 3)


def test_buttons_are_hit_where_they_are_and_light_up() -> None:
    layout = lay_out(SIZE)
    for action, (left, top, right, bottom) in layout.boxes:
        assert layout.hit((left + right) / 2, (top + bottom) / 2) is action
    assert layout.hit(600, 300) is None
    box = dict(layout.boxes)[Action.SKELETON]
    place = (slice(box[1] - layout.top + 4, box[1] - layout.top + 6), slice(box[0] + 5, box[2] - 5))
    off, on = (
        draw_bar(layout, replace(PLAYER, colouring=colouring), STATUS).rgb[place]
        for colouring in (Colouring.PLAIN, Colouring.SKELETON)
    )
    assert (on == ACCENT).all() and not (off == ACCENT).all(axis=-1).any()


def test_every_frame_can_be_reached_on_the_track() -> None:
    layout = lay_out(SIZE)
    left, top, right, bottom = layout.track.box
    hit = layout.hit(left, (top + bottom) / 2)
    assert isinstance(hit, Track)
    reached = {hit.frame_at(x, 100) for x in range(left - 5, right + 5)}
    assert reached == set(range(100))
    assert hit.frame_at(-1e9, 100) == 0 and hit.frame_at(1e9, 100) == 99


def test_the_head_stands_over_its_frame() -> None:
    layout = lay_out(SIZE)
    left, top, right, bottom = layout.track.box
    for frame in (0, 30, 99):
        bar = draw_bar(layout, replace(PLAYER, position=float(frame)), STATUS).rgb
        row = bar[(top + bottom) // 2 - layout.top, left - 4 : right + 4].astype(int)
        bright = np.flatnonzero(row.min(axis=-1) > 200) + left - 4
        assert layout.track.frame_at(float(bright.mean()), 100) == frame


def test_lanes_show_quality_bridges_and_absence() -> None:
    quality = np.array([0.0, 1.0, np.nan, 0.5, np.nan])
    present, observed = np.array([1, 1, 1, 1, 0], bool), np.array([1, 1, 1, 0, 0], bool)
    lane = lane_colours(quality, present, observed)
    assert np.allclose(lane[[0, 1]], QUALITY_COLOURS[[0, 2]])
    assert np.allclose(lane[3], 0.5 * QUALITY_COLOURS[1]) and np.allclose(lane[4], NO_HAND)
    layout = lay_out(SIZE)
    bar = draw_bar(layout, PLAYER, Status([LANE, LANE[:, ::-1]], "")).rgb
    left, top, right, bottom = layout.track.box
    strip = bar[top - layout.top : bottom - layout.top, right - 20]
    assert (strip[0] == [200, 40, 40]).all() and (strip[-1] == [40, 40, 200]).all()
    assert (strip == GROUND).all(axis=-1).any()


def test_a_long_status_is_cut_before_the_buttons() -> None:
    layout = lay_out((900, 500))
    words = "a very long sentence about what is known of this frame " * 5
    with_words, without = (draw_bar(layout, PLAYER, Status([], text)).rgb for text in (words, ""))
    changed = np.flatnonzero((with_words != without).any(axis=(0, 2)))
    assert len(changed) and changed.min() > layout.boxes[-1][1][2]


def test_the_warning_comes_first() -> None:
    layout = lay_out(SIZE)
    plain, warned = (draw_bar(layout, PLAYER, Status([], "words", warning)).rgb for warning in ("", "no video"))
    assert (plain != warned).any()


def test_the_legend_is_in_the_corner_and_has_the_scales_colours() -> None:
    scale = SigmaScale((2.0, 4.0, 6.0))
    legend = draw_legend(scale, SIZE)
    assert legend.left + legend.rgb.shape[1] <= SIZE[0] and legend.top > 0
    strip = legend.rgb[37]
    for end, sigma in ((22, 2.1), (-24, 5.9)):
        wanted = scale.colours(np.array([sigma]))[0] * 255
        assert np.abs(strip[end] - wanted).max() < 12


def test_the_help_and_the_caption_fit_small_windows() -> None:
    assert draw_help((400, 400)).rgb.shape[0] <= 400 - BAR_PX
    assert draw_help(SIZE).rgb.std() > 20
    caption = draw_caption((360, 320), PLAYER, STATUS)
    assert caption.top + caption.rgb.shape[0] == 320 and caption.rgb.shape[1] == 360
