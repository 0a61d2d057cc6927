"""What changes from frame to frame, as charts and energies.

charts_of(folder), energies_of(folder.result.side, folder.diagnostics)
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from fitter.export.diagnostics import Diagnostics
from fitter.export.folder import ResultFolder
from fitter.observe.observations import Side
from fitter.visualize.report.page import Chart, HandEnergies, Series, StageTrace, TermEnergy, Values

DIGITS = 4  # significant ones: the screen shows three
LOW, HIGH = 10.0, 90.0  # percentiles of the joints, of the band about their median
Rows = Float[np.ndarray, "hands frames"]


def charts_of(folder: ResultFolder) -> tuple[Chart, ...]:
    """Charts with at least one value, the summary first, then what it is made of."""
    result, seen = folder.result, folder.diagnostics
    charts = [
        chart(result.side, result.quality, "Quality", "", QUALITY, 2, top=1.0),
        banded(result.side, folder.relative_sigma_mm, "Uncertainty of the joints", RELATIVE_SIGMA if seen else SIGMA),
    ]
    if seen is not None:
        charts += [
            banded(result.side, result.joints_sigma_mm, "Uncertainty in space", SIGMA),
            chart(result.side, seen.reprojection_px, "Reprojection", "px", REPROJECTION, 1),
            chart(result.side, seen.photometric, "Colour residual", "σ", PHOTOMETRIC, 2),
            chart(result.side, seen.overlap, "Overlap with the mask", "IoU", OVERLAP, 3, top=1.0),
        ]
    return tuple(each for each in charts if each.series)


QUALITY = "The fit's own score of the frame, 0 to 1: how likely its joints are within 10 mm on average, once aligned."
RELATIVE_SIGMA = (
    "One standard deviation of a joint's position, size and distance aside: median, and 80 % of the joints."
)
SIGMA = "One standard deviation of a joint's position in space: median of the joints, and where 80 % of them lie."
REPROJECTION = "Mean distance of the keypoints as the fit predicts them from where the detector saw them."
PHOTOMETRIC = "Root mean square difference of rendered and filmed colours, in the standard deviations expected of it."
OVERLAP = "Intersection over union of the fitted hand's outline and the mask."


def chart(
    sides: Sequence[Side], rows: Rows, title: str, unit: str, meaning: str, digits: int, top: float | None = None
) -> Chart:
    """One line for each hand that has a value."""
    series = tuple(
        Series(side, hand, values(row))
        for hand, (side, row) in enumerate(zip(sides, rows, strict=True))
        if np.isfinite(row).any()
    )
    return Chart(title, unit, meaning, digits, series, top)


def banded(sides: Sequence[Side], sigma_mm: Float[np.ndarray, "hands frames 21"], title: str, meaning: str) -> Chart:
    """The joints' median with a band."""
    series = []
    for hand, (side, joints) in enumerate(zip(sides, sigma_mm, strict=True)):
        if np.isfinite(joints).any():
            # Missing frames are NaN in all joints, and stay so.
            low, middle, high = np.percentile(joints, [LOW, 50.0, HIGH], axis=-1)
            series.append(Series(side, hand, values(middle), values(low), values(high)))
    return Chart(title, "mm", meaning, 1, tuple(series))


def energies_of(sides: Sequence[Side], seen: Diagnostics) -> tuple[HandEnergies, ...]:
    """The terms that act on each hand, and the solver's way to them."""
    totals = np.nansum(seen.energies, axis=(0, 2), dtype=np.float64) + np.nansum(seen.clip_energies, axis=0)
    order = np.argsort(-totals, kind="stable").tolist()
    hands = []
    for hand, side in enumerate(sides):
        terms = (term_energy(seen, hand, term, rank) for rank, term in enumerate(order))
        hands.append(HandEnergies(side, tuple(term for term in terms if term), stages_of(seen, hand)))
    return tuple(hand for hand in hands if hand.terms)


def term_energy(seen: Diagnostics, hand: int, term: int, rank: int) -> TermEnergy | None:
    """None where the term does not act on this hand."""
    name, by_frame, of_clip = seen.terms[term], seen.energies[hand, term], float(seen.clip_energies[hand, term])
    if np.isfinite(by_frame).any():
        return TermEnergy(name, float(np.nansum(by_frame, dtype=np.float64)), values(by_frame), rank)
    return TermEnergy(name, of_clip, None, rank) if np.isfinite(of_clip) else None


def stages_of(seen: Diagnostics, hand: int) -> tuple[StageTrace, ...]:
    """One trace for each run of steps of the same stage."""
    traces: list[tuple[str, list[float]]] = []
    for stage, of_hand, energy in zip(seen.trace_stage, seen.trace_hand, seen.trace_energy, strict=True):
        if of_hand != hand:
            continue
        if not traces or traces[-1][0] != stage:
            traces.append((stage, []))
        traces[-1][1].append(energy)
    return tuple(StageTrace(stage, values(np.array(energies))) for stage, energies in traces)


def values(row: Float[np.ndarray, "frames"]) -> Values:
    """Short numbers, None for what is not finite."""
    return tuple(float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in row.tolist())
