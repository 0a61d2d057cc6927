"""Detections in a `.npz` file, H hands (or none such axis for one hand) over T frames:

keypoints_px  (H, T, 21, 2)   pixels, OpenPose order; NaN where not seen
confidence    (H, T, 21)      0..1, optional: 1 wherever the position is a number
side          (H,)            'left' or 'right', optional
depth_px      (H, T, 21)      depth relative to the wrist in pixels of weak perspective, optional
landmarks_m   (H, T, 21, 3)   root-relative 3D landmarks, camera axes, optional
source        ()              name of the landmark definition, optional: 'custom'

np.savez("hands.npz", keypoints_px=keypoints, confidence=confidence)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.mapped import release_pages, stretches
from fitter.observe.checked_hands import FARTHEST_PX, MOST_HANDS, N_JOINTS, checked_hands, side_scores
from fitter.observe.detections import SIDES, Columns, Detections, one_behind_the_other
from fitter.observe.observations import Side
from fitter.observe.plain_arrays import read_arrays
from fitter.untrusted import quoted

# The shape of each array after the axes of hands and frames, and whether it has to be there.
JOINT_ARRAYS = {"keypoints_px": (N_JOINTS, 2), "confidence": (N_JOINTS,), "depth_px": (N_JOINTS,)}
JOINT_ARRAYS["landmarks_m"] = (N_JOINTS, 3)
LONGEST_NAME = 64


def read_npz(path: Path, n_frames: int) -> tuple[str, Detections]:
    """The landmark definition's name and the hands per frame. Raises InputError if the file does not fit `n_frames`."""
    arrays = read_arrays(path, {*JOINT_ARRAYS, "side", "source"}, "one clip's keypoints")
    if "keypoints_px" not in arrays:
        raise InputError(f"{path} holds no keypoints_px: expected an array (hands, frames, 21, 2) of pixels")
    one_hand = arrays["keypoints_px"].ndim == 3
    shaped = {name: _shaped(path, name, arrays[name], one_hand, n_frames) for name in JOINT_ARRAYS if name in arrays}
    n_hands = len(shaped["keypoints_px"])
    if n_hands > MOST_HANDS:
        raise InputError(f"{path} holds {n_hands} hands: expected at most {MOST_HANDS}")
    for name, array in shaped.items():
        if len(array) != n_hands:
            raise InputError(f"{path}: {name} is of {len(array)} hands, expected {n_hands} as in keypoints_px")
    sides = _sides(path, arrays.get("side"), n_hands)
    columns = one_behind_the_other(_hands(path, shaped, frames, sides) for frames in stretches(n_frames))
    return _source(path, arrays.get("source")), Detections(n_frames, **columns)


def _hands(path: Path, arrays: Mapping[str, np.ndarray], frames: slice, sides: Sequence[Side | None]) -> Columns:
    """The hands of some frames, those of one frame together."""
    rows = {
        name: array[:, frames].swapaxes(0, 1).reshape(-1, *array.shape[2:]).astype(np.float64)
        for name, array in arrays.items()
    }
    release_pages(*arrays.values())
    n_hands, n_rows, first = len(sides), len(rows["keypoints_px"]), frames.start

    def where(row: int) -> str:
        return f"{path}, hand {row % n_hands}, frame {first + row // n_hands}"

    points = rows["keypoints_px"]
    told = rows.get("confidence", np.where(np.isnan(points).any(axis=-1), np.nan, 1.0))
    points, confidence = checked_hands(points, told, where)
    cues = {
        name: _cue(rows[name], confidence > 0, lambda row, name=name: f"{where(row)}: {name}")
        if name in rows
        else np.zeros((n_rows, *JOINT_ARRAYS[name]))
        for name in ("depth_px", "landmarks_m")
    }
    numbers = np.array([SIDES.index(side) for side in sides], np.int8)
    side = np.tile(numbers, n_rows // max(n_hands, 1))
    seen = confidence.any(axis=1)
    columns = {
        "frame": first + np.arange(n_rows) // max(n_hands, 1),
        "keypoints_px": points,
        "confidence": confidence,
        "side": side,
        "side_score": np.where(side > 0, side_scores(confidence), 0.0),
        "has_depth": np.full(n_rows, "depth_px" in rows),
        "has_landmarks": np.full(n_rows, "landmarks_m" in rows),
        **cues,
    }
    return {name: column[seen] for name, column in columns.items()}


def _cue(values: np.ndarray, seen: np.ndarray, where: Callable[[int], str]) -> np.ndarray:
    """The cue where joints are seen, 0 elsewhere; it has to be finite where they are."""
    usable = np.abs(values) <= FARTHEST_PX  # NaN is not; pixels or metres, nothing of a hand is so far away
    wrong = seen & ~(usable if values.ndim == 2 else usable.all(axis=2))
    if wrong.any():
        hand, joint = (int(places[0]) for places in np.nonzero(wrong))
        raise InputError(f"{where(hand)} of joint {joint} is not finite although the joint is seen; expected a number")
    return np.where(seen.reshape(*seen.shape, *[1] * (values.ndim - 2)), values, 0.0)


def _shaped(path: Path, name: str, array: np.ndarray, one_hand: bool, n_frames: int) -> np.ndarray:
    """The array as (hands, frames, ...)."""
    expected = (n_frames, *JOINT_ARRAYS[name]) if one_hand else ("hands", n_frames, *JOINT_ARRAYS[name])
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} is of type {array.dtype}, expected numbers")
    fits = array.ndim == len(expected) and all(
        want == "hands" or have == want for have, want in zip(array.shape, expected, strict=True)
    )
    if not fits:
        shape = f"({', '.join(str(size) for size in expected)})"
        raise InputError(f"{path}: {name} has shape {array.shape}, expected {shape} for a clip of {n_frames} frames")
    return array[None] if one_hand else array


def _sides(path: Path, array: np.ndarray | None, n_hands: int) -> list[Side | None]:
    if array is None:
        return [None] * n_hands
    words = [quoted(word, LONGEST_NAME) for word in np.atleast_1d(array).ravel()[: MOST_HANDS + 1]]
    if array.dtype.kind != "U" or len(words) != n_hands or not set(words) <= {"left", "right"}:
        raise InputError(f"{path}: side is {words[:4]}, expected 'left' or 'right' for each of {n_hands} hands")
    return ["left" if word == "left" else "right" for word in words]


def _source(path: Path, array: np.ndarray | None) -> str:
    if array is None:
        return "custom"
    if array.dtype.kind != "U" or array.ndim != 0 or not str(array).isidentifier() or len(str(array)) > LONGEST_NAME:
        raise InputError(f"{path}: source is not a plain name, expected one like 'mediapipe' or 'openpose'")
    return str(array)
