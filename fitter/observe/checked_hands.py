"""Numbers out of files that anybody may have written: every hand is checked before it becomes a Detection.

    hand = checked_hand(points, confidence, where="frame 3 of hands.npz, right hand")      # None: nothing seen

A joint is missing where its confidence is 0, or where its position is NaN and its confidence NaN or 0.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.mapped import stretches
from fitter.observe.detections import Detections
from fitter.observe.observations import Detection, Side

MOST_HANDS = 64  # in one frame: more is a broken file, not a crowd
CONFIDENCE_SLACK = 0.1  # heatmap peaks of OpenPose exceed 1 by a few per cent
N_JOINTS = 21
UNIT_RANGE = 2.0  # pixels: keypoints that all lie in so small a corner are shares of the image, not pixels
FARTHEST_PX = 1e6  # from the corner: beyond every image, and no number that the solver's squares overflow
STRAY_SHARE = 0.5  # of all keypoints outside the image: they belong to images of another size


def checked_hand(
    points: Float[np.ndarray, "joints 2"],
    confidence: Float[np.ndarray, "joints"],
    where: str,
    side: Side | None = None,
) -> Detection | None:
    """The hand, its missing joints 0 with confidence 0; None if all are missing. Raises InputError, naming `where`."""
    if len(points) != N_JOINTS or len(confidence) != N_JOINTS:
        raise InputError(f"{where}: {len(points)} joints, expected {N_JOINTS} in OpenPose order")
    (kept_points,), (kept,) = checked_hands(points[None], confidence[None], lambda hand: where)
    if not kept.any():
        return None
    return Detection(kept_points, kept, side, side_score=0.0 if side is None else float(side_scores(kept[None])[0]))


def checked_hands(
    points: Float[np.ndarray, "hands 21 2"],
    confidence: Float[np.ndarray, "hands 21"],
    where: Callable[[int], str],
) -> tuple[Float[np.ndarray, "hands 21 2"], Float[np.ndarray, "hands 21"]]:
    """Positions and confidence of several hands, 0 where a joint is missing. Raises InputError with `where` of a hand's
    number.
    """
    nowhere = np.isnan(points).any(axis=-1)
    missing = (confidence == 0) | (nowhere & np.isnan(confidence))
    faults = {
        "a confidence that is not a number": np.isnan(confidence) & ~missing,
        "a negative confidence": confidence < 0,
        "a confidence above 1": confidence > 1 + CONFIDENCE_SLACK,
        "a position that is not a number although it has a confidence": nowhere & ~missing,
        "an infinite position": np.isinf(points).any(axis=-1) & ~missing,
        "a position beyond every image": (np.abs(points) > FARTHEST_PX).any(axis=-1) & ~missing,
    }
    faulty = np.any([found.any(axis=1) for found in faults.values()], axis=0)
    if faulty.any():
        hand = int(np.argmax(faulty))
        fault, found = next((fault, found[hand]) for fault, found in faults.items() if found[hand].any())
        joint = int(np.argmax(found))
        x, y, c = *points[hand, joint], confidence[hand, joint]
        raise InputError(
            f"{where(hand)}: joint {joint} has {fault} (x {x:g}, y {y:g}, confidence {c:g}); "
            "expected finite pixels and a confidence from 0 to 1"
        )
    return np.where(missing[..., None], 0.0, points), np.where(missing, 0.0, np.clip(confidence, 0.0, 1.0))


def side_scores(confidence: Float[np.ndarray, "hands 21"]) -> Float[np.ndarray, "hands"]:
    """How much a hand's word on its side counts where its source does not say: the mean over the joints it has."""
    return confidence.sum(axis=-1) / np.maximum((confidence > 0).sum(axis=-1), 1)


def hand_from_triplets(numbers: object, where: str, side: Side) -> Detection | None:
    """A hand from x, y, confidence, x, ... as JSON has it; None where it is null or empty."""
    if numbers is None or numbers == []:
        return None
    table = _numbers(numbers, where)
    if len(table) != 3 * N_JOINTS:
        raise InputError(f"{where}: {len(table)} numbers, expected {3 * N_JOINTS} (x, y, confidence of 21 joints)")
    return checked_hand(table.reshape(-1, 3)[:, :2], table.reshape(-1, 3)[:, 2], where, side)


def _numbers(values: object, where: str) -> Float[np.ndarray, "n"]:
    plain = isinstance(values, list) and all(type(value) in (int, float, type(None)) for value in values)
    if not isinstance(values, list) or not plain:
        raise InputError(f"{where}: expected a flat list of numbers")
    try:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    except OverflowError:
        raise InputError(f"{where}: holds a number beyond all measure, expected pixels and confidences") from None


def check_pixels(seen: Detections, path: Path, size: tuple[int, int]) -> None:
    """Raise InputError where all the keypoints together cannot be pixels of images of `size` (width, height)."""
    count, outside, farthest = 0, 0, 0.0
    for rows in stretches(len(seen.frame)):
        points = seen.keypoints_px[rows][seen.confidence[rows] > 0]
        count += len(points)
        outside += int(((points < 0) | (points > size)).any(axis=1).sum())
        farthest = max(farthest, float(np.abs(points).max(initial=0.0)))
        seen.release()
    if count and farthest <= UNIT_RANGE:
        raise InputError(
            f"{path}: all keypoints lie within {UNIT_RANGE:g} px of the corner; expected pixels, not shares"
        )
    if outside > STRAY_SHARE * count:
        raise InputError(
            f"{path}: {100 * outside / count:.0f} % of the keypoints lie outside the {size[0]}x{size[1]} frames; "
            "expected keypoints of this clip, in pixels of its frames"
        )
