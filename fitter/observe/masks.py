"""Masks that the user has made: a folder with one PNG per frame, 0 background, 255 hand.

    masks = MaskFolder.open(Path("masks/"), (clip.width, clip.height), clip.n_frames)
    masks.read(0)                                  # (height, width) uint8, 0 or 255

Opening reads the files' headers and one mask; the pixels follow frame by frame. A mask that is all white has found as
little as one that is all black and is read as such: such frames are left to the other evidence, and counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from fitter.clip.images import decoded, natural_key
from fitter.errors import InputError
from fitter.untrusted import open_regular

HAND = 128  # of 255: from here on a pixel is more hand than background
WHITE = 255
EXPECTED = "expected one PNG per frame, 0 background, 255 hand"
PNG_START = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 24  # the signature, and the first chunk up to width and height


@dataclass(frozen=True)
class MaskFolder:
    """The masks of a clip's frames in natural order, of the frames' `size` = (width, height).

    `white` is the value that stands for hand in the files: 255, 65535 in 16 bits, 1 where the masks count in ones.
    """

    folder: Path
    files: tuple[Path, ...] = field(repr=False)
    size: tuple[int, int]
    white: int = WHITE
    warnings: tuple[str, ...] = ()

    @staticmethod
    def open(folder: Path, size: tuple[int, int], n_frames: int) -> "MaskFolder":
        """The masks in `folder` for `n_frames` frames of `size` = (width, height).

        Raises InputError where there are none, too few or too many, one is of another size or no mask, or all of
        them are black or white throughout.
        """
        files = mask_files(folder)
        if len(files) != n_frames:
            raise InputError(f"{folder} holds {len(files)} masks for the clip's {n_frames} frames: {EXPECTED}")
        for file in files:
            if png_size(file) != size:
                found, wanted = ("x".join(map(str, pair)) for pair in (png_size(file), size))
                raise InputError(f"{file} is {found}: expected a mask of the frames' size, {wanted}")
        white = hand_value(folder, files)
        warnings = (f"{folder} holds masks of 0 and {white}: {white} is taken for hand",) if white == 1 else ()
        return MaskFolder(folder, files, size, white, warnings)

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "MaskFolder":
        """Of some of the frames."""
        return replace(self, files=tuple(self.files[frame] for frame in frames), warnings=())

    def read(self, index: int) -> UInt8[np.ndarray, "height width"]:
        """The mask of one frame, 0 or 255, without any hand where all of it is white.

        Raises InputError if it cannot be read or is a coloured image.
        """
        grey = grey_values(self.files[index])
        if grey.shape != (self.size[1], self.size[0]):  # the header lied
            raise InputError(f"{self.files[index]} cannot be read: expected a complete PNG of the frames' size")
        hand = is_hand(grey, self.white)
        return np.where(hand & ~hand.all(), np.uint8(WHITE), np.uint8(0))


def mask_files(folder: Path) -> tuple[Path, ...]:
    """The PNG files of the folder in natural order."""
    if not folder.exists():
        raise InputError(f"{folder} does not exist: expected a folder of masks, one PNG per frame")
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: {EXPECTED}")
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror}): expected a readable folder of masks") from None
    masks = [file for file in entries if file.suffix.lower() == ".png" and not file.name.startswith(".")]
    if not masks:
        raise InputError(f"{folder} holds no PNG files: {EXPECTED}")
    return tuple(sorted(masks, key=lambda file: natural_key(file.name)))


def png_size(file: Path) -> tuple[int, int]:
    """(width, height) from the header alone: an image that claims to be enormous is never decoded."""
    try:
        with open_regular(file) as stream:
            header = stream.read(HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): expected a mask as PNG") from None
    if len(header) < HEADER_BYTES or not header.startswith(PNG_START) or header[12:16] != b"IHDR":
        raise InputError(f"{file} cannot be read as an image: expected a complete PNG file")
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def grey_values(file: Path) -> np.ndarray:
    """(height, width), 8 or 16 bits; an alpha channel is dropped. Raises InputError for a coloured image."""
    import cv2

    image = decoded(file, cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        return image
    grey = image[..., 0]
    if (image[..., :3] != grey[..., None]).any():
        raise InputError(f"{file} is a coloured image, not a mask: expected grey, 0 background, 255 hand")
    return grey


def hand_value(folder: Path, files: Iterable[Path]) -> int:
    """The value that stands for hand, from the first mask that tells hand from background; few have to be read.

    Sixteen bits often hold values of eight. Raises InputError if no mask tells them apart.
    """
    brightest, all_white = 0, True
    for file in middle_first(tuple(files)):
        grey = grey_values(file)
        top = int(grey.max())
        white = next(value for value in (1, WHITE, int(np.iinfo(np.uint16).max)) if top <= value)
        hand = is_hand(grey, white)
        if hand.any() and not hand.all():
            return white
        brightest, all_white = max(brightest, top), all_white and bool(hand.all())
    if brightest == 0 or all_white:
        raise InputError(f"{folder}: the masks are {'white' if brightest else 'black'} in every frame; {EXPECTED}")
    raise InputError(
        f"{folder}: no mask holds both hand and background (the brightest pixel is {brightest}); {EXPECTED}"
    )


def is_hand(grey: np.ndarray, white: int) -> np.ndarray:
    """Pixels that are at least half `white`."""
    return grey.astype(np.uint32) * WHITE >= HAND * white


def middle_first(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The same files from the clip's middle on, where a hand is likelier than at its ends."""
    return files[len(files) // 2 :] + files[: len(files) // 2]
