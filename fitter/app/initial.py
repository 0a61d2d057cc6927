"""What `--initial` names: an earlier result, hands of a regressor, or neutral poses; starts beside the engine's own.

initial = read_initial("results/clip", clip)
starts = initial.starts(given, "left", alone=True)
"""

import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from fitter.clip import Clip
from fitter.errors import InputError
from fitter.export.result import RESULT_FILE, FitResult
from fitter.initialise import Initializer, PreviousFit, Start, neutral_starts, read_hamer, read_hawor
from fitter.initialise.hawor_folder import is_hawor_folder
from fitter.initialise.start import FrameInitializer
from fitter.observe.observations import Side
from fitter.pipeline import FitInput

log = logging.getLogger(__name__)

NEUTRAL = "neutral"
EXPECTED = "expected a result of handfit, hands by HaMeR or WiLoR (.npz or .json), HaWoR's folder, or the word neutral"
RESULT_MARK = "format_version"  # the array that every result.npz holds and no other file


@dataclass(frozen=True)
class InitialStates:
    """`given`: what the user named. Of each side that it holds, what proposes its states in right-handed frames."""

    given: str
    by_side: Mapping[Side, Initializer]

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "InitialStates":
        """Of some of the clip's frames."""
        parts = {
            side: each.at(frames) if isinstance(each, FrameInitializer) else each for side, each in self.by_side.items()
        }
        return replace(self, by_side=parts)

    def starts(self, given: FitInput, side: Side, alone: bool) -> tuple[Start, ...]:
        """The starts for one hand; of two hands one may go without. Raises InputError where the only one does."""
        if side in self.by_side:
            return tuple(self.by_side[side](given.model, given.camera, given.evidence))
        held = " and ".join(self.by_side)
        if alone:
            raise InputError(f"--initial {self.given} holds a {held} hand, but the {side} hand is fitted (--hand)")
        log.warning("--initial %s holds no %s hand: it is fitted from the detections alone", self.given, side)
        return ()


def read_initial(given: str, clip: Clip) -> InitialStates:
    """Read what `--initial` names; raises InputError, one sentence, if it does not fit the clip."""
    if given == NEUTRAL:
        return InitialStates(given, {"left": neutral_starts, "right": neutral_starts})
    path, size = Path(given), (clip.width, clip.height)
    if not path.exists():
        raise InputError(f"--initial {given} does not exist: {EXPECTED}")
    if (path.is_dir() and (path / RESULT_FILE).exists()) or _is_result(path):
        return InitialStates(given, previous_hands(FitResult.load(path), given, clip))
    if path.is_dir():
        if not is_hawor_folder(path):
            raise InputError(f"--initial {given} holds neither {RESULT_FILE} nor cam_space: {EXPECTED}")
        hands = read_hawor(path, clip.n_frames, size)
    else:
        hands = read_hamer(path, clip.n_frames, size)
    return InitialStates(given, {side: hands.of_side(side) for side in sorted(hands.sides)})


def previous_hands(result: FitResult, given: str, clip: Clip) -> dict[Side, Initializer]:
    """The hands of an earlier result of this very clip, left ones mirrored; raises InputError if it is another's."""
    n_frames, (width, height) = result.present.shape[1], result.image_size
    if n_frames != clip.n_frames:
        raise InputError(f"--initial {given} is of {n_frames} frames, expected the {clip.n_frames} of this clip")
    if (width, height) != (clip.width, clip.height):
        raise InputError(
            f"--initial {given} is of {width}x{height} frames, expected {clip.width}x{clip.height} as in this clip"
        )
    hands: dict[Side, Initializer] = {}
    for index, side in enumerate(result.side):
        if not result.present[index].any():
            continue
        hand = PreviousFit(
            result.hand_model,
            result.camera,
            _double(result.pose[index]),
            _double(result.betas[index]),
            _double(result.joints_m[index, :, 0]),
        )
        hands[side] = hand.mirrored() if side == "left" else hand
    if not hands:
        raise InputError(f"--initial {given} has no hand in any frame, expected a result with at least one")
    return hands


def _double(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float64))


def _is_result(path: Path) -> bool:
    """Whether a file is a result of handfit, by the names in it alone."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{RESULT_MARK}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
