"""The page of one result folder, written beside the result.

path = write_page(page_of(folder, figures), folder.path)
"""

from pathlib import Path

from fitter.export.atomic import atomic_path
from fitter.visualize.report.html import render
from fitter.visualize.report.page import Page

REPORT_FILE = "report.html"


def write_page(page: Page, folder: Path) -> Path:
    """Write `report.html` atomically into `folder`, which must exist; raises as `atomic_path` does."""
    path = folder / REPORT_FILE
    with atomic_path(path) as temporary:
        temporary.write_text(render(page), encoding="utf-8")
    return path
