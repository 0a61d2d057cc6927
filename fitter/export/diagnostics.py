"""How a fit explains each frame: what was seen, what is left over, and how sure the fit is there (`diagnostics.npz`).

    diagnostics = Diagnostics.load(Path("results/clip"))
    diagnostics.reprojection_px[0]                       # of the first hand, by frame

For those who judge frames: the quality score, the gates of pseudo-labels, the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from fitter.errors import InputError
from fitter.export.archive import VERSION, find_wrong_shape, read_archive, require_version, typed, write_archive
from fitter.export.atomic import atomic_path
from fitter.export.result import FORMAT_VERSION

if TYPE_CHECKING:
    from fitter.export.fitted_hand import FittedHand  # which loads all of the solver: readers need not wait for it

DIAGNOSTICS_FILE = "diagnostics.npz"


@dataclass(frozen=True)
class Diagnostics:
    """Rows as in `FitResult`; NaN where a figure does not apply, such as colours in a frame without pixels.

    A term's energy is half its weighted, robust, squared residuals; one of three frames in a row is the middle one's.
    """

    source: str
    """The definition of the landmarks seen: `mediapipe`, `openpose`, ..."""
    detected_px: Float32[np.ndarray, "hands frames 21 2"]
    """What the keypoint source saw, pixels of the input frames; 0 with confidence 0 where it saw nothing."""
    confidence: Float32[np.ndarray, "hands frames 21"]
    """How sure the source was, 0 to 1."""
    relative_sigma_mm: Float32[np.ndarray, "hands frames 21"]
    """`joints_sigma_mm` if size and focal length were known: what the frame itself lacks."""
    reprojection_px: Float32[np.ndarray, "hands frames"]
    """Mean distance of the source's landmarks, as the fit predicts them, from where they were seen, by confidence."""
    photometric: Float32[np.ndarray, "hands frames"]
    """Root mean robust square of the colours' residuals, in the photometric term's standard deviations."""
    overlap: Float32[np.ndarray, "hands frames"]
    """Intersection over union of mesh and mask, where a mask acts."""
    terms: tuple[str, ...]
    """Names of the energy's terms, as in the configuration."""
    energies: Float32[np.ndarray, "hands terms frames"]
    """Of each term by frame, unit-free."""
    clip_energies: Float32[np.ndarray, "hands terms"]
    """Of terms that act once per clip, such as the shape's."""
    trace_stage: tuple[str, ...]
    """Stage of each solver step of the first hand, then of the second."""
    trace_hand: tuple[int, ...]
    """Whose step it is: the hand's row."""
    trace_energy: tuple[float, ...]
    """The energy after it."""

    @classmethod
    def load(cls, path: Path) -> "Diagnostics":
        """Read `diagnostics.npz`, or the one in the folder `path`; raises InputError, one sentence, for any damage."""
        file = path / DIAGNOSTICS_FILE if path.is_dir() else path
        arrays = read_archive(file, f"the {DIAGNOSTICS_FILE} of a fit")
        diagnostics = _from_arrays(arrays, file)
        problem = find_wrong_shape(diagnostics) or _find_wrong_number(diagnostics)
        if problem:
            raise InputError(f"{file}: {problem}")
        return diagnostics


def save_diagnostics(diagnostics: Diagnostics, folder: Path) -> None:
    """Write `diagnostics.npz` atomically into `folder`, which must exist; raises as `atomic_path` does."""
    with atomic_path(folder / DIAGNOSTICS_FILE) as path:
        write_archive(path, arrays_of(diagnostics))


def arrays_of(diagnostics: Diagnostics) -> dict[str, np.ndarray]:
    """What the file holds."""
    arrays = {field.name: np.asarray(getattr(diagnostics, field.name)) for field in fields(diagnostics)}
    # Empty tuples would be saved as float64.
    for name, kind in (("terms", np.str_), ("trace_stage", np.str_), ("trace_hand", np.int64)):
        arrays[name] = np.array(getattr(diagnostics, name), dtype=kind)
    arrays[VERSION] = np.array(FORMAT_VERSION)
    return arrays


