"""Four panels of every frame: the difference is the true one, the sizes are sensible, and nothing is kept in memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.render.textured import blend_light
from fitter.visualize.comparison import (
    BEHIND_GREY,
    COLOURS,
    FULL_DIFFERENCE,
    GAP_PX,
    compare_frame,
    grid,
    panel_camera,
    write_comparison,
)
from fitter.visualize.dressed import DressedHand, draw_dressed, dressed_mesh
from fitter.visualize.overlay import OverlayStyle, draw_frame
from tests.dressed_hand import CAMERA, FRAMES, dressed_hand, mirrored

WIDTH, HEIGHT = CAMERA.width, CAMERA.height
BACKGROUND = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
CAPTIONS = 30  # rows at the bottom that hold letters


def filmed(hand: DressedHand, frame: int, camera: Camera = CAMERA) -> np.ndarray:
    """What a perfect camera sees of the hand."""
    picture = np.full((camera.height, camera.width, 3), 90, np.uint8)
    found = draw_dressed([hand], dressed_mesh([hand]), frame, camera)
    assert found is not None
    layer, (left, top, right, bottom) = found
    blend_light(picture[top:bottom, left:right], layer)
    return picture


def panels_of(rgb: np.ndarray, hand: DressedHand, frame: int, camera: Camera = CAMERA) -> list[np.ndarray]:
    """Input, rendering, difference, overlay."""
    panel = panel_camera(camera)
    sheet = compare_frame(rgb, [hand], dressed_mesh([hand]), frame, panel)
    rows, columns = (0, panel.height + GAP_PX), (0, panel.width + GAP_PX)
    return [sheet[r : r + panel.height, c : c + panel.width] for r in rows for c in columns]


def above(panel: np.ndarray) -> np.ndarray:
    return panel[: HEIGHT - CAPTIONS]


def covered(hand: DressedHand, frame: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    found = draw_dressed([hand], dressed_mesh([hand]), frame, CAMERA)
    assert found is not None
    layer, (left, top, right, bottom) = found
    mask[top:bottom, left:right] = layer[..., 3] == 1.0
    mask[HEIGHT - CAPTIONS :] = False
    return mask


def test_a_perfect_fit_has_no_difference() -> None:
    hand = dressed_hand()
    rgb = filmed(hand, 1)
    seen, rendering, difference, overlay = panels_of(rgb, hand, 1)
    assert (above(seen) == above(rgb)).all()
    inside = covered(hand, 1)
    assert inside.sum() > 3000 and (difference[inside] == COLOURS[0]).all()
    plain = OverlayStyle(caption=False)
    assert (above(overlay) == above(draw_frame(rgb, [hand.drawn], 1, CAMERA, plain))).all()
    assert (above(rendering)[:, :40] == BEHIND_GREY).all()
    assert (rendering[inside] == rgb[inside]).all()


@pytest.mark.parametrize(("levels", "colour"), [(FULL_DIFFERENCE // 2, 127), (FULL_DIFFERENCE, 255), (120, 255)])
def test_a_shade_that_is_off_has_its_colour(levels: int, colour: int) -> None:
    hand = dressed_hand()
    rgb = filmed(hand, 0)
    inside = covered(hand, 0)
    offset = np.where(rgb >= 128, rgb.astype(int) - levels, rgb.astype(int) + levels).astype(np.uint8)
    difference = panels_of(np.where(inside[..., None], offset, rgb), hand, 0)[2]
    core = inside & np.roll(inside, 3, 0) & np.roll(inside, -3, 0) & np.roll(inside, 3, 1) & np.roll(inside, -3, 1)
    levels_shown = np.array([np.flatnonzero((COLOURS == pixel).all(1))[0] for pixel in difference[core][::50]])
    assert np.abs(levels_shown - colour).max() <= 2


def test_the_scale_brightens_upwards() -> None:
    assert (np.diff(COLOURS.astype(int) @ [0.2126, 0.7152, 0.0722]) > -1.0).all()
    difference = panels_of(BACKGROUND, dressed_hand(), 0)[2]
    bar = difference[:, WIDTH - 15].astype(int).sum(axis=1)
    assert bar[30] > bar[60] + 100 > bar[110] + 200


def test_outside_the_hand_the_difference_shows_the_input_dimmed() -> None:
    hand = dressed_hand()
    difference = panels_of(filmed(hand, 0), hand, 0)[2]
    assert (difference[100, 5] == difference[100, 5, 0]).all() and 10 < difference[100, 5, 0] < 60


def test_a_frame_without_the_hand_renders_nothing_and_is_left_as_it_was() -> None:
    hand = dressed_hand()
    hand = replace(hand, drawn=replace(hand.drawn, present=np.array([True, False, True])))
    rgb = BACKGROUND.copy()
    seen, rendering, difference, overlay = panels_of(rgb, hand, 1)
    assert (rgb == 90).all() and (above(seen) == 90).all() and (above(overlay) == 90).all()
    assert (above(rendering) == BEHIND_GREY).all()
    assert (above(difference)[:, : WIDTH // 2] == difference[0, 0]).all()


@pytest.mark.parametrize(
    ("size", "panel"),
    [
        ((320, 240), (320, 240)),
        ((640, 480), (640, 480)),
        ((1920, 1080), (853, 480)),
        ((1080, 1920), (270, 480)),
        ((3840, 2160), (853, 480)),
    ],
)
def test_panels_are_no_higher_than_a_laptop_can_show(size: tuple[int, int], panel: tuple[int, int]) -> None:
    camera = Camera(900.0, 800.0, size[0] * 0.4, size[1] * 0.6, *size, distortion=(-0.1, 0.0, 0.0, 0.0))
    small = panel_camera(camera)
    assert (small.width, small.height) == panel and small.distortion == camera.distortion
    points = np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.3]]) * size
    shrunk = points * np.array(panel) / np.array(size)
    assert np.allclose(small.undistort(shrunk), camera.undistort(points) * np.array(panel) / np.array(size), atol=1e-6)


def test_a_large_frame_is_compared_at_the_panels_size() -> None:
    hand = dressed_hand()
    double = replace(CAMERA, fx=1200.0, fy=1200.0, cx=450.0, cy=375.0, width=960, height=720)
    difference = panels_of(filmed(hand, 0, double), hand, 0, double)[2]
    panel = panel_camera(double)
    assert difference.shape == (480, 640, 3)
    found = draw_dressed([hand], dressed_mesh([hand]), 0, panel)
    assert found is not None
    layer, (left, top, right, bottom) = found
    colours = difference[top:bottom, left:right][layer[..., 3] == 1.0]
    dark = (colours.astype(int).sum(axis=1) < COLOURS[26].astype(int).sum()).mean()
    assert dark > 0.97  # within 6 levels of 255 but for the borders of the fingers


def test_wide_frames_make_a_square_of_panels_and_upright_ones_a_row() -> None:
    wide = [np.full((4, 6, 3), number, np.uint8) for number in range(4)]
    sheet = grid(wide)
    assert sheet.shape == (8 + GAP_PX, 12 + GAP_PX, 3)
    assert [int(sheet[r, c, 0]) for r in (0, -1) for c in (0, -1)] == [0, 1, 2, 3]
    upright = grid([panel.transpose(1, 0, 2) for panel in wide])
    assert upright.shape == (6, 16 + 3 * GAP_PX, 3)
    assert [int(upright[0, (4 + GAP_PX) * number, 0]) for number in range(4)] == [0, 1, 2, 3]


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("size", [(320, 240), (241, 321)])
def test_the_video_has_every_frame_in_even_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    camera = replace(CAMERA, width=size[0], height=size[1])
    hands = [dressed_hand(), mirrored(dressed_hand())]
    frames = [np.full((size[1], size[0], 3), 60 + 40 * t, np.uint8) for t in range(FRAMES)]
    write_comparison(tmp_path / "comparison.mp4", iter(frames), hands, camera, 25.0)
    written = read(tmp_path / "comparison.mp4")
    assert len(written) == FRAMES
    mesh, panel = dressed_mesh(hands), panel_camera(camera)
    for t, frame in enumerate(written):
        expected = compare_frame(frames[t], hands, mesh, t, panel)
        height, width = expected.shape[:2]
        assert frame.shape[0] % 2 == 0 and frame.shape[1] % 2 == 0
        assert frame.shape[0] - height in (0, 1) and frame.shape[1] - width in (0, 1)
        assert np.abs(frame[:height, :width].astype(int) - expected).mean() < 4


def test_frames_are_asked_for_one_at_a_time(tmp_path: Path) -> None:
    """None is kept: each is gone when the next one is made."""
    import weakref

    alive: list[weakref.ref[np.ndarray]] = []

    def frames() -> Iterator[np.ndarray]:
        for _ in range(FRAMES):
            assert sum(reference() is not None for reference in alive) <= 1  # the loop's own variable
            frame = BACKGROUND.copy()
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    write_comparison(tmp_path / "comparison.mp4", frames(), [dressed_hand()], CAMERA, 25.0)
    assert len(alive) == FRAMES


@pytest.mark.parametrize(("count", "message"), [(FRAMES + 1, "more frames"), (FRAMES - 1, "2 frames, expected 3")])
def test_a_clip_of_another_length_is_named(tmp_path: Path, count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_comparison(tmp_path / "c.mp4", (BACKGROUND for _ in range(count)), [dressed_hand()], CAMERA, 25.0)
    assert not list(tmp_path.iterdir())
