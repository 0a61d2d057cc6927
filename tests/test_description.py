"""A result shows itself in a few lines, without its arrays, and its texts cannot be markup."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from fitter.export.result import FitResult
from tests.test_result import make_result


def known_result() -> FitResult:
    """Two hands over four frames, present in three: medians that can be told by heart."""
    result = make_result()
    sigma = np.where(result.present[..., None], np.arange(21, dtype=np.float32) / 4.0, np.nan).astype(np.float32)
    observed = result.present.copy()
    observed[0, 0] = False
    return replace(result, joints_sigma_mm=sigma, observed=observed)


def test_a_few_lines_say_what_it_is() -> None:
    assert repr(known_result()).splitlines() == [
        "FitResult: 2 hands in 4 frames of 1280x720 at 29.97 fps, model anny, focal length 900 px "
        "not given: assumed, one standard deviation 20 %",
        "  left   present in 3 of 4 frames, observed in 2, sigma 2.5 mm, quality 0.75",
        "  right  present in 3 of 4 frames, observed in 3, sigma 2.5 mm, quality 0.75",
        "  status: converged",
    ]


@pytest.mark.parametrize("hands", [0, 1])
def test_results_without_a_hand_or_a_known_number_show_themselves(hands: int) -> None:
    result = make_result(hands)
    nowhere = np.zeros_like(result.present)
    result = replace(result, present=nowhere, observed=nowhere, quality=np.full(nowhere.shape, np.nan, np.float32))
    lines = repr(result).splitlines()
    assert len(lines) == 2 + hands and lines[0].startswith(("FitResult: no hands", "FitResult: 1 hand "))
    assert hands == 0 or "present in 0 of 4 frames, observed in 0, sigma nan mm, quality nan" in lines[1]
    assert ("<table>" in result._repr_html_()) == (hands > 0)


class Tags(HTMLParser):
    """The tags that are open at the end, all that were seen, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_table_of_notebooks_is_well_formed_and_escaped() -> None:
    status = '<script>alert("no")</script> & <b>'
    tags = Tags(replace(known_result(), status=status)._repr_html_())
    assert tags.open == [] and tags.seen == {"div", "p", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}
    assert status in "".join(tags.text)
    assert {"left", "right", "3 of 4 frames", "2.5 mm", "0.75"} <= set(tags.text)
