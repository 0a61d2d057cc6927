"""What a person sees while the fit runs, on stderr: the step of the way, the stage, the energy per term.

    with show_progress(quiet=False) as progress:
        progress.begin("observe")
        source.detect(clip, on_frame=progress.frame)            # (frames done, frames in all)
        progress.begin("optimise")
        progress.step("refine", 12, 345.2, {"keypoints": 200.1, "anatomy": 3.0})

A terminal gets one line that is always up to date; a file or a pipe gets a plain line now and then.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichDisplay

# Seconds between the plain lines within one phase.
PLAIN_PAUSE_S = 5.0

# Terms named in the line; the others are summed.
TERMS_SHOWN = 4


class Progress(Protocol):
    """Told how far the work is; it never influences it."""

    def begin(self, phase: str) -> None:
        """A phase of the way begins (load, observe, ...), and the one before is done."""
        ...

    def frame(self, done: int, total: int) -> None:
        """`done` of `total` frames of this phase are finished."""
        ...

    def step(self, stage: str, step: int, energy: float, terms: Mapping[str, float] | None = None) -> None:
        """The solver finished a step of a stage; `terms` are the parts of its energy."""
        ...


@contextmanager
def show_progress(quiet: bool, console: Console | None = None) -> Iterator[Progress]:
    """The progress that fits the place: live on a terminal, plain lines elsewhere, nothing when `quiet`."""
    console = console or Console(stderr=True)
    if quiet:
        yield SilentProgress()
    elif console.is_terminal:
        with LiveProgress.display(console) as display:
            yield LiveProgress(display)
    else:
        progress = PlainProgress(console)
        yield progress
        progress.finish()


class SilentProgress:
    """Says nothing."""

    def begin(self, phase: str) -> None: ...

    def frame(self, done: int, total: int) -> None: ...

    def step(self, stage: str, step: int, energy: float, terms: Mapping[str, float] | None = None) -> None: ...


class LiveProgress:
    """One line per phase; that of the running phase is redrawn in place."""

    def __init__(self, display: RichDisplay) -> None:
        self._display = display
        self._task: TaskID | None = None

    @staticmethod
    def display(console: Console) -> RichDisplay:
        """The columns: spinner, phase, bar, what is happening, elapsed time."""
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        return RichDisplay(*columns, console=console)

    def begin(self, phase: str) -> None:
        if self._task is not None:
            self._display.update(self._task, total=1, completed=1)
        self._task = self._display.add_task(phase, total=None, detail="")

    def frame(self, done: int, total: int) -> None:
        if self._task is not None:
            self._display.update(self._task, completed=done, total=total, detail=f"frame {done} of {total}")

    def step(self, stage: str, step: int, energy: float, terms: Mapping[str, float] | None = None) -> None:
        if self._task is not None:
            self._display.update(self._task, detail=describe_step(stage, step, energy, terms))


class PlainProgress:
    """A line when a phase begins, at most one every few seconds within it, and one when it is done."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._phase: str | None = None
        self._began = self._last_line = clock()

    def begin(self, phase: str) -> None:
        self.finish()
        self._phase, self._began = phase, self._clock()
        self._print(f"{phase} ...")

    def frame(self, done: int, total: int) -> None:
        if self._is_time():
            self._print(f"{self._phase}: frame {done} of {total}")

    def step(self, stage: str, step: int, energy: float, terms: Mapping[str, float] | None = None) -> None:
        if self._is_time():
            self._print(f"{self._phase}: {describe_step(stage, step, energy, terms)}")

    def finish(self) -> None:
        """The last phase is done."""
        if self._phase is not None:
            self._print(f"{self._phase}: done in {self._clock() - self._began:.1f} s")
        self._phase = None

    def _is_time(self) -> bool:
        return self._clock() - self._last_line >= PLAIN_PAUSE_S

    def _print(self, line: str) -> None:
        self._last_line = self._clock()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def describe_step(stage: str, step: int, energy: float, terms: Mapping[str, float] | None = None) -> str:
    """`refine, step 12, energy 345 (keypoints 200, anatomy 3, rest 1)`: the largest terms by name."""
    largest = sorted((terms or {}).items(), key=lambda term: -term[1])
    parts = [f"{name} {value:.4g}" for name, value in largest[:TERMS_SHOWN]]
    if len(largest) > TERMS_SHOWN:
        parts.append(f"rest {sum(value for _, value in largest[TERMS_SHOWN:]):.4g}")
    return f"{stage}, step {step}, energy {energy:.4g}" + (f" ({', '.join(parts)})" if parts else "")
