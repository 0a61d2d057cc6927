"""HO-3D version 2 and 3 (Hampali et al. 2020, 2021): clips of right hands that hold objects, 640 x 480 pixels.

    train.txt evaluation.txt                       lines SEQUENCE/NUMBER: the annotated images
    train/SEQUENCE/rgb/%04d.png (v2) or .jpg (v3)  train/SEQUENCE/meta/%04d.pkl    evaluation/SEQUENCE/...
    train/SEQUENCE/seg/%04d.*                      rendered masks, a separate download, here or in
    HO3D_v*_segmentations_rendered/train/SEQUENCE/seg
    evaluation_xyz.json evaluation_verts.json      in the order of evaluation.txt, a separate download

Layout: the data set's README.txt, and `vis_HO3D.py` and `eval.py` of github.com/shreyashampali/ho3d. Points in MANO's
order with the tips behind, metres, OpenGL axes (x right, y up, z back). The evaluation's own pickles hold the wrist
only. MANO's zero pose is the flat hand. Masks: version 3 (PNG) paints the hand blue, version 2 (JPEG) red.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import roma
import torch
from jaxtyping import Float

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
from fitter.evaluate.readers.label_pickle import numbers, read_label_pickle
from fitter.evaluate.readers.layout import Layout, Reader, checked_intrinsics, needed
from fitter.evaluate.readers.number_lists import NumberLists, index_number_lists
from fitter.skeleton import PLACE_IN_MANO
from fitter.untrusted import read_regular

NAME = "HO-3D"
FOLDERS: dict[Split, str] = {"training": "train", "evaluation": "evaluation"}
LINE = re.compile(r"([A-Za-z0-9_-]{1,100})/([0-9]{1,9})")
MOST_LIST_BYTES = 16 * 2**20  # train.txt has 80 000 lines of 10 bytes

# A file of version 3 has 50 kB (distances of 778 vertices to the object) and some 200 opcodes.
MOST_LABEL_BYTES = 4 * 2**20
MOST_LABEL_OPCODES = 10_000

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
MASK_COLOURS = {".png": 2, ".jpg": 0}  # the channel that is full where the hand is: blue in v3, red in v2
MASK_THRESHOLD = 128
MASK_FOLDERS = (".", "HO3D_v3_segmentations_rendered", "HO3D_v2_segmentations_rendered")


@dataclass(frozen=True)
class _Image:
    number: str  # as it is written, with its zeros
    row: int  # line of train.txt or evaluation.txt


@dataclass(frozen=True)
class Ho3d:
    """See the module. `images` by sequence name; `truth` of the evaluation split (joints, vertices) where released."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    images: Mapping[str, tuple[_Image, ...]] = field(repr=False)
    truth: tuple[NumberLists, NumberLists | None] | None = field(repr=False, default=None)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        image = self.images[sequence.name][index]
        base = self.folder / sequence.name
        path = base / "meta" / f"{image.number}.pkl"
        labels = read_label_pickle(path, MOST_LABEL_BYTES, MOST_LABEL_OPCODES, "labels of HO-3D")
        matrix = numbers(labels, "camMat", (3, 3), str(path))
        intrinsics = from_pixel_centres(checked_intrinsics(matrix, f"{path}, 'camMat'"))
        joints, vertices = self._points(sequence, image, labels, path)
        return AnnotatedHand(
            image=_image_file(base, image.number),
            intrinsics=intrinsics,
            side="right",
            sequence=sequence,
            frame=int(image.number),
            joints_m=joints,
            keypoints_px=project(joints, intrinsics),
            mask=_mask(self.folder, sequence.name, image.number),
            vertices_m=vertices,
            mano=_mano(labels, str(path)) if sequence.split == "training" else None,
        )

    def _points(
        self, sequence: ImageSequence, image: _Image, labels: Mapping[object, object], path: Path
    ) -> tuple[Float[np.ndarray, "21 3"], Float[np.ndarray, "778 3"] | None]:
        if sequence.split == "training":
            return _in_opencv(numbers(labels, "handJoints3D", (21, 3), str(path)))[PLACE_IN_MANO], None
        if self.truth is not None:
            joints, vertices = self.truth
            points = _in_opencv(joints.array(image.row, (21, 3)))[PLACE_IN_MANO]
            return points, None if vertices is None else _in_opencv(vertices.array(image.row, (778, 3)))
        points = np.full((21, 3), np.nan)
        points[0] = _in_opencv(numbers(labels, "handJoints3D", (3,), str(path)))
        return points, None


