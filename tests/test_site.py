"""The documentation site: it builds without a warning, fetches nothing, and says what the program says."""

import dataclasses
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

from docs.drawing.__main__ import FOLDER
from docs.drawing.pictures import PICTURES
from docs.writers.command_line import COMMANDS, write_command_line
from docs.writers.configuration import all_keys, remarks_of, sections, write_configuration
from docs.writers.result_files import write_result_files
from docs.writers.table import table
from fitter.app.arguments import parse_arguments
from fitter.app.options import Command
from fitter.config import Config
from fitter.export.diagnostics import Diagnostics
from fitter.export.result import FitResult
from fitter.hand import HandModel
from tests.conftest import REPOSITORY

LARGEST_PICTURE = 100_000  # bytes: a page of six pictures opens at once over a slow line
FETCHES = {"script": "src", "link": "href", "img": "src", "iframe": "src", "video": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


class Page(HTMLParser):
    """What a page fetches by itself, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names.update(name for name in (given.get("id"), given.get("name")) if name)
        address = given.get(FETCHES.get(tag, ""))
        if address and not (tag == "link" and given.get("rel") in ("next", "prev", "canonical")):
            self.fetched.append(address)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")


def pages(site: Path) -> dict[Path, Page]:
    found = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    assert len(found) > 12
    return found


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        for address in page.fetched:
            assert "://" not in address and not address.startswith("//"), f"{path.name} fetches {address}"
            if path.name != "404.html":  # its addresses are a server's
                assert (path.parent / address.partition("#")[0].partition("?")[0]).exists(), f"{path.name}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"@import|url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_every_link_leads_somewhere(site: Path) -> None:
    known = pages(site)
    for path, page in known.items():
        for link in page.links:
            target, _, name = link.partition("#")
            if "://" in link or path.name == "404.html":
                continue
            there = (path.parent / target).resolve() if target else path
            assert there in known, f"{path.name}: {link}"
            assert not name or name in known[there].names, f"{path.name}: {link}"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    listed = {link.partition("#")[0] for link in Page((site / "index.html").read_text(encoding="utf-8")).links}
    built = {str(path.relative_to(site)) for path in site.rglob("*.html")} - {"404.html", "index.html"}
    assert built <= listed


def test_the_command_line_is_told_in_full() -> None:
    page = write_command_line()
    assert [*re.findall(r"^## (.+)$", page, flags=re.MULTILINE)] == ["handfit", *COMMANDS]
    for part, options in zip(page.split("\n## ")[1:], (Command, *COMMANDS.values()), strict=True):
        for field in dataclasses.fields(options):
            named = f"| `--{field.name.replace('_', '-')}`" in part or f"| `{field.name.upper().rstrip('S')}" in part
            assert named, field.name
    assert "| `--hand`<br>`auto`, `left`, `right`, `both` | Which hand to fit. | `auto` |" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 40 and all(len(row.split(" | ")[1].split()) >= 2 for row in rows), "an option without a meaning"


def test_every_key_is_on_the_page_of_the_configuration() -> None:
    page = write_configuration()
    parts = dict(re.findall(r"^##+ ([a-z_.]+)\n(.*?)(?=^##|\Z)", page, flags=re.MULTILINE | re.DOTALL))
    assert len(all_keys()) >= 80
    for key in all_keys():
        section, _, name = key.rpartition(".")
        assert f"| `{name}` |" in parts.get(section, "") or key in parts, key
    assert [section.key for section in sections(Config())] == list(parts)
    wanted = "| `sigma_px` | `4` | a number above 0 (pixels) | for a hand that spans 200 px; grows with the hand |"
    assert wanted in parts["energy.keypoints"]


def test_remarks_belong_to_the_keys_of_their_lines() -> None:
    yaml = "a:  # one\n  b: 1  # two\n  c:\n    - name: x  # three\n      d: 2\n    - name: y  # four\ne: 3\n"
    assert dict(remarks_of(yaml)) == {"a": "one", "a.b": "two", "a.c.name": "three"}


@pytest.mark.parametrize("cls", [FitResult, Diagnostics])
def test_every_array_has_its_meaning(cls: type[FitResult | Diagnostics]) -> None:
    page = write_result_files()
    for field in dataclasses.fields(cls):
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{field.name}` |"))
        meaning = row.rstrip(" |").rpartition("| ")[2]
        assert len(meaning.split()) >= 2, field.name
    assert "| `joints_m` | `float32 (hands, frames, 21, 3)` | metres |" in page


def test_bars_in_cells_do_not_split_them() -> None:
    assert table(("a",), [("x|y `p|q` |",)]).splitlines()[2] == "| x\\|y `p|q` \\| |"


def test_pictures_are_there_and_small() -> None:
    for name in PICTURES:
        path = FOLDER / f"{name}.png"
        assert path.stat().st_size < LARGEST_PICTURE, name
        with Image.open(path) as picture:
            assert picture.width == 1400 and 400 < picture.height < 1000
    assert {path.stem for path in FOLDER.glob("*.png")} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_drawn_from_the_code(name: str, anny: HandModel) -> None:
    """Every drawing can be made: names, orders and axes are where it looks for them."""
    sheet = PICTURES[name](anny.to(dtype=torch.float64))
    words = " ".join(text.get_text() for text in sheet.texts)
    wanted = {
        "joints": "wrist 0 thumb_cmc pinky_tip",
        "rotations": "thumb3 pose[45:48]",
        "rest_axes": "flexion: +z closes the hand",
        "camera": "z forward",
        "pixels": "(0.5, 0.5)",
        "sides": "side = left",
        "texture": "texture_SIDE.png",
    }
    assert all(word in words for word in wanted[name].split(" ")), words


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_every_key_that_a_page_names_exists(page: Path) -> None:
    for name, value in re.findall(r"--([a-z]+\.[-a-z0-9.]+[a-z0-9])[ =]([^\s`]+)", page.read_text(encoding="utf-8")):
        parse_arguments(["demo", f"--{name}", value.rstrip(",;:.")])