def diagnose(hands: "Sequence[FittedHand]", terms: Sequence[str] | None = None) -> Diagnostics:
    """The diagnostics of a clip's one or two hands; `terms` are those that have a row, None: all that act."""
    terms = tuple(terms or dict.fromkeys(name for hand in hands for name in hand.fit.energies))
    traces = [
        (stage, index, energy)
        for index, hand in enumerate(hands)
        for stage, energies in hand.fit.traces.items()
        for energy in energies
    ]

    def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(rows).astype(np.float32)

    return Diagnostics(
        source=hands[0].seen.source,
        detected_px=stacked([hand.seen.keypoints_px for hand in hands]),
        confidence=stacked([hand.seen.confidence for hand in hands]),
        relative_sigma_mm=stacked([hand.fit.posterior.relative_sigma_mm for hand in hands]),
        reprojection_px=stacked([hand.fit.frames.reprojection_px for hand in hands]),
        photometric=stacked([hand.fit.frames.photometric for hand in hands]),
        overlap=stacked([hand.fit.frames.overlap for hand in hands]),
        terms=terms,
        energies=stacked([_by_term(hand, terms) for hand in hands]),
        clip_energies=stacked([_once_per_clip(hand, terms) for hand in hands]),
        trace_stage=tuple(stage for stage, _, _ in traces),
        trace_hand=tuple(index for _, index, _ in traces),
        trace_energy=tuple(energy for _, _, energy in traces),
    )


def _by_term(hand: "FittedHand", terms: Sequence[str]) -> np.ndarray:
    nothing = np.full(len(hand.observed), np.nan)
    return np.stack([hand.fit.frames.energies.get(term, nothing) for term in terms])


def _once_per_clip(hand: "FittedHand", terms: Sequence[str]) -> np.ndarray:
    by_frame, whole = hand.fit.frames.energies, hand.fit.energies
    return np.array([np.nan if term in by_frame else whole.get(term, np.nan) for term in terms])


def _from_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> Diagnostics:
    """The typed diagnostics; shapes are checked afterwards."""
    require_version(arrays, FORMAT_VERSION, file)
    missing = [field.name for field in fields(Diagnostics) if field.name not in arrays]
    if missing:
        raise InputError(f"{file}: {missing[0]} is missing")
    return Diagnostics(
        source=str(typed(arrays, "source", "U", 0, file)),
        detected_px=arrays["detected_px"],
        confidence=arrays["confidence"],
        relative_sigma_mm=arrays["relative_sigma_mm"],
        reprojection_px=arrays["reprojection_px"],
        photometric=arrays["photometric"],
        overlap=arrays["overlap"],
        terms=tuple(str(term) for term in typed(arrays, "terms", "U", 1, file)),
        energies=arrays["energies"],
        clip_energies=arrays["clip_energies"],
        trace_stage=tuple(str(stage) for stage in typed(arrays, "trace_stage", "U", 1, file)),
        trace_hand=tuple(int(hand) for hand in typed(arrays, "trace_hand", "i", 1, file)),
        trace_energy=tuple(float(energy) for energy in typed(arrays, "trace_energy", "f", 1, file)),
    )


def _find_wrong_number(diagnostics: Diagnostics) -> str | None:
    n_terms = diagnostics.energies.shape[1]
    if len(diagnostics.terms) != n_terms:
        return f"terms: expected one per row of energies ({n_terms}), got {len(diagnostics.terms)}"
    lengths = {len(diagnostics.trace_stage), len(diagnostics.trace_hand), len(diagnostics.trace_energy)}
    if len(lengths) != 1:
        return "trace_stage, trace_hand, trace_energy: expected as many of each"
    return None
