"""What a report shows, as plain values: no markup, no files, nothing that needs a browser.

page = page_of(open_result(Path("results/clip")), figures)      # fitter/visualize/report/build.py
html = render(page)                                             # fitter/visualize/report/html.py
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fitter.observe.observations import Side
from fitter.visualize.report.motion import PackedMotion

Level = Literal["good", "fair", "poor", "failed"]
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Verdict:
    """How good the fit is, in one word and one sentence."""

    level: Level
    sentence: str


@dataclass(frozen=True)
class Figure:
    """One row of the table of figures: a text for each hand, and what the row means."""

    label: str
    values: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class HandTrack:
    """In which frames a hand is present, and in which a detection supports it."""

    side: Side
    present: tuple[bool, ...]
    observed: tuple[bool, ...]


@dataclass(frozen=True)
class Series:
    """One hand's values over the frames, None where there is none; `low`, `high`: a band about them."""

    label: str
    hand: int
    values: Values
    low: Values | None = None
    high: Values | None = None


@dataclass(frozen=True)
class Chart:
    """Lines over the frames. `top`: where the axis ends, None for the largest value; `digits`: of the read-out."""

    title: str
    unit: str
    meaning: str
    digits: int
    series: tuple[Series, ...]
    top: float | None = None


@dataclass(frozen=True)
class WorstFrame:
    """A frame to look at: why in words, and a JPEG of the hand in it where there is an overlay video."""

    frame: int
    hand: int
    quality: float | None
    why: str
    jpeg: bytes | None = None


@dataclass(frozen=True)
class TermEnergy:
    """An energy term's part of the clip's energy, unit-free; `values`: by frame, None of a term that acts on the clip.

    `rank`: its place among the page's terms, the largest first; the same for both hands.
    """

    name: str
    total: float
    values: Values | None
    rank: int = 0


@dataclass(frozen=True)
class StageTrace:
    """The whole energy after each step of one stage of the solver."""

    name: str
    energies: tuple[float | None, ...]


@dataclass(frozen=True)
class HandEnergies:
    """All of one hand's energies; the largest terms of the page first."""

    side: Side
    terms: tuple[TermEnergy, ...]
    stages: tuple[StageTrace, ...]


@dataclass(frozen=True)
class PagePicture:
    """A picture on the page: its bytes, their type (image/png, image/jpeg), and what it shows, in words."""

    name: str
    caption: str
    content: bytes
    kind: str
    wide: bool = False


@dataclass(frozen=True)
class FileLink:
    """A file beside the page."""

    name: str
    size: int
    meaning: str


@dataclass(frozen=True)
class Lens:
    """The pinhole camera that the hands were fitted in, pixels of the input frames."""

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class Film:
    """An H.264 video of the page's size, and its frames per second."""

    mp4: bytes
    fps: float
    upright: bool


@dataclass(frozen=True)
class Page:
    """Everything that one report shows. What is missing is None or empty, and `gaps` says why: section -> sentence.

    Of a long clip it shows every `step`-th frame, `frames` in all at `fps` a second; worst frames are the clip's own.
    """

    title: str
    verdict: Verdict
    facts: tuple[str, ...]
    figures: tuple[Figure, ...]
    warnings: tuple[str, ...]
    frames: int
    fps: float
    image_size: tuple[int, int]
    lens: Lens
    hands: tuple[HandTrack, ...]
    motion: PackedMotion | None
    full_sigma_mm: float
    textures: Mapping[int, PagePicture]
    film: Film | None
    charts: tuple[Chart, ...]
    worst: tuple[WorstFrame, ...]
    energies: tuple[HandEnergies, ...]
    pictures: tuple[PagePicture, ...]
    command: str
    version: str
    files: tuple[FileLink, ...]
    gaps: Mapping[str, str]
    first_frame: int = 0
    step: int = 1

    def shown(self, frame: int) -> int:
        """The frame of the page that is nearest to a frame of the clip."""
        return min(round(frame / self.step), self.frames - 1)
