"""What a file's metadata tell of the lens: the focal length as that of a 35 mm film camera, as telephones write it.

    found = focal_length_35mm(clip)             # 26.0, or None where the files do not say

Videos: QuickTime's `com.apple.quicktime.camera.focal_length.35mm_equivalent`, of the file or of its pictures' track.
Images: EXIF's FocalLengthIn35mmFilm (EXIF 2.32, tag 0xA405) of the first and the last, which must agree. What cannot be
read or is no lens's is passed over: metadata are a help, not an input.
"""

import logging
import math
import struct
import warnings
from pathlib import Path

from fitter.clip.clip import Clip
from fitter.clip.images import IMAGE_SUFFIXES
from fitter.clip.video import opened
from fitter.errors import InputError

log = logging.getLogger(__name__)

QUICKTIME_KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
EXIF_POINTER, FOCAL_TAG = 0x8769, 0xA405
WITH_EXIF = ("JPEG", "PNG", "TIFF", "WEBP")
# From a fish-eye to a telescope; 0 stands for unknown in EXIF.
SHORTEST_MM, LONGEST_MM = 5.0, 1000.0


def focal_length_35mm(clip: Clip) -> float | None:
    """The equivalent focal length in millimetres that the clip's files tell, or None."""
    files = clip.files
    if not files:
        return None
    if files[0].suffix.lower() in IMAGE_SUFFIXES:
        found = {_of_image(file) for file in (files[0], files[-1])}
        return found.pop() if len(found) == 1 else None
    return _of_video(files[0])


def _of_image(file: Path) -> float | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and damage, which whoever reads the pixels tells
            with Image.open(file, formats=WITH_EXIF) as image:
                return _lens(image.getexif().get_ifd(EXIF_POINTER).get(FOCAL_TAG))
    except (OSError, ValueError, TypeError, KeyError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        log.debug("%s: no EXIF can be read: %s", file, error)
        return None


def _of_video(file: Path) -> float | None:
    try:
        with opened(file) as container:
            told = [container.metadata, *(stream.metadata for stream in container.streams.video)]
            given = next((each[QUICKTIME_KEY] for each in told if QUICKTIME_KEY in each), None)
    except InputError as error:
        log.debug("%s: no metadata can be read: %s", file, error)
        return None
    return _lens(given)


def _lens(value: object) -> float | None:
    """The number if it can be a lens's, in millimetres."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if SHORTEST_MM <= number <= LONGEST_MM else None
