"""How good a fit is, in words that a person can act on.

verdict = verdict_of(folder)
verdict.level, verdict.sentence
"""

from dataclasses import dataclass

import numpy as np

from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.visualize.report.page import Level, Verdict

# Frames below this score are left out of pseudo-labels by default: doubtful here is dropped there.
DOUBTFUL_QUALITY = 0.5
# Shares of doubtful frames up to which a clip is good, or fair: one in twenty is easily dropped, one in three is not.
GOOD_SHARE, FAIR_SHARE = 0.05, 0.33
CONVERGED = "converged"


@dataclass(frozen=True)
class Tally:
    """How many frames, of all hands together, are what. `quality`: the median over frames with a hand, None without."""

    present: int
    observed: int
    doubtful: int
    quality: float | None

    @property
    def doubtful_share(self) -> float:
        return self.doubtful / max(1, self.present)


def tally(result: FitResult) -> Tally:
    """Count the frames of all hands."""
    present = result.present
    scores = result.quality[present]
    finite = scores[np.isfinite(scores)]
    return Tally(
        present=int(present.sum()),
        observed=int((result.observed & present).sum()),
        doubtful=int((finite < DOUBTFUL_QUALITY).sum()),
        quality=float(np.median(finite)) if len(finite) else None,
    )


def level_of(result: FitResult, counted: Tally) -> Level:
    """One word: a solver that did not converge is never good."""
    if not counted.present:
        return "failed"
    if counted.doubtful_share > FAIR_SHARE:
        return "poor"
    return "good" if counted.doubtful_share <= GOOD_SHARE and result.status == CONVERGED else "fair"


def verdict_of(folder: ResultFolder) -> Verdict:
    """The level, and what it rests on."""
    result, counted = folder.result, tally(folder.result)
    if not counted.present:
        return Verdict("failed", "The fit finds no hand in any frame.")
    parts = [f"{followed(result)}; {known(folder)}."]
    bridged = counted.present - counted.observed
    if bridged:
        parts.append(f"{frames(bridged)} without a detection {'is' if bridged == 1 else 'are'} bridged.")
    if counted.doubtful:
        share = f"{100.0 * counted.doubtful_share:.0f} %" if counted.doubtful_share >= 0.01 else "under 1 %"
        parts.append(f"{frames(counted.doubtful)} ({share}) {'is' if counted.doubtful == 1 else 'are'} doubtful.")
    if result.status != CONVERGED:
        parts.append(f"The solver: {result.status.rstrip('.')}.")
    return Verdict(level_of(result, counted), " ".join(parts))


def followed(result: FitResult) -> str:
    """Through which part of the clip."""
    total = result.present.shape[1]
    parts = []
    for side, present in zip(result.side, result.present, strict=True):
        count = int(present.sum())
        extent = f"all {frames(total)}" if count == total else f"{count} of {frames(total)}"
        parts.append(f"the {side} through {extent}" if parts else f"The {side} hand is followed through {extent}")
    return ", ".join(parts)


def known(folder: ResultFolder) -> str:
    """How surely, and how close to what was seen."""
    result, seen = folder.result, folder.diagnostics
    sigma = np.median(folder.relative_sigma_mm[result.present])
    words = f"its joints are known to {sigma:.1f} mm{'' if seen is None else ', size and distance aside,'}"
    if len(result.side) > 1:
        words = words.replace("its", "their")
    reprojection = seen.reprojection_px[np.isfinite(seen.reprojection_px)] if seen is not None else np.zeros(0)
    return f"{words} and lie {reprojection.mean():.1f} px from the detections" if len(reprojection) else words


def frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"
