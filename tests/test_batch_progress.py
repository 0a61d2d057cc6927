"""What a batch shows while it works, and its log."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from fitter.app.batch_jobs import Done, Outcome
from fitter.app.batch_progress import PLAIN_PAUSE_S, PlainDisplay, Tally, duration, show_batch
from tests.test_batch_jobs import job

FITTED = Outcome("fitted", seconds=2.0, place="host, process 7")


def happen(path: Path, console: Console, quiet: bool = False) -> None:
    """One clip is fitted after its process was lost once, one fails, and room is short in between."""
    a, b = job("a"), job("b[red]")
    with show_batch(3, quiet, path, console) as watch:
        watch.started(a, 1)
        watch.started(b, 1)
        watch.again(a, Outcome("failed", error="its process was killed", retry=True))
        watch.done(Done(b, Outcome("failed", error="not a video"), 1))
        watch.tick("1 GB free")
        watch.started(a, 2)
        watch.done(Done(a, FITTED, 2))
        assert (watch.tally.done, watch.tally.running, watch.tally.failed) == (2, 0, 1)


def test_the_log_has_every_attempt_and_every_end(tmp_path: Path) -> None:
    happen(tmp_path / "log", Console(file=io.StringIO()))
    happen(tmp_path / "log", Console(file=io.StringIO()), quiet=True)
    lines = [line.split("\t")[1:] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[:6] == [
        ["start", "a", "attempt 1"],
        ["start", "b[red]", "attempt 1"],
        ["lost", "a", "its process was killed"],
        ["failed", "b[red]", "not a video"],
        ["start", "a", "attempt 2"],
        ["fitted", "a", "2.0 s, host, process 7"],
    ]
    assert lines[6:] == lines[:6]


def test_a_pipe_gets_a_line_per_clip(tmp_path: Path) -> None:
    text = io.StringIO()
    happen(tmp_path / "log", Console(file=text))
    assert text.getvalue().splitlines() == [
        "a: its process was killed; it is tried again later",
        "1 of 3: b[red] failed: not a video",
        "2 of 3: a fitted in 2.0 s",
    ]


def test_a_terminal_keeps_what_went_wrong_and_one_live_line(tmp_path: Path) -> None:
    text = io.StringIO()
    happen(tmp_path / "log", Console(file=text, force_terminal=True, width=150))
    assert "b[red] failed: not a video" in text.getvalue() and "2 of 3 clips, 0 running, 1 failed" in text.getvalue()
    assert "a fitted" not in text.getvalue()


def test_quiet_is_silent(tmp_path: Path) -> None:
    text = io.StringIO()
    happen(tmp_path / "log", Console(file=text), quiet=True)
    assert text.getvalue() == ""


def test_a_long_clip_on_a_pipe_is_told_of_now_and_then() -> None:
    times = iter([0.0, 1.0, PLAIN_PAUSE_S + 1.0, PLAIN_PAUSE_S + 2.0])
    text = io.StringIO()
    display = PlainDisplay(Console(file=text), lambda: next(times))
    for _ in range(3):
        display.state(Tally(5, 0.0, running=1), "1 GB free")
    assert text.getvalue() == "0 of 5 clips, 1 running; waiting: 1 GB free\n"


def test_the_rate_is_of_clips_that_took_work() -> None:
    tally = Tally(total=100, began=0.0, fitted=9, failed=1, kept=50, running=2)
    assert tally.shown(600.0) == "60 of 100 clips, 2 running, 1 failed, 50 were there, 1.0 per minute, 40 min left"
    assert "per hour" in Tally(total=3, began=0.0, fitted=1).shown(1800.0)
    assert "left" not in Tally(total=3, began=0.0).shown(5.0)


@pytest.mark.parametrize(("seconds", "text"), [(40.0, "40 s"), (600.0, "10 min"), (11_100.0, "3 h 05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
