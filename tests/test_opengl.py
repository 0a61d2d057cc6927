"""A window opens under a display, plays, scrubs and closes; without one, nothing pretends to be a window."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitter.visualize.viewer.display import off_screen_problem
from fitter.visualize.viewer.opengl import NoOpenGL, OffScreen, open_off_screen, open_window
from fitter.visualize.viewer.shapes import Drawn, Panel, Picture, View
from fitter.visualize.viewer.viewpoint import Viewpoint, around

REPOSITORY = Path(__file__).parents[1]
SIZE = (480, 360)
PATIENCE_S = 120.0
EYE = around(np.array([0.0, 0.0, 1.0]), 1.0, 0.0, 0.0)
SQUARE = np.array([[-0.1, -0.1, 1.0], [0.1, -0.1, 1.0], [0.1, 0.1, 1.0], [-0.1, 0.1, 1.0]])
CELLS = np.array([[0, 1, 2], [0, 2, 3]])

WINDOW = """
import sys, time
from pathlib import Path
from tests.viewed_result import texture_picture, viewed_result, write_clip
from fitter.clip import open_clip
from fitter.export.folder import ResultFolder
from fitter.visualize.viewer.desk import Desk
from fitter.visualize.viewer.events import Key, Move, Press, Release
from fitter.visualize.viewer.exhibit import exhibit_of, first_session, status_words
from fitter.visualize.viewer.kept_images import kept_images
from fitter.visualize.viewer.opengl import open_window
from fitter.visualize.viewer.panels import Status, draw_bar, lay_out
from fitter.visualize.viewer.player import Colouring
from fitter.export.texture import write_png

folder, size = Path(sys.argv[1]), (640, 480)
exhibit = exhibit_of(ResultFolder(Path("clip"), viewed_result()), [texture_picture()] * 2)
clip = open_clip(write_clip(folder / "clip.mp4"))

def keep(name):
    desk.step()
    write_png(folder / f"{name}.png", window.picture())

def turn(*events):
    window.listener._events.extend(events)
    desk.step()

with kept_images(lambda: clip, exhibit.n_frames) as images, open_window(size, "test") as window:
    assert images.wait(exhibit.n_frames - 1) is not None
    desk = Desk(window, exhibit, first_session(exhibit, Colouring.PLAIN, 0), images)
    for _ in range(3):
        assert desk.step()
    keep("first")
    status = Status(exhibit.lanes, status_words(exhibit, 0))
    bar = draw_bar(lay_out(size), desk.session.player, status)
    shown = window.picture()[bar.top :].astype(int)
    print("bar differs by", abs(shown - bar.rgb).max())
    seen = []
    turn(Key("Space"))
    end = time.monotonic() + 60
    while len(set(seen)) < 6 and time.monotonic() < end:
        desk.step()
        seen.append(desk.session.player.frame)
    assert len(set(seen)) >= 6, seen
    turn(Key("Space"), Key("End"))
    keep("last")
    left, top, right, bottom = lay_out(window.size).track.box
    turn(Move((left + right) / 2, (top + bottom) / 2), Press(0), Release())
    assert desk.session.player.frame == exhibit.n_frames // 2, desk.session.player
    keep("scrubbed")
    # What GLFW itself would report: arrow, then the second colouring.
    window.listener.key(263, 1, 0)
    window.listener.key(ord("2"), 1, 0)
    turn()
    assert desk.session.player.frame == exhibit.n_frames // 2 - 1
    keep("skeleton")
    turn(Key("C"))
    keep("camera")
    print("size", *window.size)
    turn(Key("Escape"))
    assert not desk.step()
print("closed")
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The name of an X display without a screen of its own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no window can be opened: Xvfb is not installed (Debian: apt-get install xvfb)")
    pytest.importorskip("open3d", reason="no window can be opened: Open3D is not installed")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.communicate(timeout=20)


def run(source: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept |= {"PYTHONPATH": str(REPOSITORY), **environment}
    command = [sys.executable, "-c", source, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=kept, cwd=REPOSITORY)


def test_the_window_plays_scrubs_shows_and_closes(display: str, tmp_path: Path) -> None:
    ended = run(WINDOW, str(tmp_path), DISPLAY=display)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.splitlines()
    assert said[1:] == ["size 640 480", "closed"]
    # The bar lies on the glass pixel by pixel, so its letters are sharp; colours are rounded once more.
    assert said[0].startswith("bar differs by") and int(said[0].split()[-1]) <= 1
    names = ("first", "last", "scrubbed", "skeleton", "camera")
    shots = {name: np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int) for name in names}
    for name, shot in shots.items():
        assert shot.shape == (480, 640, 3) and shot[:380].std() > 15, name
    for name, other in zip(names, names[1:], strict=False):
        scene = np.abs(shots[name] - shots[other])[:380]
        assert (scene.max(axis=-1) > 10).mean() > 0.02, (name, other)
    # The image's grey grows by 10 with each frame: what is shown behind the hands is the frame's own image.
    grey = np.median(shots["camera"][100:350, 130:510], axis=(0, 1))
    assert np.allclose(grey, 60 + 10 * 5, atol=6)


