"""The frames that are worth a look: those that stand out most from their clip, not all from one moment, and by what.

worst_frames(folder)

Quality alone would not find them: most of what a fit errs by is the same in all frames of a clip
(docs/uncertainty.md), so it is nearly flat, also where detections and fit part for a moment.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fitter.export.folder import ResultFolder
from fitter.visualize.report.page import WorstFrame

SHOWN = 8
APART_SECONDS = 0.5  # neighbours fail for the same reason
# A figure stands out by its distance from the clip's median over the usual distance and this share of the median: one
# that hardly varies at all is not to stand out by a hair.
USUAL_SHARE = 0.1
LEAST_STRANGE = 1.0  # below it nothing is said


@dataclass(frozen=True)
class Symptom:
    """A figure by frame of which more is worse; `words` says it of a value and the clip's median."""

    rows: Float[np.ndarray, "hands frames"]
    words: str


def worst_frames(folder: ResultFolder) -> tuple[WorstFrame, ...]:
    """The strangest first; fewer than SHOWN where the clip is short."""
    result, found = folder.result, symptoms(folder)
    strange = np.max([strangeness(symptom) for symptom in found], axis=0)
    # Those that stand out by nothing come last, the lowest quality first.
    rank = np.where(strange > LEAST_STRANGE, strange, -result.quality)
    apart, chosen = max(1, round(APART_SECONDS * result.fps)), list[tuple[int, int]]()
    hands, frames = np.nonzero(result.present)
    for place in np.argsort(-rank[hands, frames], kind="stable"):
        hand, frame = int(hands[place]), int(frames[place])
        if all(abs(frame - other) >= apart for other, _ in chosen):
            chosen.append((frame, hand))
        if len(chosen) == SHOWN:
            break
    return tuple(
        WorstFrame(frame, hand, float(result.quality[hand, frame]), why(folder, found, hand, frame))
        for frame, hand in chosen
    )


def symptoms(folder: ResultFolder) -> tuple[Symptom, ...]:
    """What the result and its diagnostics say of each frame."""
    seen = folder.diagnostics
    sigma = Symptom(np.median(folder.relative_sigma_mm, axis=-1), "joints to {:.1f} mm (median {:.1f})")
    quality = Symptom(-folder.result.quality, "quality {:.2f} (median {:.2f})")
    if seen is None:
        return (sigma, quality)
    return (
        sigma,
        quality,
        Symptom(seen.reprojection_px, "{:.1f} px off the detections (median {:.1f})"),
        Symptom(seen.photometric, "colours {:.1f} σ off (median {:.1f})"),
        Symptom(-seen.overlap, "mask overlap {:.2f} (median {:.2f})"),
    )


def strangeness(symptom: Symptom) -> Float[np.ndarray, "hands frames"]:
    """How far each frame lies on the bad side of its own hand's median, in usual distances; 0 without a figure."""
    rows = np.asarray(symptom.rows, dtype=np.float64)
    strange = np.zeros(rows.shape)
    for row, own in zip(rows, strange, strict=True):
        known = np.isfinite(row)
        if known.any():
            median = np.median(row[known])
            usual = np.median(np.abs(row[known] - median)) + USUAL_SHARE * abs(median) + 1e-6
            own[known] = (row[known] - median) / usual
    return strange


def why(folder: ResultFolder, found: tuple[Symptom, ...], hand: int, frame: int) -> str:
    """The figure that stands out most."""
    prefix = "" if folder.result.observed[hand, frame] else "bridged, not detected; "
    strange = [strangeness(symptom)[hand, frame] for symptom in found]
    most = int(np.argmax(strange))
    if strange[most] <= LEAST_STRANGE:
        return f"{prefix}no figure stands out"
    row = found[most].rows[hand]
    return prefix + found[most].words.format(abs(row[frame]), abs(np.median(row[np.isfinite(row)])))
