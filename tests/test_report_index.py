"""The index of many results: all of them, in order, failed ones too; and the command that makes it."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fitter.app.report_command import ReportOptions, index_folder, make_reports, result_folders
from fitter.app.words import read_options
from fitter.errors import InputError
from fitter.visualize.report.index import Entry, failed_entry, render_index, summary, trace_of
from fitter.visualize.report.page import Verdict
from tests.report_folder import BAD, make_result, write_folder

EVIL = "<img src=x onerror=alert(1)>"


def entry(title: str, quality: float | None = 0.8) -> Entry:
    return Entry(title, title, f"{title}/report.html", Verdict("good", "All well."), "right", 30, quality)


def names(html: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', html)


def test_the_worst_come_first_and_failures_before_them() -> None:
    entries = [entry("fine", 0.9), entry("bad", 0.2), failed_entry(Path("gone"), "no result"), entry("middling", 0.5)]
    assert names(render_index(entries, "batch")) == ["gone", "bad", "middling", "fine"]
    assert summary(entries) == "4 results: 3 good, 1 failed."


def test_words_from_outside_stay_words() -> None:
    odd = replace(entry(EVIL), warnings=(EVIL,), status=EVIL, link="a%22b/report.html")
    html = render_index([odd, failed_entry(Path(EVIL), EVIL)], EVIL)
    assert "<img" not in html and html.count("&lt;img src=x onerror=alert(1)&gt;") >= 6


def test_the_trace_keeps_the_worst_moment() -> None:
    long = make_result(hands=1, frames=29)
    trace = trace_of(long)
    assert len(trace) == 29 and min(score for score in trace if score is not None) == pytest.approx(
        float(long.quality[0, BAD])
    )


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two results, one that stopped half-way, and a folder that is none."""
    folder = tmp_path_factory.mktemp("batch")
    write_folder(folder / "wave #1", hands=1)
    shutil.copytree(folder / "wave #1", folder / "two")
    (folder / "stopped").mkdir()
    (folder / "stopped" / "config.yaml").write_text("# nothing yet\n")
    (folder / "notes").mkdir()
    return folder


def test_a_folder_of_results_gets_all_pages_and_an_index(batch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_reports(ReportOptions((batch,)))
    written = [batch / "two" / "report.html", batch / "wave #1" / "report.html", batch / "index.html"]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    assert all(path.exists() for path in written)
    html = (batch / "index.html").read_text(encoding="utf-8")
    assert names(html) == ["stopped", "wave.mp4", "wave.mp4"]
    assert 'href="two/report.html"' in html and 'href="wave%20%231/report.html"' in html
    assert "3 results: 2 good, 1 failed." in html and "data:image/jpeg;base64," in html


def test_an_index_may_lie_elsewhere(batch: Path, tmp_path: Path) -> None:
    make_reports(ReportOptions((batch / "two",), index=tmp_path / "page"))
    html = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    link = re.findall(r'href="([^"]*two/report.html)"', html)[0]
    assert (tmp_path / "page" / link).resolve() == (batch / "two" / "report.html").resolve()


def test_one_result_needs_no_index(batch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index_folder(None, [batch / "two"]) is None
    make_reports(ReportOptions((batch / "two",)))
    assert capsys.readouterr().out.splitlines() == [str(batch / "two" / "report.html")]


def test_bad_input_is_one_sentence(batch: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        make_reports(ReportOptions((tmp_path / "nowhere",)))
    with pytest.raises(InputError, match="neither a result of a fit"):
        result_folders(batch / "notes")
    with pytest.raises(InputError, match="say with --index DIR"):
        index_folder(None, [batch / "two", tmp_path / "other"])
    with pytest.raises(InputError, match="result.npz"):
        make_reports(ReportOptions((batch / "stopped",)))
    with pytest.raises(InputError, match="none of the 1 results can be read"):
        make_reports(ReportOptions((batch / "stopped",), index=tmp_path))


def test_the_command_line_is_read() -> None:
    options = read_options(ReportOptions, ["a", "b", "--index", "c"], "python -m fitter.report")
    assert options == ReportOptions((Path("a"), Path("b")), Path("c"))
    with pytest.raises(InputError, match="RESULT is missing"):
        read_options(ReportOptions, [], "python -m fitter.report")
