"""One page for many results: the best or the worst first, each with a picture, its figures and a link to its report.

entries = [entry_of(open_result(folder), folder / "report.html", index_folder), ...]
write_index(entries, index_folder)                                  # index.html
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

import fitter
from fitter.clip import open_clip
from fitter.errors import HandfitError
from fitter.export.atomic import atomic_path
from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.visualize.report.build import title_of
from fitter.visualize.report.film import still
from fitter.visualize.report.html import LEVEL_WORDS, digest
from fitter.visualize.report.markup import data_uri, fill, template, text
from fitter.visualize.report.page import Verdict
from fitter.visualize.report.verdict import tally, verdict_of

INDEX_FILE = "index.html"
SPARK_POINTS = 120
SPARK_PX = (120, 24)
NOTHING = "–"
LEVELS = ("good", "fair", "poor", "failed")


@dataclass(frozen=True)
class Entry:
    """One result. `link`: of its report, relative to the index; None where it could not be read.

    `quality`: the median over the frames with a hand, None without; `trace`: the worst hand's score by frame.
    """

    title: str
    folder: str
    link: str | None
    verdict: Verdict
    hands: str = NOTHING
    frames: int = 0
    quality: float | None = None
    sigma_mm: float | None = None
    warnings: tuple[str, ...] = ()
    status: str = ""
    trace: tuple[float | None, ...] = ()
    jpeg: bytes | None = None


def entry_of(folder: ResultFolder, report: Path, index: Path) -> Entry:
    """What the index shows of a result whose page is `report`."""
    result = folder.result
    sigma = folder.relative_sigma_mm[result.present]
    return Entry(
        title=title_of(folder),
        folder=folder.name,
        link=quote(Path(os.path.relpath(report.resolve(), index.resolve())).as_posix()),
        verdict=verdict_of(folder),
        hands=" + ".join(result.side) or NOTHING,
        frames=result.present.shape[1],
        quality=tally(result).quality,
        sigma_mm=float(np.median(sigma)) if len(sigma) else None,
        warnings=folder.run.warnings if folder.run else (),
        status=result.status,
        trace=trace_of(result),
        jpeg=thumbnail(folder),
    )


def failed_entry(folder: Path, reason: str) -> Entry:
    """A result that cannot be read, and why."""
    return Entry(folder.name, folder.name, None, Verdict("failed", reason), status="not readable")


def trace_of(result: FitResult) -> tuple[float | None, ...]:
    """The lowest score of each of SPARK_POINTS stretches of the clip: a bad moment must not fall between two points."""
    frames = result.present.shape[1]
    scores = np.where(result.present, result.quality, np.inf).min(axis=0, initial=np.inf)
    ends = np.linspace(0, frames, min(SPARK_POINTS, frames) + 1).astype(int)
    lowest = [float(scores[start:stop].min()) for start, stop in zip(ends[:-1], ends[1:], strict=True)]
    return tuple(score if np.isfinite(score) else None for score in lowest)


def thumbnail(folder: ResultFolder) -> bytes | None:
    """The hand in its best frame, from the overlay video; None where there is none."""
    result, path = folder.result, folder.file("overlay.mp4")
    scores = np.where(result.present & np.isfinite(result.quality), result.quality, -1.0)
    if path is None or scores.max(initial=-1.0) < 0.0:
        return None
    hand, frame = (int(place) for place in np.unravel_index(int(scores.argmax()), scores.shape))
    try:
        rgb = open_clip(path).still(frame)
    except (HandfitError, IndexError):
        return None  # the report says what is wrong with the video
    return still(np.asarray(rgb), result.keypoints_px[hand, frame], result.image_size)


def write_index(entries: Sequence[Entry], folder: Path) -> Path:
    """Write `index.html` atomically into `folder`, which must exist; raises as `atomic_path` does."""
    path = folder / INDEX_FILE
    with atomic_path(path) as temporary:
        temporary.write_text(render_index(entries, folder.resolve().name), encoding="utf-8")
    return path


def render_index(entries: Sequence[Entry], name: str) -> str:
    """The page, worst first, as one looks for what needs a look; its script sorts it otherwise."""
    script = template("index.js")
    ordered = sorted(entries, key=lambda entry: -1.0 if entry.quality is None else entry.quality)
    return fill(
        template("index.html"),
        {
            "title": text(name or "results"),
            "version": text(fitter.__version__),
            "style": template("page.css") + template("index.css"),
            "script": script,
            "script_hash": digest(script),
            "summary": text(summary(entries)),
            "rows": "\n".join(row(entry) for entry in ordered),
        },
    )


def summary(entries: Sequence[Entry]) -> str:
    """How many are of which level."""
    counts = Counter(entry.verdict.level for entry in entries)
    parts = [f"{counts[level]} {level}" for level in LEVELS if counts[level]]
    return f"{len(entries)} result{'' if len(entries) == 1 else 's'}: {', '.join(parts)}."


def row(entry: Entry) -> str:
    """One result as a row of the table."""
    level, quality = entry.verdict.level, entry.quality
    picture = (
        f'<img src="{data_uri(entry.jpeg, "image/jpeg")}" alt="">' if entry.jpeg else '<span class="blank"></span>'
    )
    title = text(entry.title)
    linked = f'<a href="{text(entry.link)}">{title}</a>' if entry.link else title
    where = f' <span class="where">{text(entry.folder)}</span>' if entry.folder != entry.title else ""
    score = NOTHING if quality is None else f"{quality:.2f}"
    width = 0.0 if quality is None else 100.0 * quality
    sigma = NOTHING if entry.sigma_mm is None else f"{entry.sigma_mm:.1f} mm"
    warned = f'<span title="{text(chr(10).join(entry.warnings))}">{len(entry.warnings) or NOTHING}</span>'
    return (
        f'<tr class="{level if entry.link else "unread"}" data-name="{title}" '
        f'data-quality="{-1.0 if quality is None else quality:.4f}">'
        f'<td class="thumb">{picture}</td>'
        f'<th scope="row"><span class="name">{linked}</span>{where}<p class="verdict {level}"><span class="dot"></span>'
        f"<span><strong>{LEVEL_WORDS[level]}.</strong> {text(entry.verdict.sentence)}</span></p></th>"
        f'<td data-label="Quality" class="score"><b>{score}</b>'
        f'<span class="bar {level}"><i style="width:{width:.0f}%"></i></span>{spark(entry)}</td>'
        f'<td data-label="Hand">{text(entry.hands)}</td>'
        f'<td data-label="Frames" class="number">{entry.frames or NOTHING}</td>'
        f'<td data-label="Sigma" class="number">{sigma}</td><td data-label="Warnings" class="number">{warned}</td>'
        f'<td data-label="Status" class="status">{text(entry.status)}</td></tr>'
    )


def spark(entry: Entry) -> str:
    """The score over the clip, as small as a word."""
    if not any(score is not None for score in entry.trace):
        return ""
    width, height = SPARK_PX
    step, path, inside = width / max(1, len(entry.trace) - 1), "", False
    for place, score in enumerate(entry.trace):
        if score is None:
            inside = False
            continue
        path += f"{'L' if inside else 'M'}{place * step:.1f} {(height - 1) - (height - 2) * score:.1f}"
        inside = True
    attributes = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true"'
    return f'<svg class="spark" {attributes}><path d="{path}"/></svg>'
