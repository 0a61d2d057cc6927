"""A result in a few lines, for whoever types its name: in a terminal, or as a table in a notebook.

describe(result)            # 'FitResult: 1 hand in 150 frames of 640x480 at 30 fps (anny) ...'
describe_in_html(result)
"""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fitter.camera import focal_words

if TYPE_CHECKING:
    from fitter.export.result import FitResult

HEAD = ("hand", "present", "observed", "median sigma", "median quality")


def describe(result: "FitResult") -> str:
    """What it is of, a line for each hand, and the status; no arrays."""
    lines = [f"FitResult: {_subject(result)}"]
    for side, present, observed, sigma, quality in _rows(result):
        lines.append(f"  {side:<5}  present in {present}, observed in {observed}, sigma {sigma}, quality {quality}")
    return "\n".join([*lines, f"  status: {result.status}"])


def describe_in_html(result: "FitResult") -> str:
    """The same as a table."""
    head = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in _rows(result))
    caption = f"<b>FitResult</b>: {escape(_subject(result))}<br>status: {escape(result.status)}"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return f"<div><p>{caption}</p>{table}</div>"


def _subject(result: "FitResult") -> str:
    hands, frames = result.present.shape
    width, height = result.image_size
    counted = {0: "no hands", 1: "1 hand"}.get(hands, f"{hands} hands")
    focal = f"focal length {result.K[0, 0]:.0f} px {focal_words(result.focal_source, result.focal_sigma)}"
    return (
        f"{counted} in {frames} frames of {width}x{height} at {result.fps:.4g} fps, model {result.hand_model}, {focal}"
    )


def _rows(result: "FitResult") -> list[tuple[str, ...]]:
    """Of each hand, in words: side, frames where present and observed, medians where it is present."""
    return [
        (
            side,
            f"{present.sum()} of {len(present)} frames",
            f"{observed.sum()}",
            f"{_median(sigma[present]):.1f} mm",
            f"{_median(quality[present]):.2f}",
        )
        for side, present, observed, sigma, quality in zip(
            result.side, result.present, result.observed, result.joints_sigma_mm, result.quality, strict=True
        )
    ]


def _median(values: np.ndarray) -> float:
    """Of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
