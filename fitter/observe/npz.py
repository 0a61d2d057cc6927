"""Detections in a `.npz` file, H hands (or none such axis for one hand) over T frames:

keypoints_px  (H, T, 21, 2)   pixels, OpenPose order; NaN where not seen
confidence    (H, T, 21)      0..1, optional: 1 wherever the position is a number
side          (H,)            'left' or 'right', optional
depth_px      (H, T, 21)      depth relative to the wrist in pixels of weak perspective, optional
landmarks_m   (H, T, 21, 3)   root-relative 3D landmarks, camera axes, optional
source        ()              name of the landmark definition, optional: 'custom'

np.savez("hands.npz", keypoints_px=keypoints, confidence=confidence)
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.observe.checked_hands import FARTHEST_PX, MOST_HANDS, N_JOINTS, checked_hand
from fitter.observe.observations import Detection, Side
from fitter.observe.plain_arrays import read_arrays
from fitter.untrusted import quoted

# The shape of each array after the axes of hands and frames, and whether it has to be there.
JOINT_ARRAYS = {"keypoints_px": (N_JOINTS, 2), "confidence": (N_JOINTS,), "depth_px": (N_JOINTS,)}
JOINT_ARRAYS["landmarks_m"] = (N_JOINTS, 3)
SIDES: tuple[Side, Side] = ("left", "right")
LONGEST_NAME = 64


def read_npz(path: Path, n_frames: int) -> tuple[str, list[list[Detection]]]:
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
    hands = [[_hand(path, shaped, hand, frame, sides[hand]) for hand in range(n_hands)] for frame in range(n_frames)]
    return _source(path, arrays.get("source")), [[hand for hand in found if hand is not None] for found in hands]


def _hand(path: Path, arrays: Mapping[str, np.ndarray], hand: int, frame: int, side: Side | None) -> Detection | None:
    where = f"{path}, hand {hand}, frame {frame}"
    points = arrays["keypoints_px"][hand, frame]
    confidence = np.where(np.isnan(points).any(axis=-1), np.nan, 1.0)
    if "confidence" in arrays:
        confidence = arrays["confidence"][hand, frame]
    found = checked_hand(points, confidence, where, side)
    if found is None:
        return None
    seen = found.confidence > 0
    depth_px, landmarks_m = None, None
    if "depth_px" in arrays:
        depth_px = _cue(arrays["depth_px"][hand, frame], seen, f"{where}: depth_px")
    if "landmarks_m" in arrays:
        landmarks_m = _cue(arrays["landmarks_m"][hand, frame], seen, f"{where}: landmarks_m")
    return replace(found, depth_px=depth_px, landmarks_m=landmarks_m)


def _cue(values: np.ndarray, seen: np.ndarray, where: str) -> np.ndarray:
    """The cue where joints are seen, 0 elsewhere; it has to be finite where they are."""
    usable = np.abs(values) <= FARTHEST_PX  # NaN is not; pixels or metres, nothing of a hand is so far away
    fine = usable if values.ndim == 1 else usable.all(axis=1)
    if not fine[seen].all():
        joint = int(np.flatnonzero(seen & ~fine)[0])
        raise InputError(f"{where} of joint {joint} is not finite although the joint is seen; expected a number")
    return np.where(seen.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)


def _shaped(path: Path, name: str, array: np.ndarray, one_hand: bool, n_frames: int) -> np.ndarray:
    """The array as (hands, frames, ...) float64."""
    expected = (n_frames, *JOINT_ARRAYS[name]) if one_hand else ("hands", n_frames, *JOINT_ARRAYS[name])
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} is of type {array.dtype}, expected numbers")
    fits = array.ndim == len(expected) and all(
        want == "hands" or have == want for have, want in zip(array.shape, expected, strict=True)
    )
    if not fits:
        shape = f"({', '.join(str(size) for size in expected)})"
        raise InputError(f"{path}: {name} has shape {array.shape}, expected {shape} for a clip of {n_frames} frames")
    return (array[None] if one_hand else array).astype(np.float64)


def _sides(path: Path, array: np.ndarray | None, n_hands: int) -> list[Side | None]:
    if array is None:
        return [None] * n_hands
    words = [quoted(word, LONGEST_NAME) for word in np.atleast_1d(array).ravel()[: MOST_HANDS + 1]]
    if array.dtype.kind != "U" or len(words) != n_hands or not set(words) <= set(SIDES):
        raise InputError(f"{path}: side is {words[:4]}, expected 'left' or 'right' for each of {n_hands} hands")
    return [SIDES[SIDES.index("left" if word == "left" else "right")] for word in words]


def _source(path: Path, array: np.ndarray | None) -> str:
    if array is None:
        return "custom"
    if array.dtype.kind != "U" or array.ndim != 0 or not str(array).isidentifier() or len(str(array)) > LONGEST_NAME:
        raise InputError(f"{path}: source is not a plain name, expected one like 'mediapipe' or 'openpose'")
    return str(array)
