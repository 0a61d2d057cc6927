"""Whether a window can be opened here and Open3D can draw, found out without ever waiting for what does not answer.

    problem = display_problem()                 # None, or why there will be no window, in words
    problem = off_screen_problem()              # None, or why Open3D draws no picture without one

A stale DISPLAY makes X clients wait for minutes, and graphics libraries end the process rather than raise: therefore
another process tries, and has a few seconds.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np

from fitter.visualize.viewer.opengl import NoOpenGL, open_off_screen
from fitter.visualize.viewer.shapes import Picture, View
from fitter.visualize.viewer.viewpoint import around

PATIENCE_S = 10.0
# Open3D itself takes a second or two to load, on a busy machine many.
LONG_PATIENCE_S = 60.0
TRY = "from fitter.visualize.viewer.display import try_off_screen; try_off_screen()"

WHITE_ENOUGH = 250  # of 255

# Neither imports anything that is slow. Both libraries are what GLFW itself would open.
ASK = """
import ctypes, os, sys
def answers(library, connect):
    try:
        function = getattr(ctypes.CDLL(library), connect)
    except OSError:
        return False
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_char_p]
    return bool(function(None))
wayland = os.environ.get("WAYLAND_DISPLAY") and answers("libwayland-client.so.0", "wl_display_connect")
x11 = os.environ.get("DISPLAY") and answers("libX11.so.6", "XOpenDisplay")
sys.exit(0 if wayland or x11 else 1)
"""


def display_problem(patience_s: float = PATIENCE_S) -> str | None:
    """Why no window can be opened, or None where a display answers."""
    if not sys.platform.startswith("linux"):
        return None
    named = [f"{name}={os.environ[name]}" for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)]
    if not named:
        return "there is no display"
    display = " and ".join(named)
    try:
        asked = subprocess.run([sys.executable, "-S", "-E", "-c", ASK], timeout=patience_s, capture_output=True)
    except subprocess.TimeoutExpired:
        return f"the display {display} does not answer"
    return None if asked.returncode == 0 else f"the display {display} cannot be reached"


def off_screen_problem(patience_s: float = LONG_PATIENCE_S) -> str | None:
    """Why Open3D cannot draw off-screen, or None where it can."""
    if importlib.util.find_spec("open3d") is None:
        return "Open3D is not installed"
    try:
        tried = subprocess.run([sys.executable, "-c", TRY], timeout=patience_s, capture_output=True, env=_with_this())
    except subprocess.TimeoutExpired:
        return f"Open3D drew nothing within {patience_s:g} s"
    return None if tried.returncode == 0 else "Open3D cannot draw here"


def try_off_screen() -> None:
    """Draw something off-screen; raises NoOpenGL where nothing comes of it. For a process of its own."""
    white = np.full((8, 8, 3), 255, np.uint8)
    square = np.array([[-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
    view = View([], [Picture("square", square, white)], (), around(np.array([0.0, 0.0, 1.0]), 1.0, 0.0, 0.0))
    with open_off_screen((64, 64)) as canvas:
        if canvas.picture(view).min() < WHITE_ENOUGH:
            raise NoOpenGL("Open3D draws nothing off-screen")


def _with_this() -> dict[str, str]:
    """The environment, in which this very package is found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
