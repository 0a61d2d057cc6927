"""Whether there is a display is known within seconds, whatever does not answer."""

import subprocess
import sys
import time

import pytest

from fitter.visualize.viewer import display
from fitter.visualize.viewer.display import display_problem, off_screen_problem

linux = pytest.mark.skipif(sys.platform != "linux", reason="displays are asked for on Linux only")


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@linux
def test_none_is_said() -> None:
    assert display_problem() == "there is no display"


@linux
@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_stale_one_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, ":93" if name == "DISPLAY" else "wayland-93")
    assert display_problem() == f"the display {name}={':93' if name == 'DISPLAY' else 'wayland-93'} cannot be reached"


@linux
def test_one_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":93")
    monkeypatch.setattr(display, "ASK", "import time; time.sleep(600)")
    began = time.monotonic()
    assert display_problem(patience_s=0.5) == "the display DISPLAY=:93 does not answer"
    assert time.monotonic() - began < 30.0


def test_elsewhere_a_window_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert display_problem() is None


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import os; os.kill(os.getpid(), 11)", "Open3D cannot draw here"),
        ("raise SystemExit(1)", "Open3D cannot draw here"),
        ("import time; time.sleep(600)", "Open3D drew nothing within 0.5 s"),
    ],
)
def test_a_broken_driver_is_survived(monkeypatch: pytest.MonkeyPatch, source: str, problem: str) -> None:
    pytest.importorskip("open3d", reason="Open3D is not installed")
    monkeypatch.setattr(display, "TRY", source)
    assert off_screen_problem(patience_s=0.5 if "sleep" in source else 60.0) == problem


def test_open3d_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: pytest.fail("nothing to try"))
    assert off_screen_problem() == "Open3D is not installed"
