"""What a person sees of a training: scalars and pictures for TensorBoard, and a line that is always up to date.

    with Journal.open(folder, step, steps, quiet=False) as journal:
        journal.learnt(step, {"loss": 12.3, "hands/joints": 8.1})
        journal.measured(step, figures, picture)

TensorBoard: tensorboard --logdir FOLDER. A terminal gets a bar, a file or a pipe a plain line now and then.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

# Seconds between the plain lines.
PLAIN_PAUSE_S = 10.0
# Parts of the loss that are named in the line.
PARTS_SHOWN = 4


@dataclass
class Journal:
    """Of the first process; the others write nothing."""

    writer: "SummaryWriter | None"
    console: Console | None
    bar: Progress | None = None
    task: TaskID | None = None
    last_line: float = 0.0
    figures: str = ""

    @staticmethod
    @contextmanager
    def open(folder: Path, step: int, steps: int, quiet: bool) -> Iterator["Journal"]:
        """What was written of `step` and later ones, by a training that was killed, no longer counts."""
        from torch.utils.tensorboard.writer import SummaryWriter

        writer = SummaryWriter(str(folder), purge_step=step if step else None)
        console = None if quiet else Console(stderr=True)
        try:
            if console is not None and console.is_terminal:
                columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
                with Progress(*columns, TextColumn("{task.fields[said]}", markup=False), console=console) as bar:
                    task = bar.add_task("", total=steps, completed=step, said="")
                    yield Journal(writer, console, bar, task)
            else:
                yield Journal(writer, console)
        finally:
            writer.close()

    def learnt(self, step: int, told: Mapping[str, float]) -> None:
        """The loss's parts of one step."""
        if self.writer is not None:
            for name, value in told.items():
                self.writer.add_scalar(f"train/{name}", value, step)
        said = f"{describe_loss(told)}{self.figures}"
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=step + 1, said=said)
        elif self.console is not None and time.monotonic() - self.last_line >= PLAIN_PAUSE_S:
            self.last_line = time.monotonic()
            self.console.print(f"step {step}: {said}", markup=False, highlight=False, soft_wrap=True)

    def measured(
        self, step: int, figures: Mapping[str, float], picture: UInt8[np.ndarray, "height width 3"] | None
    ) -> None:
        """The figures of a validation."""
        if self.writer is not None:
            for name, value in figures.items():
                self.writer.add_scalar(f"validation/{name}", value, step)
            if picture is not None:
                self.writer.add_image("truth, guess; from the side", picture, step, dataformats="HWC")
            self.writer.flush()
        shown = [f"{name} {value:.2f}" for name, value in figures.items() if name.endswith("/pa_mpjpe_mm")]
        self.figures = f"   {', '.join(shown)}" if shown else ""
        self.last_line = 0.0


def describe_loss(told: Mapping[str, float]) -> str:
    """`loss 12.3 (hands/joints 8.1, hands/place 2.2)`: the largest parts by name."""
    parts = sorted(((name, value) for name, value in told.items() if "/" in name), key=lambda part: -part[1])
    names = ", ".join(f"{name} {value:.3g}" for name, value in parts[:PARTS_SHOWN])
    return f"loss {told.get('loss', float('nan')):.4g} ({names})"
