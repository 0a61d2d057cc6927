"""FreiHAND (Zimmermann et al. 2019): stills of right hands, 224 x 224 pixels.

    training_K.json training_xyz.json [training_mano.json training_verts.json]    lists over the poses
    training/rgb/%08d.jpg    poses x 4 backgrounds: green screen, homogenised, coloured with and without hints
    training/mask/%08d.jpg   poses (shared by the backgrounds)
    evaluation_K.json [evaluation_xyz.json evaluation_mano.json evaluation_verts.json] evaluation/rgb/%08d.jpg

Layout: `utils/fh_utils.py` and `utils/model.py` of github.com/lmb-freiburg/freihand. Points in OpenPose order, metres,
OpenCV axes. MANO: 48 pose, 10 shape, 2 + 1 for the root's place in the image; its zero pose is the mean pose. The
annotations of the evaluation split were withheld at first, so they may be missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.evaluate.readers.hand import (
    AnnotatedHand,
    HandMask,
    ImageSequence,
    ManoParameters,
    Split,
    from_pixel_centres,
    project,
)
from fitter.evaluate.readers.layout import Layout, Reader, checked_intrinsics, needed
from fitter.evaluate.readers.number_lists import NumberLists, index_number_lists

NAME = "FreiHAND"
BACKGROUNDS = ("gs", "hom", "sample", "auto")  # the data set's own short names, in the order of the images
MASK_THRESHOLD = 128  # masks are JPEG files: black and white with some noise
SPLITS: tuple[Split, Split] = ("training", "evaluation")


@dataclass(frozen=True)
class FreiHand:
    """See the module. One sequence per background and split; annotations by split and kind (K, xyz, mano, verts)."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    annotations: Mapping[tuple[Split, str], NumberLists] = field(repr=False)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        split = sequence.split
        k = self.annotations[split, "K"]
        intrinsics = from_pixel_centres(checked_intrinsics(k.array(index, (3, 3)), f"{k.path}, element {index}"))
        xyz = self.annotations.get((split, "xyz"))
        joints = np.full((21, 3), np.nan) if xyz is None else xyz.array(index, (21, 3))
        vertices = self.annotations.get((split, "verts"))
        number = index + _background(sequence) * sequence.length
        mask = self.folder / split / "mask" / f"{index:08d}.jpg"
        return AnnotatedHand(
            image=needed(self.folder / split / "rgb" / f"{number:08d}.jpg", NAME),
            intrinsics=intrinsics,
            side="right",
            sequence=sequence,
            frame=index,
            joints_m=joints,
            keypoints_px=project(joints, intrinsics),
            mask=HandMask(mask, MASK_THRESHOLD, 255) if mask.is_file() else None,
            vertices_m=None if vertices is None else vertices.array(index, (778, 3)),
            mano=self._mano(split, index),
        )

    def _mano(self, split: Split, index: int) -> ManoParameters | None:
        mano = self.annotations.get((split, "mano"))
        if mano is None:
            return None
        parameters = mano.array(index, (61,))
        return ManoParameters(parameters[:48], parameters[48:58], "mean")


def open_freihand(folder: Path) -> Reader:
    """The data set in `folder`, its training or evaluation split or both. Raises InputError where parts are missing."""
    sequences: list[ImageSequence] = []
    annotations: dict[tuple[Split, str], NumberLists] = {}
    for split in SPLITS:
        if (folder / f"{split}_K.json").is_file() or (folder / f"{split}_xyz.json").is_file():
            annotations |= _annotations(folder, split)
            sequences += _sequences(folder, split, len(annotations[split, "K"]))
    if not sequences:
        raise InputError(f"{folder / 'training_K.json'} is missing: the layout of {NAME} has it")
    return FreiHand(folder, tuple(sequences), annotations)


def _annotations(folder: Path, split: Split) -> dict[tuple[Split, str], NumberLists]:
    required = ("K", "xyz") if split == "training" else ("K",)
    found: dict[tuple[Split, str], NumberLists] = {}
    for kind in ("K", "xyz", "mano", "verts"):
        path = folder / f"{split}_{kind}.json"
        if kind in required:
            needed(path, NAME)
        if path.is_file():
            found[split, kind] = index_number_lists(path)
    first = found[split, "K"]
    for lists in found.values():
        if len(lists) != len(first):
            raise InputError(f"{lists.path} has {len(lists)} elements, but {first.path} {len(first)}")
    return found


def _sequences(folder: Path, split: Split, length: int) -> list[ImageSequence]:
    """One per background whose first image is there: some users keep the green screen only."""
    images = needed(folder / split / "rgb", NAME)
    if split == "evaluation":
        return [ImageSequence(split, split, length, in_time=False)]
    needed(images / f"{0:08d}.jpg", NAME)
    return [
        ImageSequence(f"{split}/{background}", split, length, in_time=False)
        for number, background in enumerate(BACKGROUNDS)
        if (images / f"{number * length:08d}.jpg").is_file()
    ]


def _background(sequence: ImageSequence) -> int:
    return 0 if sequence.split == "evaluation" else BACKGROUNDS.index(sequence.name.rpartition("/")[2])


LAYOUT = Layout(
    NAME,
    ("training_K.json", "training_xyz.json", "training_mano.json", "evaluation_K.json"),
    "training_K.json, training_xyz.json and training/rgb",
    open_freihand,
)
