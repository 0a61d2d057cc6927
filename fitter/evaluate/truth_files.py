"""Truth out of files: annotations in JSON (`realhand-v1`) and the truth of a synthetic clip (`truth.npz`).

    {"schema": "realhand-v1", "hand_side": "left", "frames": [
        {"frame": 0, "joints_3d_m_cam": 21 x 3, "keypoints_2d_full_frame": 21 x 2}, ...]}

Metres in OpenCV's camera axes, pixels of the whole frame, points in OpenPose order. In the place of
`keypoints_2d_full_frame` may stand `keypoints_2d`; where a frame has no points of a kind, these are unknown. One image
may have several hands: `"hands": [{"hand_side": ..., "joints_3d_m_cam": ..., "joints_3d_valid": ...}]`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.layout import checked_array
from fitter.evaluate.truth import Truth
from fitter.observe.observations import Side
from fitter.observe.plain_arrays import read_arrays
from fitter.untrusted import read_regular

SCHEMA = "realhand-v1"
MOST_BYTES = 256 * 2**20  # an annotated frame has 4 kB
JOINTS, PIXELS = ("joints_3d_m_cam",), ("keypoints_2d_full_frame", "keypoints_2d")
SYNTHETIC = {"side", "joints_m", "keypoints_px", "vertices_m"}


def read_annotations(path: Path) -> tuple[Truth, ...]:
    """The hands of a `realhand-v1` file. Raises InputError where it is none, or where no place in space is known."""
    content = _json(path)
    if content.get("schema") != SCHEMA:
        raise InputError(f"{path}: its schema is {_short(content.get('schema'))}, expected {SCHEMA}")
    if "hands" in content:
        truths = tuple(_one_image(hand, path) for hand in _mappings(content["hands"], f"{path}, hands"))
    else:
        truths = (_clip(content, path),)
    if not any(np.isfinite(truth.joints_m).any() for truth in truths):
        raise InputError(f"{path}: no frame has {JOINTS[0]}, the joints in metres in the camera's axes")
    return truths


def _clip(content: Mapping[str, Any], path: Path) -> Truth:
    frames = _mappings(content.get("frames"), f"{path}, frames")
    numbers = [frame.get("frame") for frame in frames]
    if not all(type(number) is int and number >= 0 for number in numbers) or len(set(numbers)) != len(numbers):
        raise InputError(f"{path}, frames: expected each with a number of its own, 'frame'")
    places = [f"{path}, frame {number}" for number in numbers]
    return Truth(
        name=path.name,
        side=_side(content.get("hand_side"), str(path)),
        frames=np.array(numbers),
        joints_m=np.stack([_points(frame, JOINTS, 3, place) for frame, place in zip(frames, places, strict=True)]),
        keypoints_px=np.stack([_points(frame, PIXELS, 2, place) for frame, place in zip(frames, places, strict=True)]),
    )


def _one_image(hand: Mapping[str, Any], path: Path) -> Truth:
    side = _side(hand.get("hand_side"), f"{path}, hands")
    where = f"{path}, {side} hand"
    joints = _valid(_points(hand, JOINTS, 3, where), hand.get("joints_3d_valid"), where)
    pixels = _valid(_points(hand, PIXELS, 2, where), hand.get("keypoints_2d_valid"), where)
    return Truth(path.name, side, np.zeros(1, dtype=int), joints[None], pixels[None])


def _points(labels: Mapping[str, Any], keys: tuple[str, ...], n: int, where: str) -> Float[np.ndarray, "21 n"]:
    for key in keys:
        if labels.get(key) is not None:
            return checked_array(labels[key], (21, n), f"{where}, {key}")
    return np.full((21, n), np.nan)


def _valid(points: Float[np.ndarray, "21 n"], valid: object, where: str) -> Float[np.ndarray, "21 n"]:
    if valid is None:
        return points
    return np.where(checked_array(valid, (21,), f"{where}, valid")[:, None] > 0, points, np.nan)


def read_synthetic_truth(path: Path) -> Truth:
    """The truth that a synthetic clip keeps (`priors.synthetic.truth`). Raises InputError where it is none."""
    arrays = read_arrays(path, SYNTHETIC, "the truth of a synthetic clip")
    if missing := sorted(SYNTHETIC - arrays.keys()):
        raise InputError(f"{path}: {missing[0]} is missing, expected the truth of a synthetic clip")
    joints, pixels, vertices = (arrays[name] for name in ("joints_m", "keypoints_px", "vertices_m"))
    n = len(joints) if joints.ndim else 0
    if joints.shape != (n, 21, 3) or pixels.shape != (n, 21, 2) or vertices.shape[:1] + vertices.shape[2:] != (n, 3):
        shapes = f"{joints.shape}, {pixels.shape} and {vertices.shape}"
        raise InputError(f"{path}: joints, keypoints and vertices of shape {shapes}, expected (frames, points, 3 or 2)")
    if n == 0 or not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in (joints, pixels, vertices)):
        raise InputError(f"{path}: expected finite joints, keypoints and vertices of at least one frame")
    side = _side(str(arrays["side"]), str(path))
    return Truth(path.name, side, np.arange(n), joints.astype(float), pixels.astype(float), vertices.astype(float))


def _side(value: object, where: str) -> Side:
    if value not in ("left", "right"):
        raise InputError(f"{where}: hand_side is {_short(value)}, expected left or right")
    return cast(Side, value)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        data = read_regular(path, MOST_BYTES)
        content = json.loads(data) if len(data) <= MOST_BYTES else None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected annotations in JSON") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no valid JSON ({str(error).splitlines()[0]}): expected annotations") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no dictionary: expected annotations in JSON ({SCHEMA})")
    return content


def _mappings(value: object, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise InputError(f"{where}: expected a list of at least one annotation")
    return value


def _short(value: object) -> str:
    """A value of an untrusted file, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
