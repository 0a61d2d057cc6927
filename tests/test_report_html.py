"""The page as a file: complete, small, and harmless whatever its words are."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fitter.app.report_command import write_report
from fitter.export.folder import ResultFolder
from fitter.visualize.report.build import page_of
from fitter.visualize.report.html import data_of, digest, render
from fitter.visualize.report.markup import embed_json, fill, text
from fitter.visualize.report.page import Page
from tests.report_folder import make_record, write_folder

EVIL = "</script><img src=x onerror=alert(1)>\"'&{{style}}\u2028.mp4"


class Elements(HTMLParser):
    """Every start tag with its attributes, the text of the title, and the scripts' contents by their id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.words = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.inside = tag if tag != "script" else f"script {dict(attrs).get('id', 'code')}"

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside.startswith("script"):
            name = self.inside.split()[1]
            self.scripts[name] = self.scripts.get(name, "") + data
        else:
            self.words += data


def parsed(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    return elements


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ResultFolder:
    return write_folder(tmp_path_factory.mktemp("wave"))


@pytest.fixture(scope="module")
def page(folder: ResultFolder) -> Page:
    return page_of(folder)


def test_the_page_holds_everything_itself(page: Page) -> None:
    html = render(page)
    elements = parsed(html)
    sources = [
        value for _, found in elements.found for name, value in found.items() if name in ("src", "srcset", "poster")
    ]
    assert sources and all(value is not None and value.startswith("data:") for value in sources)
    assert not [tag for tag, _ in elements.found if tag in ("link", "iframe", "object", "embed", "base")]
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "") and "https://" not in html
    assert "{{" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def test_the_browser_is_told_to_run_this_script_only(page: Page) -> None:
    elements = parsed(render(page))
    policy = next(found["content"] for tag, found in elements.found if found.get("http-equiv"))
    assert policy is not None and f"script-src '{digest(elements.scripts['code'])}'" in policy
    assert policy.startswith("default-src 'none'")


def test_words_from_outside_stay_words(folder: ResultFolder, page: Page) -> None:
    record = replace(make_record(EVIL), warnings=(EVIL,), command=("fit_sequence.py", EVIL), version=EVIL)
    evil = replace(folder, run=record, result=replace(folder.result, status=EVIL))
    hostile = parsed(render(page_of(evil)))
    tags = [tag for tag, _ in hostile.found]
    friendly = [tag for tag, _ in parsed(render(page)).found]
    assert sorted(tags) == sorted(friendly)
    assert not [found for _, found in hostile.found if any(name.startswith("on") for name in found)]
    assert hostile.words.count(EVIL.rpartition("/")[2]) >= 2  # title and heading
    assert json.loads(hostile.scripts["data"])["frames"] == page.frames


def test_names_of_terms_and_stages_stay_inside_the_data(folder: ResultFolder) -> None:
    assert folder.diagnostics is not None
    stages = tuple(EVIL for _ in folder.diagnostics.trace_stage)
    evil = replace(folder.diagnostics, terms=(EVIL, "b", "c", "d"), trace_stage=stages)
    elements = parsed(render(page_of(replace(folder, diagnostics=evil))))
    energies = json.loads(elements.scripts["data"])["energies"][0]
    assert energies["terms"][0]["name"] == EVIL and energies["stages"][0]["name"] == EVIL
    assert "img" not in [tag for tag, found in elements.found if found.get("src") == "x"]


@pytest.mark.parametrize("words", ["</script>", "<!--<script>", "]]>", "\u2028\u2029", "&lt;", "\\u003c"])
def test_json_cannot_end_its_element(words: str) -> None:
    embedded = embed_json({words: [words, None, 1.5]})
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == {words: [words, None, 1.5]}


def test_json_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json([float("nan")])


def test_a_value_is_never_read_as_a_template() -> None:
    assert fill("{{a}} {{b}}", {"a": "{{b}}", "b": "c"}) == "{{b}} c"
    with pytest.raises(KeyError):
        fill("{{missing}}", {})


def test_odd_file_names_can_be_written() -> None:
    assert text("a\udcff<") == "a?&lt;"


def test_links_lead_to_files_of_any_name(page: Page) -> None:
    files = (replace(page.files[0], name='odd "name" #1?.mp4'),)
    links = [found["href"] for tag, found in parsed(render(replace(page, files=files))).found if tag == "a"]
    assert links == ["odd%20%22name%22%20%231%3F.mp4"]


def test_a_missing_part_leaves_a_sentence(folder: ResultFolder, tmp_path: Path) -> None:
    elements = parsed(render(page_of(ResultFolder(tmp_path, folder.result))))
    for words in ("No overlay video was written", "no diagnostics.npz", "no run.json", "Fitted without pixels"):
        assert words in elements.words
    assert "video" not in [tag for tag, _ in elements.found]


def test_the_page_is_written_beside_the_result(folder: ResultFolder) -> None:
    path = write_report(folder)
    assert path == folder.path / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not list(folder.path.glob(".*partial*"))


def test_three_hundred_frames_of_a_real_hand_are_small(page: Page) -> None:
    """The part that grows: 300 frames of 1610 vertices that all move, packed; the film adds 2 kB a frame."""
    from fitter.visualize.report.motion import pack_motion
    from tests.report_folder import make_result

    small = make_result(hands=1, frames=29)
    frames, vertices = 300, 1610
    rng = np.random.default_rng(0)
    path = np.cumsum(rng.normal(scale=2e-4, size=(frames, 1, 3)), axis=0)  # 6 mm/s each axis at 30 fps
    rest = rng.normal(scale=0.05, size=(1, vertices, 3))
    own = np.cumsum(rng.normal(scale=1e-3, size=(frames, vertices, 3)), axis=0)  # harder than any real hand
    joints = np.zeros((1, frames, 21, 3), np.float32)
    large = replace(
        small,
        present=np.ones((1, frames), bool),
        joints_m=joints,
        vertices_m=(rest + path + own)[None].astype(np.float32),
    )
    motion = pack_motion(large, np.ones((1, frames, 21), np.float32))
    html = render(replace(page, motion=motion, hands=page.hands[:1]))
    assert len(html) < 6e6
    assert len(json.dumps(data_of(page))) < 60e3