def _in_opencv(points_m: Float[np.ndarray, "*any 3"]) -> Float[np.ndarray, "*any 3"]:
    return points_m @ OPENCV_FROM_OPENGL.T


def _mano(labels: object, where: str) -> ManoParameters:
    """The parameters with which MANO stands in OpenCV's axes.

    MANO turns about its own wrist J0 and then moves, so the wrist is at J0 + translation in either axes.
    """
    pose = numbers(labels, "handPose", (48,), where)
    global_opengl = roma.rotvec_to_rotmat(torch.from_numpy(pose[:3]))
    turned = roma.rotmat_to_rotvec(torch.from_numpy(OPENCV_FROM_OPENGL) @ global_opengl).numpy()
    translation = numbers(labels, "handTrans", (3,), where)
    wrist = numbers(labels, "handJoints3D", (21, 3), where)[0]
    rest_wrist = wrist - translation
    return ManoParameters(
        np.concatenate([turned, pose[3:]]),
        numbers(labels, "handBeta", (10,), where),
        "flat",
        _in_opencv(wrist) - rest_wrist,
    )


def _image_file(base: Path, number: str) -> Path:
    png = base / "rgb" / f"{number}.png"
    return png if png.is_file() else needed(png.with_suffix(".jpg"), NAME)


def _mask(folder: Path, sequence: str, number: str) -> HandMask | None:
    for place in MASK_FOLDERS:
        for suffix, channel in MASK_COLOURS.items():
            path = folder / place / sequence / "seg" / f"{number}{suffix}"
            if path.is_file():
                return HandMask(path, MASK_THRESHOLD, 255, channel)
    return None


def open_ho3d(folder: Path) -> Reader:
    """The data set in `folder`, its training or evaluation split or both. Raises InputError where parts are missing."""
    sequences: list[ImageSequence] = []
    images: dict[str, tuple[_Image, ...]] = {}
    for split, subfolder in FOLDERS.items():
        listing = folder / f"{subfolder}.txt"
        if listing.is_file() or (folder / subfolder).is_dir():
            found = _listed(needed(listing, NAME), folder / subfolder)
            images |= found
            sequences += [ImageSequence(name, split, len(of), in_time=True) for name, of in found.items()]
    return Ho3d(folder, tuple(sequences), images, _truth(folder, images))


def _listed(listing: Path, base: Path) -> dict[str, tuple[_Image, ...]]:
    """The images of a split by sequence, each sequence in rising order. Its folders must be there."""
    try:
        data = read_regular(listing, MOST_LIST_BYTES)
        if len(data) > MOST_LIST_BYTES:
            raise InputError(f"{listing} is larger than {MOST_LIST_BYTES // 2**20} MB: expected a list of images")
        lines = data.decode("ascii").split()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{listing} cannot be read: expected lines like ABF10/0000") from None
    by_sequence: dict[str, list[_Image]] = {}
    for row, line in enumerate(lines):
        match = LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{listing}, line {row + 1}: expected SEQUENCE/NUMBER like ABF10/0000")
        by_sequence.setdefault(match[1], []).append(_Image(match[2], row))
    if not lines:
        raise InputError(f"{listing} is empty: expected lines like ABF10/0000")
    for sequence in by_sequence:
        for part in ("rgb", "meta"):
            needed(base / sequence / part, NAME)
    return {
        f"{base.name}/{sequence}": tuple(sorted(of, key=lambda image: int(image.number)))
        for sequence, of in by_sequence.items()
    }


def _truth(folder: Path, images: Mapping[str, tuple[_Image, ...]]) -> tuple[NumberLists, NumberLists | None] | None:
    joints_file, vertices_file = folder / "evaluation_xyz.json", folder / "evaluation_verts.json"
    if not joints_file.is_file():
        return None
    wanted = sum(len(of) for name, of in images.items() if name.startswith("evaluation/"))
    joints = index_number_lists(joints_file)
    vertices = index_number_lists(vertices_file) if vertices_file.is_file() else None
    for lists in (joints, vertices):
        if lists is not None and len(lists) != wanted:
            raise InputError(f"{lists.path} has {len(lists)} elements, but {folder / 'evaluation.txt'} {wanted} images")
    return joints, vertices


LAYOUT = Layout(
    NAME,
    ("train.txt", "evaluation.txt", "train/*/meta", "evaluation/*/meta"),
    "train.txt, train/*/rgb and train/*/meta",
    open_ho3d,
)
