"""What is shown is the fit: from the camera the hands lie on the image as the overlay draws them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.visualize.overlay import DrawnHand, OverlayStyle, draw_frame
from fitter.visualize.viewer.display import off_screen_problem
from fitter.visualize.viewer.exhibit import Exhibit, exhibit_of, first_session, scene_view, seen_from, view_of
from fitter.visualize.viewer.frustum import straightened
from fitter.visualize.viewer.opengl import open_off_screen
from fitter.visualize.viewer.painter import Painter
from fitter.visualize.viewer.player import Colouring
from fitter.visualize.viewer.shapes import Canvas
from tests.viewed_result import ABSENT, BRIDGED, SIZE, texture_picture, viewed_result

WINDOW = (520, 460)
GREY = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
BENT = (-0.5, 0.1, 0.002, -0.001)


def exhibit(result: FitResult | None = None, textured: bool = True) -> Exhibit:
    folder = ResultFolder(Path("clip"), result or viewed_result())
    return exhibit_of(folder, [texture_picture() if textured else None] * 2)


@pytest.fixture(scope="module")
def off_screen() -> Iterator[Canvas]:
    problem = off_screen_problem()
    if problem is not None:
        pytest.skip(f"pictures by Open3D cannot be compared: {problem}")
    with open_off_screen(WINDOW) as canvas:
        yield canvas


@pytest.fixture(scope="module", params=["CPU", "Open3D"])
def canvas(request: pytest.FixtureRequest) -> Canvas:
    return Painter(WINDOW) if request.param == "CPU" else request.getfixturevalue("off_screen")


def changed(first: np.ndarray, second: np.ndarray, by: int = 12) -> np.ndarray:
    return np.abs(first.astype(int) - second.astype(int)).max(axis=-1) > by


def picture(canvas: Canvas, shown: Exhibit, frame: int, image: np.ndarray | None, colouring: Colouring) -> np.ndarray:
    session = first_session(shown, colouring, frame)
    session = replace(session, player=replace(session.player, from_camera=True, frustum=image is not None))
    view = scene_view(shown, session.player, seen_from(shown, session, WINDOW), image)
    # The camera's lines run along the image's border, which is measured here.
    return canvas.picture(replace(view, drawn=[drawn for drawn in view.drawn if drawn.name != "frustum"]))


def silhouette(canvas: Canvas, shown: Exhibit, frame: int, colouring: Colouring) -> np.ndarray:
    """The hands' pixels in the frame: where the picture differs from that without hands, within the image's border."""
    without = replace(shown, hands=[])
    bare, empty = picture(canvas, without, frame, GREY, colouring), picture(canvas, without, frame, None, colouring)
    rows, columns = np.nonzero(changed(bare, empty))
    with_hands = picture(canvas, shown, frame, GREY, colouring)
    covered = changed(with_hands, bare)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    y = ((np.arange(SIZE[1]) + 0.5) / SIZE[1] * covered.shape[0]).astype(int)
    x = ((np.arange(SIZE[0]) + 0.5) / SIZE[0] * covered.shape[1]).astype(int)
    return covered[y[:, None], x]


def overlay(result: FitResult, frame: int) -> np.ndarray:
    """The pixels of the input frame that the overlay's mesh covers."""
    hands = [
        DrawnHand(side, result.vertices_m[i], result.joints_m[i], result.faces, result.present[i], result.observed[i])
        for i, side in enumerate(result.side)
    ]
    style = OverlayStyle(mesh_opacity=1.0, bridged_opacity=1.0, skeleton=False, caption=False)
    black = np.zeros_like(GREY)
    return draw_frame(black, hands, frame, result.camera, style)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("colouring", [Colouring.PLAIN, Colouring.TEXTURE, Colouring.UNCERTAINTY])
def test_from_the_camera_the_hands_lie_as_in_the_overlay(canvas: Canvas, colouring: Colouring) -> None:
    result = viewed_result()
    for frame in (0, ABSENT):
        shown = silhouette(canvas, exhibit(result), frame, colouring)
        expected = overlay(result, frame).max(axis=-1) > 20
        assert shown.sum() > 2000
        # Half a pixel along a border of about 1500 pixels around 10000.
        assert overlap(shown, expected) > 0.94
        moved = np.roll(expected, 4, axis=1)
        assert overlap(shown, moved) < overlap(shown, expected) - 0.05


def test_with_lens_distortion_the_image_is_straightened_below_the_hands(canvas: Canvas) -> None:
    result = viewed_result(BENT)
    shown = silhouette(canvas, exhibit(result), 0, Colouring.PLAIN)
    bent = overlay(result, 0)
    straight = straightened(bent, result.camera, 0).max(axis=-1) > 20
    assert overlap(shown, straight) > 0.94
    assert overlap(shown, bent.max(axis=-1) > 20) < 0.9


