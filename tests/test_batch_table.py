"""The table of a batch and its index page."""

import csv
import io
from pathlib import Path

from rich.console import Console

from fitter.app.batch_jobs import Outcome
from fitter.app.batch_table import COLUMNS, Row, csv_of, print_rows, write_tables
from fitter.visualize.report.index import Entry
from fitter.visualize.report.page import Verdict

ENTRY = Entry("a.mp4", "a", "a/report.html", Verdict("good", "All is well."), "right", 12, 0.9)
ROWS = (
    Row("/c/a.mp4", "a", Outcome("fitted", 3.25, 12, ("left", "right"), ("one; two", 'said "so"'), entry=ENTRY), 2),
    Row("/c/=b,1.mp4", "b,1", Outcome("failed", error="=HYPERLINK(1)\tnot a video"), 1),
)


def test_the_csv_has_a_row_for_each_clip_and_nothing_that_a_spreadsheet_would_run() -> None:
    rows = list(csv.reader(io.StringIO(csv_of(ROWS))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["/c/a.mp4", "a", "fitted", "3.2", "12", "left + right", 'one; two; said "so"', "", "2"]
    assert rows[2] == ["/c/=b,1.mp4", "b,1", "failed", "0.0", "0", "", "", "'=HYPERLINK(1)\tnot a video", "1"]


def test_the_index_shows_both(tmp_path: Path) -> None:
    table, index = write_tables(ROWS, tmp_path, "results")
    assert table.read_text().startswith("clip,folder,status") and table.name == "batch.csv"
    page = index.read_text()
    assert 'href="a/report.html"' in page and "not a video" in page and "2 results: 1 good, 1 failed." in page


def test_of_many_clips_those_that_failed_are_printed() -> None:
    text = io.StringIO()
    print_rows([*ROWS[:1] * 50, ROWS[1]], Console(file=text, width=100))
    assert "b,1: =HYPERLINK(1)" in text.getvalue() and "fitted" not in text.getvalue()
    print_rows(ROWS, console := Console(file=io.StringIO(), width=100))
    assert "fitted" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
