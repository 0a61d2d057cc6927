"""The report page of a result, made anew, and the index of many.

    python -m fitter.report results/clip                      # results/clip/report.html
    python -m fitter.report results --index results           # every result below results, and results/index.html

A fit writes its page itself (`export.report`); this makes it again, after an update or a change of the files beside it.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro import conf

from fitter.app.command import run_command
from fitter.app.report_figures import figures_of
from fitter.app.words import read_options
from fitter.errors import HandfitError, InputError
from fitter.export.atomic import prepare_folder
from fitter.export.folder import ResultFolder, open_result
from fitter.export.result import RESULT_FILE
from fitter.export.run_record import RUN_FILE
from fitter.visualize.report import page_of, write_page
from fitter.visualize.report.index import Entry, entry_of, failed_entry, write_index

log = logging.getLogger(__name__)

# What a fit leaves in its folder before anything else, and what it leaves last: either tells a result folder.
MARKS = (RESULT_FILE, RUN_FILE, "config.yaml")


@dataclass(frozen=True)
class ReportOptions:
    """Write report.html beside each result, and an index.html of several, sorted by quality."""

    results: conf.Positional[Annotated[tuple[Path, ...], conf.arg(metavar="RESULT")]]
    """Folders that a fit has written, or folders of such folders."""
    index: Annotated[Path | None, conf.arg(metavar="DIR")] = None
    """Folder of the index page; of several results their common folder, of one there is none unless asked for."""


def write_report(folder: ResultFolder) -> Path:
    """Write `report.html` into the result's own folder; returns its path. Raises as `atomic_path` does."""
    return write_page(page_of(folder, figures_of(folder)), folder.path)


def make_reports(options: ReportOptions) -> None:
    """All pages; a result that cannot be read has its place in the index, and is an error where it stands alone."""
    folders = [found for given in options.results for found in result_folders(given)]
    index = index_folder(options.index, folders)
    if index is None:
        say(write_report(open_result(folders[0])))
        return
    prepare_folder(index)
    entries = [report_entry(folder, index) for folder in folders]
    say(write_index(entries, index))
    if all(entry.verdict.level == "failed" and entry.link is None for entry in entries):
        raise InputError(f"{index}: none of the {len(entries)} results can be read; the index says why")


def report_entry(path: Path, index: Path) -> Entry:
    """Write one page and describe it, or tell why there is none."""
    try:
        folder = open_result(path)
        page = write_report(folder)
        say(page)
        return entry_of(folder, page, index)
    except HandfitError as error:
        log.warning("%s", error)
        return failed_entry(path, str(error))


def result_folders(path: Path) -> list[Path]:
    """The result folder itself, or those directly below a folder that is none; raises InputError where there is none.

    A fit that stopped half-way left its folder too: it is listed, and shown as failed.
    """
    if not path.is_dir() or is_result(path):
        return [path]
    below = sorted(each for each in path.iterdir() if each.is_dir() and is_result(each))
    if not below:
        raise InputError(f"{path}: neither a result of a fit ({RESULT_FILE}) nor a folder of results")
    return below


def is_result(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in MARKS)


def index_folder(asked: Path | None, folders: Sequence[Path]) -> Path | None:
    """Where the index goes: where it is asked for, or beside several results of one folder; None without an index.

    Raises InputError for several results from different folders.
    """
    if asked is not None or len(folders) == 1:
        return asked
    parents = {folder.resolve().parent for folder in folders}
    if len(parents) > 1:
        raise InputError("results of several folders: say with --index DIR where their index page goes")
    return parents.pop()


def say(path: Path) -> None:
    """The one line on stdout for each file."""
    sys.stdout.write(f"{path}\n")


def main() -> int:
    """Entry point of `python -m fitter.report`."""
    prog = "python -m fitter.report"
    return run_command(lambda words: read_options(ReportOptions, words, prog), make_reports, sys.argv[1:])
