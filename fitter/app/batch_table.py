"""What a batch leaves beside the result folders: `batch.csv` with a line per clip, and an index page of all.

write_tables(rows, folder, name)                  # batch.csv, index.html
print_rows(rows, console)
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fitter.app.batch_jobs import Done, Outcome
from fitter.export.atomic import atomic_path
from fitter.visualize.report.index import INDEX_FILE, failed_entry, render_index

CSV_FILE = "batch.csv"
COLUMNS = ("clip", "folder", "status", "seconds", "frames", "hands", "warnings", "error", "attempts")
# Of longer batches only what failed is printed; all is in the CSV.
MOST_PRINTED = 40


@dataclass(frozen=True)
class Row:
    """A clip and what became of it."""

    source: str
    name: str
    outcome: Outcome
    attempts: int


def row_of(done: Done) -> Row:
    return Row(done.job.source, done.job.name, done.outcome, done.attempts)


def write_tables(rows: Sequence[Row], folder: Path, title: str) -> tuple[Path, Path]:
    """Write `batch.csv` and `index.html` atomically into `folder`, which must exist; returns both paths."""
    table, index = folder / CSV_FILE, folder / INDEX_FILE
    with atomic_path(table) as path:
        path.write_text(csv_of(rows), encoding="utf-8", newline="")
    entries = [row.outcome.entry or failed_entry(Path(row.name), _reason(row.outcome)) for row in rows]
    with atomic_path(index) as path:
        path.write_text(render_index(entries, title), encoding="utf-8")
    return table, index


def _reason(outcome: Outcome) -> str:
    return outcome.error or "its figures are in its folder only"


def csv_of(rows: Sequence[Row]) -> str:
    """The table as CSV, RFC 4180."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        outcome = row.outcome
        cells = (
            row.source,
            row.name,
            outcome.status,
            f"{outcome.seconds:.1f}",
            str(outcome.frames),
            " + ".join(outcome.hands),
            "; ".join(outcome.warnings),
            outcome.error,
            str(row.attempts),
        )
        writer.writerow([_inert(cell) for cell in cells])
    return text.getvalue()


def _inert(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: file names are whatever somebody called them."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """The clips as a table on stdout; of many those that failed."""
    shown = rows if len(rows) <= MOST_PRINTED else [row for row in rows if row.outcome.failed][:MOST_PRINTED]
    if not shown:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("clip", "status", "hands", "seconds", "frames", "warnings", "attempts"):
        table.add_column(column, justify="left" if column in ("clip", "status", "hands") else "right")
    for row in shown:
        outcome = row.outcome
        numbers = (f"{outcome.seconds:.1f}", str(outcome.frames), str(len(outcome.warnings)), str(row.attempts))
        style = "yellow" if row.outcome.failed else None
        table.add_row(Text(row.name), outcome.status, " + ".join(outcome.hands), *numbers, style=style)
    console.print(table)
    for row in shown:
        if row.outcome.failed:
            sentence = f"{row.name}: {row.outcome.error}"
            console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)
