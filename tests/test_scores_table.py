"""The same scores as Markdown, CSV, JSON, on the terminal and as curves."""

import csv
import io
import json
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from rich.console import Console

from fitter.evaluate.compare import nothing_measured
from fitter.evaluate.definitions import MEASURES
from fitter.evaluate.measures import Scores, scores_of
from fitter.evaluate.pck_plot import draw_pck
from fitter.evaluate.table import Row, as_json, comma_separated, markdown, print_rows
from fitter.evaluate.tally import Measured, mean_row, pooled_row, report

NOTHING = scores_of(nothing_measured())
ROWS = [
    Row("clip | 1", replace(NOTHING, frames=44.0, detected=1.0, pa_mpjpe_mm=7.4236, auc_0_50=0.8517)),
    Row("clip 2", replace(NOTHING, frames=33.0, detected=0.0), "no hand was found"),
]


def printed(rows: list[Row], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_rows(rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_score_is_defined():
    assert [m.name for m in MEASURES] == [field.name for field in fields(Scores)]
    assert len({m.title for m in MEASURES}) == len(MEASURES) and all(m.definition for m in MEASURES)


def test_markdown_has_the_columns_that_apply_and_says_what_they_are():
    text = markdown(ROWS)
    lines = text.splitlines()
    assert lines[0] == "|  | frames | detected ↑ | PA-MPJPE mm ↓ | AUC 0-50 ↑ | note |"
    assert lines[2] == "| clip \\| 1 | 44 | 1.000 | 7.42 | 0.852 |  |"
    assert lines[3] == "| clip 2 | 33 | 0.000 | - | - | no hand was found |"
    assert [line.split(":")[0] for line in lines[5:]] == ["- frames", "- detected", "- PA-MPJPE mm", "- AUC 0-50"]
    assert "note" not in markdown(ROWS[:1])


def test_csv_and_json_have_every_measure_in_full():
    table = list(csv.DictReader(io.StringIO(comma_separated(ROWS))))
    assert [row["name"] for row in table] == ["clip | 1", "clip 2"]
    assert float(table[0]["pa_mpjpe_mm"]) == 7.4236 and table[1]["pa_mpjpe_mm"] == ""
    assert table[1]["note"] == "no hand was found"
    content = json.loads(as_json(ROWS))
    assert content["rows"][0]["auc_0_50"] == 0.8517 and content["rows"][1]["ssim"] is None
    assert set(content["rows"][0]) == {"name", "note", *content["measures"]} and len(content["measures"]) == 23


def test_a_few_results_stand_side_by_side_on_the_terminal():
    shown = printed(ROWS, 60).splitlines()
    assert shown[0].split() == ["clip", "|", "1", "clip", "2"]
    assert [line.split() for line in shown[1:]] == [
        ["detected", "1.000", "0.000"],
        ["PA-MPJPE", "mm", "7.42", "-"],
        ["AUC", "0-50", "0.852", "-"],
    ]
    assert "[red]a" in printed([replace(ROWS[0], name="[red]a")], 60)  # a name is no markup
    assert "frames" in printed(ROWS[:1], 140)  # a single result: all that applies


def test_many_results_stand_below_each_other_with_what_there_is_room_for():
    rows = [replace(ROWS[0], name=f"clip {number}") for number in range(6)]
    wide, narrow = printed(rows, 100).splitlines(), printed(rows, 34).splitlines()
    assert "[b]" in printed([*rows, replace(rows[0], name="[b]")], 100)
    assert wide[0].split() == ["detected", "PA-MPJPE", "mm", "AUC", "0-50"] and len(wide) == 7
    assert narrow[0].split() == ["detected", "PA-MPJPE", "mm"] and narrow[6].split() == ["clip", "5", "1.000", "7.42"]


def test_curves_are_pictures_of_the_shares(tmp_path):
    errors = {"near": np.array([1.0, 2.0, 3.0]), "far": np.array([60.0, 70.0])}
    for suffix in (".png", ".svg"):
        draw_pck(tmp_path / f"pck{suffix}", errors, "title")
    picture = cv2.imread(str(tmp_path / "pck.png"))
    assert picture is not None and picture.shape[0] > 300 and picture.std() > 5
    drawing = ElementTree.parse(tmp_path / "pck.svg").getroot()
    assert drawing.tag.endswith("svg")
    first = (tmp_path / "pck.svg").read_bytes()
    draw_pck(tmp_path / "pck.svg", errors, "title")
    assert (tmp_path / "pck.svg").read_bytes() == first


def test_a_report_of_several_results(tmp_path):
    def measured(name: str, errors: list[float]) -> Measured:
        found = replace(nothing_measured(), detected=np.ones(2, dtype=bool), aligned_mm=np.array(errors))
        return Measured(name, found)

    both = [measured("a", [1.0, 3.0]), measured("b", [8.0])]
    mean, everything = mean_row(both), pooled_row(both)
    assert mean is not None and mean.scores.pa_mpjpe_mm == 5 and everything.scores.pa_mpjpe_mm == 4
    assert mean_row(both[:1]) is None
    console = Console(file=io.StringIO(), width=120)
    report(both, mean, tmp_path, console)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"scores.md", "scores.csv", "scores.json", "pck_aligned.png", "pck_aligned.svg"}
    rows = json.loads((tmp_path / "scores.json").read_text())["rows"]
    assert [(row["name"], row["pa_mpjpe_mm"]) for row in rows] == [("a", 2.0), ("b", 8.0), ("mean", 5.0)]
    assert isinstance(console.file, io.StringIO) and "written to" in console.file.getvalue()


def test_without_matplotlib_there_are_tables_and_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr("fitter.evaluate.tally.find_spec", lambda name: None)
    console = Console(file=io.StringIO(), width=120)
    errors = replace(nothing_measured(), aligned_mm=np.ones(3))
    report([Measured("a", errors)], None, tmp_path, console)
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".csv", ".json"}
    assert isinstance(console.file, io.StringIO) and "no PCK plots: matplotlib" in console.file.getvalue()


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    report([Measured("a", nothing_measured())], None, None, Console(file=io.StringIO()))
    assert list(tmp_path.iterdir()) == []
