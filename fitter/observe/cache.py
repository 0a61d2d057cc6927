"""Detections kept beside the result, so that a second fit of the same clip starts at once.

    frames = cached_detections(Path("results/hand"), MediaPipe(), clip)

They are used again only for the same pixels, settings, detector release and release of this package.
"""

import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import fitter
from fitter.clip import Clip
from fitter.mapped import release_pages
from fitter.observe.detections import COLUMNS, SIDES, Detections, gathered
from fitter.observe.source import KeypointSource, OnFrame
from fitter.untrusted import Damaged, open_regular, read_plain_arrays

logger = logging.getLogger(__name__)

FILE_NAME = "detections.npz"
BLOCK_BYTES = 64 * 1024
BLOCKS = 64  # read of each file, evenly spread, ends included: a file up to 4 MiB is read whole

MOST_BYTES = 2**29  # half an hour of video with two hands in every frame comes to a third
# The arrays in the file, a row for each hand.
ROWS = {"frame": ((), np.int64), **COLUMNS, "side": ((), np.int64)}


def cached_detections(folder: Path, source: KeypointSource, clip: Clip, on_frame: OnFrame | None = None) -> Detections:
    """The detections of `source` in `clip`: from `folder` if they are there, else made and kept there.

    A damaged or foreign file is ignored and replaced. A folder that cannot be written costs a warning, not the fit.
    """
    path = folder / FILE_NAME
    key = cache_key(source, clip)
    kept = _load(path, key, clip.n_frames)
    if kept is not None:
        logger.info("detections read from %s", path)
        return kept
    frames = gathered(source.detect(clip, on_frame))
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


def _save(path: Path, key: str, seen: Detections) -> None:
    arrays = {name: getattr(seen, name).astype(kind, copy=False) for name, (_, kind) in ROWS.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            # Not numpy.savez: it would leave an archive open on a full disk, which complains on stderr later.
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in {"key": np.array(key), **arrays}.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
                        release_pages(array)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _load(path: Path, key: str, n_frames: int) -> Detections | None:
    """The detections in the file, or None if there is none, it is damaged, or it is of other pixels or settings."""
    if not path.exists():
        return None
    try:
        arrays = read_plain_arrays(path, {"key", *ROWS}, MOST_BYTES)
        if str(arrays["key"]) != key:
            logger.info("%s is of another clip or other settings: detecting again", path)
            return None
        return _unpacked(arrays, n_frames)
    except (OSError, Damaged, LookupError) as error:
        logger.warning("%s is damaged (%s): detecting again", path, error)
        return None


def _unpacked(arrays: Mapping[str, np.ndarray], n_frames: int) -> Detections:
    n_hands = arrays["frame"].size
    for name, (shape, kind) in ROWS.items():
        if arrays[name].shape != (n_hands, *shape) or arrays[name].dtype != kind:
            raise Damaged(f"{name} is of another shape or type")
        if kind == np.float64 and not np.isfinite(arrays[name]).all():
            raise Damaged(f"{name} is not finite")
        release_pages(arrays[name])
    for name, end in (("frame", n_frames), ("side", len(SIDES))):
        if ((arrays[name] < 0) | (arrays[name] >= end)).any():
            raise Damaged(f"{name} is out of range")
    if ((arrays["confidence"] < 0) | (arrays["confidence"] > 1)).any():
        raise Damaged("confidence is out of range")
    if (np.diff(arrays["frame"]) < 0).any():
        raise Damaged("frame does not rise")
    columns = {name: arrays[name].astype(kind, copy=False) for name, (_, kind) in COLUMNS.items()}
    return Detections(n_frames, arrays["frame"], **columns)
