"""Several measured results told together: the table, a last row over all of them, the files, the curves.

measured = [Measured("clip 1", errors), Measured("clip 2", others)]
report(measured, mean_row(measured), Path("results/scores"), Console())
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from fitter.evaluate.measures import Errors, mean_of, pooled, scores_of
from fitter.evaluate.pck_plot import draw_pck
from fitter.evaluate.table import Row, print_rows, write_tables

NAME = "scores"
SUFFIXES = (".png", ".svg")


@dataclass(frozen=True)
class Measured:
    """The errors of one result; `note` says in words what is wrong with it."""

    name: str
    errors: Errors
    note: str = ""

    @property
    def row(self) -> Row:
        return Row(self.name, scores_of(self.errors), self.note)


def mean_row(measured: Sequence[Measured]) -> Row | None:
    """The mean of the rows, each result counting alike; None for a single one."""
    return Row("mean", mean_of([each.row.scores for each in measured])) if len(measured) > 1 else None


def pooled_row(measured: Sequence[Measured]) -> Row:
    """Over all joints of all frames, as benchmarks have it."""
    return Row("all", scores_of(pooled([each.errors for each in measured])))


def report(measured: Sequence[Measured], last: Row | None, folder: Path | None, console: Console) -> None:
    """Print the table; write it and the curves into `folder`, which must exist, where it is not None."""
    rows = [each.row for each in measured] + ([] if last is None else [last])
    print_rows(rows, console)
    if folder is None:
        return
    written = write_tables(folder, NAME, rows)
    if find_spec("matplotlib") is None:
        console.print("no PCK plots: matplotlib is not installed (pip install 'handfit[evaluate]')", soft_wrap=True)
    else:
        written += draw_curves(measured, folder)
    names = ", ".join(path.name for path in written)
    console.print(f"written to {folder}: {names}", markup=False, highlight=False, soft_wrap=True)


def draw_curves(measured: Sequence[Measured], folder: Path) -> list[Path]:
    """pck_aligned and pck_root as PNG and SVG, of the results that have such errors; returns the paths."""
    written = []
    for name, title, field in (
        ("pck_aligned", "joints after similarity alignment", "aligned_mm"),
        ("pck_root", "joints relative to the root", "root_mm"),
    ):
        curves = {each.name: getattr(each.errors, field) for each in measured if getattr(each.errors, field).size}
        if len(curves) > 1:
            curves = {"all": getattr(pooled([each.errors for each in measured]), field)} | curves
        for suffix in SUFFIXES if curves else ():
            draw_pck(folder / f"{name}{suffix}", curves, title)
            written.append(folder / f"{name}{suffix}")
    return written