def test_no_display_gives_no_window_that_nobody_sees() -> None:
    """Open3D 0.20 makes an off-screen context in its place, which would wait for its user for ever."""
    pytest.importorskip("open3d", reason="Open3D is not installed")
    source = """
import os
from fitter.visualize.viewer.opengl import NoOpenGL, open_window
for display in ("", ":94"):
    os.environ["DISPLAY"] = display
    try:
        with open_window((320, 240), "nobody"):
            print("opened")
    except NoOpenGL as error:
        print(error)
"""
    assert run(source).stdout.splitlines() == ["Open3D could not open a window"] * 2


@pytest.fixture(scope="module")
def canvas() -> Iterator[OffScreen]:
    problem = off_screen_problem()
    if problem is not None:
        pytest.skip(f"nothing can be drawn off-screen: {problem}")
    with open_off_screen(SIZE) as off_screen:
        yield off_screen


def drawn(colour: tuple[float, float, float], shift: float = 0.0) -> Drawn:
    return Drawn("square", CELLS, SQUARE + [shift, 0.0, 0.0], np.tile(np.array(colour), (4, 1)))


def pixels_per_metre(eye: Viewpoint) -> float:
    return eye.camera(SIZE).fx


def test_a_square_is_where_it_should_be_and_moves_in_place(canvas: OffScreen) -> None:
    half = 0.1 * pixels_per_metre(EYE)
    for shift, colour in ((0.0, (1.0, 0.0, 0.0)), (0.05, (0.0, 1.0, 0.0)), (-0.07, (0.0, 0.0, 1.0))):
        rgb = canvas.picture(View([drawn(colour, shift)], [], [], EYE)).astype(int)
        rows, columns = np.nonzero(np.abs(rgb - 255 * np.array(colour)).max(axis=-1) < 40)
        centre = SIZE[0] / 2 + shift * pixels_per_metre(EYE)
        assert abs(columns.min() - (centre - half)) < 1.0 and abs(columns.max() + 1 - (centre + half)) < 1.0
        assert abs(rows.min() - (SIZE[1] / 2 - half)) < 1.0
    empty = canvas.picture(View([], [], [], EYE)).astype(int)
    assert empty.max() < 120  # what is not in the view is not drawn


def test_pictures_are_upright_replaced_and_behind_what_is_nearer(canvas: OffScreen) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:20, :20] = (255, 0, 0)
    image[:20, 20:] = (0, 255, 0)
    image[20:, :20] = (0, 0, 255)
    image[20:, 20:] = (255, 255, 255)
    behind = Picture("image", SQUARE * 1.5, image)  # on the same rays as the square, and farther away
    left, right = (SIZE[0] // 2 - 40, SIZE[0] // 2 + 40)
    above, below = (SIZE[1] // 2 - 40, SIZE[1] // 2 + 40)
    rgb = canvas.picture(View([], [behind], [], EYE))
    corners = [rgb[above, left], rgb[above, right], rgb[below, left], rgb[below, right]]
    assert np.abs(np.array(corners, int) - [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]).max() <= 2
    turned = canvas.picture(View([], [Picture("image", SQUARE * 1.5, image[::-1].copy())], [], EYE))
    assert np.abs(turned[above, left].astype(int) - [0, 0, 255]).max() <= 2
    hidden = canvas.picture(View([drawn((1.0, 1.0, 0.0))], [behind], [], EYE))
    assert np.abs(hidden[above, left].astype(int) - [255, 255, 0]).max() <= 2


def test_panels_lie_on_the_glass_pixel_by_pixel(canvas: OffScreen) -> None:
    panel = Panel("panel", 7, 11, np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8))
    rgb = canvas.picture(View([drawn((1.0, 0.0, 0.0))], [], [panel], EYE))
    assert np.array_equal(rgb[11:31, 7:37], panel.rgb)


def test_open3d_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from fitter.errors import InputError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"extra `view`: pip install 'handfit\[view\]'"), open_window(SIZE, "x"):
        pass
    with pytest.raises(InputError, match="not installed"), open_off_screen(SIZE):
        pass


def test_a_missing_system_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    pytest.importorskip("open3d", reason="Open3D is not installed")
    real = builtins.__import__

    def broken(name: str, *rest: object) -> object:
        if name == "open3d":
            raise OSError("libGL.so.1: cannot open shared object file")
        return real(name, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(NoOpenGL, match="libGL.so.1"), open_off_screen(SIZE):
        pass
