"""The frames that are worth a look: of the lowest quality, not all from the same moment, and what is wrong with each.

worst_frames(folder)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fitter.export.folder import ResultFolder
from fitter.visualize.report.page import WorstFrame

SHOWN = 8
APART_SECONDS = 0.5  # neighbours fail for the same reason


@dataclass(frozen=True)
class Symptom:
    """A figure by frame of which more is worse; `words` says it of a value and the clip's median."""

    rows: Float[np.ndarray, "hands frames"]
    words: str


def worst_frames(folder: ResultFolder) -> tuple[WorstFrame, ...]:
    """The lowest quality first; fewer than SHOWN where the clip is short."""
    result = folder.result
    quality = np.where(result.present, result.quality, np.nan)
    apart, chosen = max(1, round(APART_SECONDS * result.fps)), list[tuple[int, int]]()
    hands, frames = np.nonzero(np.isfinite(quality))
    for place in np.argsort(quality[hands, frames], kind="stable"):
        hand, frame = int(hands[place]), int(frames[place])
        if all(abs(frame - other) >= apart for other, _ in chosen):
            chosen.append((frame, hand))
        if len(chosen) == SHOWN:
            break
    found = symptoms(folder)
    return tuple(
        WorstFrame(frame, hand, float(quality[hand, frame]), why(folder, found, hand, frame)) for frame, hand in chosen
    )


def symptoms(folder: ResultFolder) -> tuple[Symptom, ...]:
    """What the result and its diagnostics say of each frame."""
    seen = folder.diagnostics
    sigma = Symptom(np.median(folder.relative_sigma_mm, axis=-1), "joints to {:.1f} mm (median {:.1f})")
    if seen is None:
        return (sigma,)
    return (
        sigma,
        Symptom(seen.reprojection_px, "{:.1f} px off the detections (median {:.1f})"),
        Symptom(seen.photometric, "colours {:.1f} σ off (median {:.1f})"),
        Symptom(-seen.overlap, "mask overlap {:.2f} (median {:.2f})"),
    )


def why(folder: ResultFolder, found: tuple[Symptom, ...], hand: int, frame: int) -> str:
    """The figure that stands out most from the clip's own, in units of its usual spread."""
    prefix = "" if folder.result.observed[hand, frame] else "bridged, not detected; "
    most, words = 1.0, "no figure stands out"
    for symptom in found:
        row = symptom.rows[hand]
        value, others = row[frame], row[np.isfinite(row)]
        if not np.isfinite(value) or not len(others):
            continue
        median = np.median(others)
        spread = np.median(np.abs(others - median)) + 1e-6
        if (value - median) / spread > most:
            most, words = float((value - median) / spread), symptom.words.format(abs(value), abs(median))
    return prefix + words
