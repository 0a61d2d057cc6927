"""What a format of labels is: a name, what it can hold, and who writes it.

A format is one file of this package: its `FORMAT` says what the images must be and starts a writer in a folder, which
gets image after image and at last completes its files; `files` closes those that an error leaves open.

    with ExitStack() as files:
        writer = FORMAT.start(folder, batch, files)
        writer.add(image, picture)
        writer.finish()
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float, UInt8

from fitter.export.labels.hand import LabelledImage

Picture = UInt8[np.ndarray, "height width 3"]
Images = Literal["crops", "frames", "none"]

JPEG_QUALITY = 95  # beyond it files grow by half for differences that nobody sees


@dataclass(frozen=True)
class Batch:
    """What holds for all images of an export: the names of its sources (letters, digits, - and _; all different) and
    the one hand model of them all.

    `mean_pose` is the 45 radians that MANO adds to its fingers' pose, where the format counts from it.
    """

    sources: tuple[str, ...]
    hand_model: Literal["anny", "mano"]
    mean_pose: Float[np.ndarray, "45"] | None = None


class LabelWriter(Protocol):
    """Writes labels into its folder, in the order of the images' numbers."""

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        """Write an image's labels, and its picture unless None; returns the picture's path in the folder."""
        ...

    def finish(self) -> None:
        """Complete the files."""
        ...


@dataclass(frozen=True)
class LabelFormat:
    """One layout. `images` are the kinds of images it can hold, the first if nobody asks for another.

    `one_hand`: an image is of one hand, and there is one per hand. `right_only`: that is a right one; a left hand's
    image is mirrored. `crop_px`: the side that its crops must have. `mano`: what it does with MANO's parameters - it
    needs them, holds them where there are some, or has no place for them. `zero`: what its pose of zeros is, the flat
    hand or MANO's mean pose. `surface`: it has no place for the vertices of other hand models. `own_quality`: it has a
    place for uncertainty and quality. `notes` are told in the manifest, `mano_notes` of fits of MANO.
    """

    name: str
    data_set: str
    images: tuple[Images, ...]
    start: Callable[[Path, Batch, ExitStack], LabelWriter]
    notes: tuple[str, ...]
    mano_notes: tuple[str, ...] = ()
    one_hand: bool = False
    right_only: bool = False
    crop_px: int | None = None
    mano: Literal["needed", "held", "no place"] = "held"
    zero: Literal["flat", "mean"] = "flat"
    surface: bool = True
    own_quality: bool = False


def write_jpeg(path: Path, picture: Picture) -> None:
    """Write RGB; the folder must exist. Not atomic: the whole export is."""
    from PIL.Image import fromarray

    fromarray(picture).save(path, quality=JPEG_QUALITY, subsampling=0)
