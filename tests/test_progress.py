"""Progress shows phase, stage, step and the energy per term: live on a terminal, in lines elsewhere, or not at all."""

import io

import pytest
from rich.console import Console

from fitter.app.progress import LiveProgress, PlainProgress, Progress, SilentProgress, describe_step, show_progress

TERMS = {"anatomy": 3.0, "keypoints": 200.125, "shape": 0.5, "size": 1.5, "pose": 40.0, "focal": 0.25}


def _console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=160)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _walk(progress: Progress) -> None:
    progress.begin("observe")
    progress.frame(5, 20)
    progress.begin("optimise")
    progress.step("refine", 12, 245.375, TERMS)


def test_a_step_names_the_largest_terms_and_sums_the_rest() -> None:
    line = describe_step("refine", 12, 245.375, TERMS)
    assert line == "refine, step 12, energy 245.4 (keypoints 200.1, pose 40, anatomy 3, size 1.5, rest 0.75)"
    assert describe_step("place", 1, 3.0) == "place, step 1, energy 3"


def test_quiet_says_nothing() -> None:
    console = _console(terminal=True)
    with show_progress(quiet=True, console=console) as progress:
        assert isinstance(progress, SilentProgress)
        _walk(progress)
    assert _text(console) == ""


def test_a_terminal_is_drawn_live() -> None:
    console = _console(terminal=True)
    with show_progress(quiet=False, console=console) as progress:
        assert isinstance(progress, LiveProgress)
        _walk(progress)
    text = _text(console)
    assert "observe" in text and "frame 5 of 20" in text
    assert "refine, step 12, energy 245.4 (keypoints 200.1" in text


def test_a_pipe_gets_plain_lines_now_and_then() -> None:
    console, now = _console(terminal=False), [0.0]
    progress = PlainProgress(console, clock=lambda: now[0])
    progress.begin("observe")
    for done in range(1, 13):
        now[0] += 1.0
        progress.frame(done, 12)
    progress.begin("optimise")
    progress.step("refine", 1, 2.0)
    now[0] += 6.0
    progress.step("refine", 2, 1.0)
    progress.finish()
    assert _text(console).splitlines() == [
        "observe ...",
        "observe: frame 5 of 12",
        "observe: frame 10 of 12",
        "observe: done in 12.0 s",
        "optimise ...",
        "optimise: refine, step 2, energy 1",
        "optimise: done in 6.0 s",
    ]


def test_a_phase_that_failed_is_not_called_done() -> None:
    console = _console(terminal=False)
    with pytest.raises(ValueError), show_progress(quiet=False, console=console) as progress:
        progress.begin("load")
        raise ValueError
    assert _text(console) == "load ...\n"
