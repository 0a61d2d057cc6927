"""Detections kept beside the result, so that a second fit of the same clip starts at once.

    frames = cached_detections(Path("results/hand"), MediaPipe(), clip)

They are used again only for the same pixels, settings, detector release and release of this package.
"""

import hashlib
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import fitter
from fitter.clip import Clip
from fitter.observe.observations import Detection, Side
from fitter.observe.source import KeypointSource, OnFrame
from fitter.untrusted import Damaged, open_regular, read_plain_arrays

logger = logging.getLogger(__name__)

FILE_NAME = "detections.npz"
BLOCK_BYTES = 64 * 1024
BLOCKS = 64  # read of each file, evenly spread, ends included: a file up to 4 MiB is read whole

MOST_BYTES = 2**29  # half an hour of video with two hands in every frame comes to a third
# What is kept of a hand: the shape after the axis of hands, and the type.
SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "frame": ((), np.int64),
    "keypoints_px": ((21, 2), np.float64),
    "confidence": ((21,), np.float64),
    "side": ((), np.int64),
    "side_score": ((), np.float64),
    "has_depth": ((), np.bool_),
    "has_landmarks": ((), np.bool_),
    "depth_px": ((21,), np.float64),
    "landmarks_m": ((21, 3), np.float64),
}

SIDES: tuple[Side | None, ...] = (None, "left", "right")  # as numbers in the file


def cached_detections(
    folder: Path, source: KeypointSource, clip: Clip, on_frame: OnFrame | None = None
) -> list[list[Detection]]:
    """The detections of `source` in `clip`: from `folder` if they are there, else made and kept there.

    A damaged or foreign file is ignored and replaced. A folder that cannot be written costs a warning, not the fit.
    """
    path = folder / FILE_NAME
    key = cache_key(source, clip)
    kept = _load(path, key, clip.n_frames)
    if kept is not None:
        logger.info("detections read from %s", path)
        return kept
    frames = source.detect(clip, on_frame)
    try:
        _save(path, key, frames)
    except OSError as error:
        logger.warning("detections are not kept: %s cannot be written (%s)", path, error.strerror)
    return frames


def cache_key(source: KeypointSource, clip: Clip) -> str:
    """What the detections depend on: pixels, source with its settings, and the release of this package."""
    size = f"{clip.n_frames}x{clip.width}x{clip.height}"
    return json.dumps([fitter.__version__, source.name, source.fingerprint, size, content_hash(clip.files)])


def content_hash(files: Sequence[Path]) -> str:
    """SHA-256 over the sizes of the files and BLOCKS blocks of each.

    Not all bytes of a long video: an edit that keeps its size to the byte, its head, its index and 60 samples between
    does not happen to a compressed file.
    """
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        last = max(size - BLOCK_BYTES, 0)
        n_blocks = min(BLOCKS, -(-size // BLOCK_BYTES))
        with open_regular(path) as file:
            for start in np.linspace(0, last, max(n_blocks, 1)).astype(int):
                file.seek(int(start))
                digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def _save(path: Path, key: str, frames: Sequence[Sequence[Detection]]) -> None:
    hands = [(index, hand) for index, found in enumerate(frames) for hand in found]
    arrays = {
        "key": np.array(key),
        "frame": np.array([index for index, _ in hands], dtype=np.int64),
        "keypoints_px": np.array([hand.keypoints_px for _, hand in hands]).reshape(-1, 21, 2),
        "confidence": np.array([hand.confidence for _, hand in hands]).reshape(-1, 21),
        "side": np.array([SIDES.index(hand.side) for _, hand in hands], dtype=np.int64),
        "side_score": np.array([hand.side_score for _, hand in hands], dtype=np.float64),
        "has_depth": np.array([hand.depth_px is not None for _, hand in hands], dtype=bool),
        "has_landmarks": np.array([hand.landmarks_m is not None for _, hand in hands], dtype=bool),
        "depth_px": _filled([hand.depth_px for _, hand in hands], (21,)),
        "landmarks_m": _filled([hand.landmarks_m for _, hand in hands], (21, 3)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    packed = io.BytesIO()  # numpy would leave an archive open on a full disk, which complains on stderr later
    np.savez(packed, **arrays)
    try:
        with unfinished.open("wb") as file:
            file.write(packed.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _filled(rows: Sequence[np.ndarray | None], shape: tuple[int, ...]) -> np.ndarray:
    return np.array([np.zeros(shape) if row is None else row for row in rows]).reshape(-1, *shape)


def _load(path: Path, key: str, n_frames: int) -> list[list[Detection]] | None:
    """The detections in the file, or None if there is none, it is damaged, or it is of other pixels or settings."""
    if not path.exists():
        return None
    try:
        arrays = read_plain_arrays(path, {"key", *SHAPES}, MOST_BYTES)
        if str(arrays["key"]) != key:
            logger.info("%s is of another clip or other settings: detecting again", path)
            return None
        return _unpacked(arrays, n_frames)
    except (OSError, Damaged, LookupError) as error:
        logger.warning("%s is damaged (%s): detecting again", path, error)
        return None


def _unpacked(arrays: Mapping[str, np.ndarray], n_frames: int) -> list[list[Detection]]:
    n_hands = arrays["frame"].size
    for name, (shape, kind) in SHAPES.items():
        if arrays[name].shape != (n_hands, *shape) or arrays[name].dtype != kind:
            raise Damaged(f"{name} is of another shape or type")
        if kind == np.float64 and not np.isfinite(arrays[name]).all():
            raise Damaged(f"{name} is not finite")
    for name, end in (("frame", n_frames), ("side", len(SIDES))):
        if ((arrays[name] < 0) | (arrays[name] >= end)).any():
            raise Damaged(f"{name} is out of range")
    if ((arrays["confidence"] < 0) | (arrays["confidence"] > 1)).any():
        raise Damaged("confidence is out of range")
    frames: list[list[Detection]] = [[] for _ in range(n_frames)]
    for row, frame in enumerate(arrays["frame"]):
        hand = Detection(
            keypoints_px=arrays["keypoints_px"][row],
            confidence=arrays["confidence"][row],
            side=SIDES[arrays["side"][row]],
            side_score=float(arrays["side_score"][row]),
            depth_px=arrays["depth_px"][row] if arrays["has_depth"][row] else None,
            landmarks_m=arrays["landmarks_m"][row] if arrays["has_landmarks"][row] else None,
        )
        frames[frame].append(hand)
    return frames
