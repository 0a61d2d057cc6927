"""The overlay video as the page holds it: smaller, and with key frames so near that scrubbing never waits.

    film, stills = read_film(folder.path / "overlay.mp4", result, wanted={312: 0})     # frame -> the hand to look at

The page's own copy costs 2 kB a frame; the full one stays beside it.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from fitter.clip import open_clip
from fitter.errors import InputError
from fitter.export.result import FitResult
from fitter.visualize.report.page import Film

# As many pixels as this picture, whatever the shape: a panel of a laptop's page is about 640 pixels wide.
FILM_PX = (960, 540)
RATE_FACTOR = 25  # x264: its default less 2 is invisible at this size
KEY_FRAME_SECONDS = 1 / 3  # a seek decodes 10 frames at most: 5 ms on a laptop
STILL_PX = (360, 270)
STILL_QUALITY = 82  # of JPEG
ROOM = 1.7  # of a still's side to the hand's in it

Picture = UInt8[np.ndarray, "height width 3"]


def read_film(path: Path, result: FitResult, wanted: Mapping[int, int], step: int = 1) -> tuple[Film, dict[int, bytes]]:
    """The film of every `step`-th frame, and a JPEG of the hand in each wanted frame, in one pass over the video.

    Raises InputError where the video cannot be read or has other frames than the result.
    """
    from fitter.export.video import Coding, VideoWriter, exact_rate

    clip, stills, count = open_clip(path), dict[int, bytes](), 0
    expected = result.present.shape[1]
    if clip.n_frames != expected:
        raise InputError(f"{path}: it has {clip.n_frames} frames, expected the result's {expected}")
    size = film_size(clip.width, clip.height)
    with tempfile.TemporaryDirectory(prefix="handfit-") as folder:
        small = Path(folder) / "film.mp4"
        with VideoWriter(small, result.fps / step, size, Coding(RATE_FACTOR, KEY_FRAME_SECONDS)) as video:
            for rgb in clip.frames():
                if count in wanted:
                    stills[count] = still(rgb, result.keypoints_px[wanted[count], count], result.image_size)
                if count % step == 0:
                    video.write(cv2.resize(np.asarray(rgb), size, interpolation=cv2.INTER_AREA))
                count += 1
        mp4 = small.read_bytes()
    return Film(mp4, float(exact_rate(result.fps / step)), clip.height > clip.width), stills


def film_size(width: int, height: int) -> tuple[int, int]:
    """Even sides, the same shape, no larger than it was."""
    share = min(1.0, (FILM_PX[0] * FILM_PX[1] / (width * height)) ** 0.5)
    return max(2, 2 * round(width * share / 2)), max(2, 2 * round(height * share / 2))


def still(rgb: Picture, keypoints_px: Float[np.ndarray, "21 2"], image_size: tuple[int, int]) -> bytes:
    """A JPEG of the hand in a frame of the overlay; of the whole frame where the hand has no place in it."""
    left, top, right, bottom = around(keypoints_px, image_size)
    scale = rgb.shape[1] / image_size[0]
    rows, columns = (
        slice(round(low * scale), max(round(low * scale) + 1, round(high * scale)))
        for low, high in ((top, bottom), (left, right))
    )
    part = np.ascontiguousarray(rgb[rows, columns])
    fitting = min(1.0, STILL_PX[0] / part.shape[1], STILL_PX[1] / part.shape[0])
    size = max(1, round(part.shape[1] * fitting)), max(1, round(part.shape[0] * fitting))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, STILL_QUALITY])
    return jpeg.tobytes()


def around(keypoints_px: Float[np.ndarray, "21 2"], image_size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a box of a still's shape inside the picture, about the hand."""
    width, height = image_size
    inside = keypoints_px[np.isfinite(keypoints_px).all(axis=1)]
    if not len(inside) or (inside.max(0) < 0).any() or (inside.min(0) > image_size).any():
        return 0.0, 0.0, float(width), float(height)
    low, high = np.clip(inside.min(0), 0, image_size), np.clip(inside.max(0), 0, image_size)
    across = ROOM * max(float(high[0] - low[0]), float(high[1] - low[1]) * STILL_PX[0] / STILL_PX[1], 16.0)
    across = min(across, width, height * STILL_PX[0] / STILL_PX[1])
    down = across * STILL_PX[1] / STILL_PX[0]
    middle = (low + high) / 2.0
    left = float(np.clip(middle[0] - across / 2, 0, width - across))
    top = float(np.clip(middle[1] - down / 2, 0, height - down))
    return left, top, left + across, top + down
