"""Scores of several results as one table: Markdown with a legend, CSV and JSON with every measure, and the terminal.

    rows = [Row("clip 1", scores), Row("clip 2", others)]
    write_tables(folder, "scores", rows, mean_of([row.scores for row in rows]))

A measure that applies to no row has no column in Markdown and on the terminal.
"""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fitter.evaluate.definitions import MEASURES, Measure
from fitter.evaluate.measures import Scores
from fitter.export.atomic import atomic_path

# On the terminal, what tells most first.
SHOWN = (
    *("pa_mpjpe_mm", "mpjpe_mm", "detected", "auc_20_50", "keypoint_px", "acceleration_mm", "pa_mpvpe_mm", "psnr_db"),
    *("clip_mpjpe_mm", "auc_0_50", "jitter_px"),
)
FEW_ROWS = 4  # results that may stand side by side
LABEL_WIDTH, NAME_WIDTH = 20, 40  # characters: of the measures' titles, and of a result's name before it is folded
ABSENT = "-"


@dataclass(frozen=True)
class Row:
    """One line of the table; `note` says in words what is wrong with it, such as why it has no scores."""

    name: str
    scores: Scores
    note: str = ""


def text_of(measure: Measure, scores: Scores) -> str:
    """The value with the measure's digits, `-` where it does not apply."""
    value = getattr(scores, measure.name)
    return ABSENT if math.isnan(value) else f"{value:.{measure.digits}f}"


def measures_of(rows: Sequence[Row]) -> list[Measure]:
    """The measures that apply to a row at least."""
    return [m for m in MEASURES if any(text_of(m, row.scores) != ABSENT for row in rows)]


def markdown(rows: Sequence[Row]) -> str:
    """The table, and below it what each column means. Arrows show the better way."""
    measures = measures_of(rows)
    arrows = {"lower": " ↓", "higher": " ↑", "-": ""}
    notes = any(row.note for row in rows)
    head = ["", *(m.title + arrows[m.better] for m in measures), *(["note"] if notes else [])]
    lines = [_line(head), _line(["---", *("---:" for _ in measures), *(["---"] if notes else [])])]
    for row in rows:
        values = [text_of(m, row.scores) for m in measures]
        lines.append(_line([row.name, *values, *([row.note] if notes else [])]))
    legend = [f"- {m.title}: {m.definition}" for m in measures]
    return "\n".join([*lines, "", *legend]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def comma_separated(rows: Sequence[Row]) -> str:
    """One line per row with every measure by its name; an empty cell where one does not apply."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["name", *(m.name for m in MEASURES), "note"])
    for row in rows:
        values = [getattr(row.scores, m.name) for m in MEASURES]
        writer.writerow([row.name, *("" if math.isnan(value) else repr(value) for value in values), row.note])
    return buffer.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """The rows with every measure (null where one does not apply), and the definitions."""
    measures = {m.name: {"title": m.title, "better": m.better, "definition": m.definition} for m in MEASURES}
    values = [
        {"name": row.name, "note": row.note}
        | {name: None if math.isnan(value) else value for name, value in asdict(row.scores).items()}
        for row in rows
    ]
    return json.dumps({"rows": values, "measures": measures}, indent=1, ensure_ascii=False) + "\n"


def write_tables(folder: Path, name: str, rows: Sequence[Row]) -> list[Path]:
    """Write NAME.md, NAME.csv and NAME.json into `folder`, which must exist; returns their paths."""
    paths = []
    for suffix, text in ((".md", markdown(rows)), (".csv", comma_separated(rows)), (".json", as_json(rows))):
        with atomic_path(folder / f"{name}{suffix}") as path:
            path.write_text(text, encoding="utf-8")
        paths.append(folder / f"{name}{suffix}")
    return paths


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """The measures on the terminal: for a few results one line each, for more a column each, as many as there is room
    for.
    """
    measures = [m for m in measures_of(rows) if len(rows) == 1 or m.name in SHOWN]
    widest = max(len(row.name) for row in rows)
    if len(rows) <= FEW_ROWS and (LABEL_WIDTH + len(rows) * (widest + 2) <= console.width or len(rows) == 1):
        table = _grid([""] + [row.name for row in rows])
        for m in measures:
            table.add_row(m.title, *(text_of(m, row.scores) for row in rows))
    else:
        measures = _fitting(measures, console.width - min(widest, NAME_WIDTH))
        table = _grid(["", *(m.title for m in measures)])
        for row in rows:
            table.add_row(escape(row.name), *(text_of(m, row.scores) for m in measures))
    console.print(table)


def _fitting(measures: Sequence[Measure], width: int) -> list[Measure]:
    """The first measures by their place in SHOWN that fit beside each other into so many characters."""
    chosen = []
    for m in sorted(measures, key=lambda m: SHOWN.index(m.name)):
        width -= len(m.title) + 2
        if width >= 0 or not chosen:
            chosen.append(m)
    return [m for m in measures if m in chosen]


def _grid(titles: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, title in enumerate(titles):
        table.add_column(escape(title), justify="right" if number else "left", overflow="fold")
    return table
