"""How far a batch is: live on a terminal, a line per clip elsewhere, and every event in a log.

with show_batch(total=20, quiet=False, log=Path("results/batch.log")) as watch:
    for done in run_jobs(jobs, executor, limits, watch): ...

The log has a line for every attempt that began and for every end, appended at once: what happened can be counted in it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichDisplay

from fitter.app.batch_jobs import Done, Job, Outcome

# Seconds between two lines on a pipe that say only how far the batch is.
PLAIN_PAUSE_S = 30.0
MINUTE_S, HOUR_S = 60.0, 3600.0


@dataclass
class Tally:
    """What has happened so far; `began` and the times given to it are of one clock, in seconds."""

    total: int
    began: float
    fitted: int = 0
    kept: int = 0
    failed: int = 0
    running: int = 0

    @property
    def done(self) -> int:
        return self.fitted + self.kept + self.failed

    def count(self, outcome: Outcome) -> None:
        """A clip has come to its end."""
        self.running -= 1
        self.fitted += outcome.status == "fitted"
        self.kept += outcome.status == "kept"
        self.failed += outcome.failed

    def shown(self, now: float) -> str:
        """`12 of 20 clips, 2 running, 1 failed, 3.4 per minute, 3 min left`; the rate is of clips that took work."""
        parts = [f"{self.done} of {self.total} clips", f"{self.running} running"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.kept} were there"] if self.kept else []
        worked, seconds = self.fitted + self.failed, now - self.began
        if worked and seconds > 0 and self.done < self.total:
            rate = worked / seconds
            per_minute, per_hour = rate * MINUTE_S, rate * HOUR_S
            parts.append(f"{per_minute:.1f} per minute" if per_minute >= 1 else f"{per_hour:.1f} per hour")
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 05 min`."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE_S)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


class Display(Protocol):
    """Where it is shown."""

    def line(self, sentence: str, is_trouble: bool) -> None:
        """Something happened to a clip."""
        ...

    def state(self, tally: Tally, short_of: str | None) -> None:
        """Some time went by."""
        ...


class SilentDisplay:
    """Says nothing."""

    def line(self, sentence: str, is_trouble: bool) -> None: ...

    def state(self, tally: Tally, short_of: str | None) -> None: ...


class LiveDisplay:
    """One line that is redrawn in place; above it stays what went wrong."""

    def __init__(self, display: RichDisplay, total: int) -> None:
        self._display = display
        self._task: TaskID = display.add_task("fit", total=total, detail="")

    @staticmethod
    def columns(console: Console) -> RichDisplay:
        detail = TextColumn("{task.fields[detail]}", markup=False)
        return RichDisplay(SpinnerColumn(), BarColumn(bar_width=30), TimeElapsedColumn(), detail, console=console)

    def line(self, sentence: str, is_trouble: bool) -> None:
        if is_trouble:
            self._display.console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def state(self, tally: Tally, short_of: str | None) -> None:
        detail = tally.shown(time.monotonic()) + (f"; waiting: {short_of}" if short_of else "")
        self._display.update(self._task, completed=tally.done, detail=detail)


class PlainDisplay:
    """A line for every clip, and now and then one that says how far it all is."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock, self._said = console, clock, clock()

    def line(self, sentence: str, is_trouble: bool) -> None:
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def state(self, tally: Tally, short_of: str | None) -> None:
        now = self._clock()
        if now - self._said >= PLAIN_PAUSE_S:
            self._said = now
            self.line(tally.shown(now) + (f"; waiting: {short_of}" if short_of else ""), short_of is not None)


class BatchWatch:
    """See `Watch`: counts, shows, and writes the log."""

    def __init__(self, tally: Tally, display: Display, log: TextIO) -> None:
        self.tally, self._display, self._log = tally, display, log

    def started(self, job: Job, attempt: int) -> None:
        self.tally.running += 1
        self._write("start", job, f"attempt {attempt}")
        self._display.state(self.tally, None)

    def again(self, job: Job, outcome: Outcome) -> None:
        self.tally.running -= 1
        self._write("postponed" if outcome.status == "postponed" else "lost", job, outcome.error)
        if outcome.status != "postponed":
            self._display.line(f"{job.name}: {outcome.error}; it is tried again later", is_trouble=True)

    def done(self, done: Done) -> None:
        outcome = done.outcome
        self.tally.count(outcome)
        told = outcome.error if outcome.failed else f"{outcome.seconds:.1f} s, {outcome.place}"
        self._write(outcome.status, done.job, told)
        what = f"failed: {outcome.error}" if outcome.failed else f"{outcome.status} in {outcome.seconds:.1f} s"
        self._display.line(
            f"{self.tally.done} of {self.tally.total}: {done.job.name} {what}", is_trouble=outcome.failed
        )
        self._display.state(self.tally, None)

    def tick(self, short_of: str | None) -> None:
        self._display.state(self.tally, short_of)

    def _write(self, event: str, job: Job, detail: str) -> None:
        when = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._log.write("\t".join((when, event, job.name, detail)) + "\n")
        self._log.flush()


@contextmanager
def show_batch(total: int, quiet: bool, log: Path, console: Console | None = None) -> Iterator[BatchWatch]:
    """The display that fits the place, and the log, to which is appended."""
    console = console or Console(stderr=True)
    tally = Tally(total, time.monotonic())
    with log.open("a", encoding="utf-8") as file:
        if quiet:
            yield BatchWatch(tally, SilentDisplay(), file)
        elif console.is_terminal:
            with LiveDisplay.columns(console) as display:
                yield BatchWatch(tally, LiveDisplay(display, total), file)
        else:
            yield BatchWatch(tally, PlainDisplay(console), file)
