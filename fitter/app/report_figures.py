"""The figures of a result folder as a table for people: what the closing summary of a fit says, from the files alone.

figures = figures_of(open_result(Path("results/clip")))
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from fitter.app.summary import MM_PER_M, hand_length, longest_run
from fitter.evaluate.metrics import jitter
from fitter.export.diagnostics import Diagnostics
from fitter.export.folder import ResultFolder
from fitter.mapped import release_pages
from fitter.visualize.report.page import Figure

NOTHING = "–"


def figures_of(folder: ResultFolder) -> tuple[Figure, ...]:
    """One row per figure, one text per hand; rows of which no hand has a value are left out."""
    result, seen, run = folder.result, folder.diagnostics, folder.run
    hands = range(len(result.side))

    def row(label: str, meaning: str, text: Callable[[int], str]) -> Figure:
        return Figure(label, tuple(text(hand) for hand in hands), meaning)

    def present(rows: Float[np.ndarray, "hands frames *any"]) -> Callable[[int], np.ndarray]:
        return lambda hand: shown(rows, folder, hand)

    quality, sigma = present(result.quality), present(result.joints_sigma_mm)
    rows = [
        row("Present in the fit", "by the fit's own judgement", lambda hand: counted(result.present[hand])),
        row("Seen by the detector", "frames with a detection", lambda hand: counted(result.observed[hand])),
        row(
            "Quality of a frame",
            "median; chance that its joints are within 10 mm",
            lambda hand: middle(quality(hand), "{:.2f}"),
        ),
        row(
            "Uncertainty in space",
            "of a joint: median standard deviation, size and distance included",
            lambda hand: middle(sigma(hand), "{:.1f} mm"),
        ),
    ]
    if seen is not None:
        rows += seen_rows(folder, seen)
    length = "given" if run is not None and run.hand_length_known else "not known, so distances scale with it"
    rows.append(
        row("Hand length", f"wrist to tip of the middle finger; {length}", lambda hand: length_of(folder, hand))
    )
    if run is not None:
        rows += [
            row(
                "PSNR where covered",
                "rendering against film",
                lambda hand: of_run(run.psnr_db, folder, hand, "{:.1f} dB"),
            ),
            row("SSIM where covered", "rendering against film", lambda hand: of_run(run.ssim, folder, hand, "{:.3f}")),
            row(
                "Started from", "what the fit grew from", lambda hand: run.started_from.get(result.side[hand], NOTHING)
            ),
        ]
    return tuple(each for each in rows if set(each.values) != {NOTHING})


def seen_rows(folder: ResultFolder, seen: Diagnostics) -> list[Figure]:
    """Against what was detected, masked and filmed."""
    result = folder.result

    def texts(text: Callable[[int], str]) -> tuple[str, ...]:
        return tuple(text(hand) for hand in range(len(result.side)))

    relative = texts(lambda hand: middle(shown(seen.relative_sigma_mm, folder, hand), "{:.1f} mm"))
    tremble = texts(lambda hand: trembling(result.keypoints_px, seen, folder, hand))
    tremble_seen = texts(lambda hand: trembling(seen.detected_px, seen, folder, hand))
    detections = ", ".join(text for text in tremble_seen if text != NOTHING) or NOTHING
    return [
        Figure("Uncertainty of a joint", relative, "median standard deviation, size and distance aside"),
        Figure(
            "Reprojection",
            texts(lambda hand: mean(seen.reprojection_px[hand], "{:.2f} px")),
            "mean, from the detections",
        ),
        Figure("Jitter", tremble, f"of the hand's centre about its 11-frame mean; detections: {detections}"),
        Figure(
            "Overlap with the masks",
            texts(lambda hand: mean(seen.overlap[hand], "{:.3f}")),
            "intersection over union, mean",
        ),
        Figure(
            "Colour residual", texts(lambda hand: mean(seen.photometric[hand], "{:.2f} σ")), "mean; 1 is as expected"
        ),
    ]


def counted(flags: np.ndarray) -> str:
    return f"{int(flags.sum())} of {len(flags)} frames"


def middle(values: np.ndarray, form: str) -> str:
    """The median of what is finite."""
    finite = values[np.isfinite(values)]
    return form.format(float(np.median(finite))) if len(finite) else NOTHING


def mean(values: np.ndarray, form: str) -> str:
    """The mean of what is finite."""
    finite = values[np.isfinite(values)]
    return form.format(float(finite.mean(dtype=np.float64))) if len(finite) else NOTHING


def shown(rows: Float[np.ndarray, "hands frames *any"], folder: ResultFolder, hand: int) -> np.ndarray:
    """A copy of those of the frames with the hand; the file's need not stay in memory."""
    copied = rows[hand][folder.result.present[hand]]
    release_pages(rows)
    return copied


def length_of(folder: ResultFolder, hand: int) -> str:
    """Along the bones, the mean over the frames."""
    length = MM_PER_M * hand_length(folder.result.joints_m[hand], folder.result.present[hand])
    release_pages(folder.result.joints_m)
    return f"{length:.0f} mm" if np.isfinite(length) else NOTHING


def trembling(
    points: Float[np.ndarray, "hands frames 21 2"], seen: Diagnostics, folder: ResultFolder, hand: int
) -> str:
    """The jitter over the longest run of frames in which the hand is present and wholly detected."""
    run = longest_run(folder.result.present[hand] & (seen.confidence[hand] > 0).all(axis=1))
    pixels = jitter(points[hand][run])
    release_pages(points)
    return f"{pixels:.2f} px" if np.isfinite(pixels) else NOTHING


def of_run(figures: dict[str, float], folder: ResultFolder, hand: int, form: str) -> str:
    value = figures.get(folder.result.side[hand])
    return NOTHING if value is None else form.format(value)
