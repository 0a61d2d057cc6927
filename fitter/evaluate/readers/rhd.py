"""RHD, the Rendered Hand pose Dataset (Zimmermann & Brox 2017): synthetic stills with both hands, 320 x 320 pixels.

    training/anno_training.pickle        {image: {"xyz": (42, 3) m, "uv_vis": (42, 3), "K": (3, 3)}}
    training/color/%05d.png training/mask/%05d.png                            evaluation/...

Layout: the data set's README, and `create_binary_db.py` and `data/BinaryDbReader.py` of github.com/lmb-freiburg/hand3d.
Points: the left hand's 21, then the right hand's, each the wrist and then thumb to pinky from the tip to the palm.
Masks: 0 background, 1 person, 2-17 left hand, 18-33 right hand. Both hands of a person are annotated; one that no
keypoint of is visible is left out. Renderers count pixels from the corner, so the intrinsics are taken as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fitter.errors import InputError
from fitter.evaluate.readers.hand import AnnotatedHand, HandMask, ImageSequence, Split
from fitter.evaluate.readers.label_pickle import numbers, read_label_pickle
from fitter.evaluate.readers.layout import Layout, Reader, checked_intrinsics, needed
from fitter.observe.observations import Side
from fitter.skeleton import PLACE_IN_RHD

NAME = "RHD"
SPLITS: tuple[Split, Split] = ("training", "evaluation")
MASK_VALUES: dict[Side, tuple[int, int]] = {"left": (2, 17), "right": (18, 33)}
FIRST_POINT: dict[Side, int] = {"left": 0, "right": 21}

# The training labels are 41 258 images of 261 numbers: 86 MB, some 60 opcodes each.
MOST_BYTES = 512 * 2**20
MOST_OPCODES = 20_000_000


@dataclass(frozen=True)
class Rhd:
    """See the module. One sequence per split; `labels` by split and image, `shown` lists (image, side)."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    labels: Mapping[Split, Mapping[int, Any]] = field(repr=False)
    shown: Mapping[Split, tuple[tuple[int, Side], ...]] = field(repr=False)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        split = sequence.split
        image, side = self.shown[split][index]
        where = f"{_file(self.folder, split)}, image {image}"
        labels = self.labels[split][image]
        rows = FIRST_POINT[side] + PLACE_IN_RHD
        seen = numbers(labels, "uv_vis", (42, 3), where)[rows]
        mask = self.folder / split / "mask" / f"{image:05d}.png"
        return AnnotatedHand(
            image=needed(self.folder / split / "color" / f"{image:05d}.png", NAME),
            intrinsics=checked_intrinsics(numbers(labels, "K", (3, 3), where), f"{where}, 'K'"),
            side=side,
            sequence=sequence,
            frame=image,
            joints_m=numbers(labels, "xyz", (42, 3), where)[rows],
            keypoints_px=seen[:, :2],
            visible=seen[:, 2] == 1,
            mask=HandMask(mask, *MASK_VALUES[side]) if mask.is_file() else None,
        )


def open_rhd(folder: Path) -> Reader:
    """The data set in `folder`, its training or evaluation split or both. Raises InputError where parts are missing."""
    sequences: list[ImageSequence] = []
    labels: dict[Split, dict[int, Any]] = {}
    shown: dict[Split, tuple[tuple[int, Side], ...]] = {}
    for split in SPLITS:
        path = _file(folder, split)
        if not (path.is_file() or (folder / split / "color").is_dir()):
            continue
        content = read_label_pickle(needed(path, NAME), MOST_BYTES, MOST_OPCODES, "the labels of RHD")
        needed(folder / split / "color", NAME)
        if not content or not all(type(image) is int and image >= 0 for image in content):
            raise InputError(f"{path}: expected labels by the number of the image")
        labels[split] = dict(sorted(content.items()))
        shown[split] = tuple(pair for image in labels[split] for pair in _shown(image, labels[split][image], path))
        sequences.append(ImageSequence(split, split, len(shown[split]), in_time=False))
    return Rhd(folder, tuple(sequences), labels, shown)


def _file(folder: Path, split: Split) -> Path:
    return folder / split / f"anno_{split}.pickle"


def _shown(image: int, labels: object, path: Path) -> list[tuple[int, Side]]:
    """The hands of an image of which something is to be seen."""
    visible = numbers(labels, "uv_vis", (42, 3), f"{path}, image {image}")[:, 2] == 1
    return [(image, side) for side, first in FIRST_POINT.items() if visible[first : first + 21].any()]


LAYOUT = Layout(
    NAME,
    (*(f"{split}/anno_{split}.pickle" for split in SPLITS), "training/color", "evaluation/color"),
    "training/anno_training.pickle, training/color and training/mask",
    open_rhd,
)