def test_the_image_is_upright_and_fills_its_frame(canvas: Canvas) -> None:
    image = GREY.copy()
    image[: SIZE[1] // 2, : SIZE[0] // 2] = (250, 20, 20)
    seen = picture(canvas, replace(exhibit(), hands=[]), 0, image, Colouring.PLAIN).astype(int)
    red = (seen[..., 0] > 200) & (seen[..., 1] < 60)
    grey = (np.abs(seen - 128) < 6).all(axis=-1)
    rows, columns = np.nonzero(red | grey)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    middle, centre = (top + bottom) // 2, (left + right) // 2
    assert red[top + 3 : middle - 3, left + 3 : centre - 3].mean() > 0.99
    assert not red[middle + 3 :].any() and not red[:, centre + 3 :].any()
    assert (right - left) / (bottom - top) == pytest.approx(SIZE[0] / SIZE[1], rel=0.01)


def test_colourings_differ_and_a_hand_that_is_absent_is_not_drawn(canvas: Canvas) -> None:
    shown = exhibit()
    pictures = {kind: picture(canvas, shown, 0, GREY, kind) for kind in Colouring}
    for kind, other in zip(list(Colouring), list(Colouring)[1:], strict=False):
        assert changed(pictures[kind], pictures[other]).sum() > 2000
    both, one = (silhouette(canvas, shown, frame, Colouring.PLAIN) for frame in (ABSENT - 1, ABSENT))
    beyond = 200  # columns where only the left hand is
    assert both[:, beyond:].sum() > 1000 and not one[:, beyond:].any() and one[:, :beyond].sum() > 1000


def test_both_canvases_draw_the_same(off_screen: Canvas) -> None:
    shown = exhibit()
    for colouring in (Colouring.SKELETON, Colouring.UNCERTAINTY):
        view = view_of(shown, first_session(shown, colouring, 2), WINDOW, GREY)
        first, second = off_screen.picture(view), Painter(WINDOW).picture(view)
        difference = np.abs(first.astype(int) - second.astype(int))
        # Lines are drawn a little differently, borders smoothed a little differently.
        assert difference.mean() < 2.0 and changed(first, second, 40).mean() < 0.03


def test_sigma_is_seen_and_bridged_frames_are_duller() -> None:
    shown = exhibit()
    low, high = shown.scale.low_mm, shown.scale.high_mm
    assert low <= 2.0 + 0.3 and high >= 12.5 - 0.5  # all but the outermost hundredth
    painter = Painter(WINDOW)
    plain = [picture(painter, shown, frame, None, Colouring.PLAIN) for frame in (BRIDGED - 1, BRIDGED)]
    strongest = [np.ptp(each[:, : WINDOW[0] // 2].astype(int), axis=-1).max() for each in plain]
    assert strongest[1] < 0.8 * strongest[0]
    sure, unsure = (picture(painter, shown, frame, None, Colouring.UNCERTAINTY) for frame in (0, 11))
    warmth = [np.mean(each[..., 0].astype(int) - each[..., 2]) for each in (sure, unsure)]
    assert warmth[1] > warmth[0] + 0.5


def test_what_is_known_is_said() -> None:
    shown = exhibit()
    session = first_session(shown, Colouring.UNCERTAINTY, ABSENT)
    view = view_of(shown, session, WINDOW, None)
    assert [panel.name for panel in view.panels] == ["bar", "legend"] and not view.pictures
    helped = replace(session, player=replace(session.player, help=True))
    assert view_of(shown, helped, WINDOW, None).panels[-1].name == "help"
    assert first_session(exhibit(textured=False), Colouring.PLAIN, 0).player.colourings == (
        Colouring.PLAIN,
        Colouring.SKELETON,
        Colouring.UNCERTAINTY,
    )


def test_a_result_without_hands_is_shown_as_an_empty_clip() -> None:
    both = viewed_result()
    rows = {
        name: getattr(both, name)[:0]
        for name in ("present", "observed", "joints_m", "joints_sigma_mm", "quality", "keypoints_px", "vertices_m")
    }
    empty = replace(both, side=(), **rows)
    shown = exhibit_of(ResultFolder(Path("empty"), empty), [])
    view = view_of(shown, first_session(shown, Colouring.PLAIN, 3), WINDOW, GREY)
    assert [drawn.name for drawn in view.drawn] == ["frustum"] and len(view.pictures) == 1
    assert Painter(WINDOW).picture(view).shape == (WINDOW[1], WINDOW[0], 3)
