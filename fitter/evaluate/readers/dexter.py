"""Dexter+Object (Sridhar et al. 2016) and EgoDexter (Mueller et al. 2017): clips of left hands, fingertips annotated.

    Dexter+Object:  data/Grasp1/color/*  data/Grasp1/annotations/Grasp13D.txt     Grasp2 Occlusion Pinch Rigid Rotate
    EgoDexter:      data/Desk/color/*    data/Desk/annotation.txt_3D.txt          Fruits Kitchen Rotunda

Layout, calibration, marks of what is unknown and that the hands are left ones: `datasets/dexter_object.py` and
`datasets/egodexter.py` of github.com/MengHao666/Minimal-Hand-pytorch, which read the same files (and corrected copies
of them, not read here). A line per image, millimetres in the depth camera's axes: x right, y down in EgoDexter, x left,
y up in Dexter+Object, where three corners of the object stand behind the fingertips. All clips are for evaluation. The
images are the colour camera's, 640 x 480 pixels; its calibration counts from the first pixel's centre by assumption.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.clip.images import IMAGE_SUFFIXES, natural_key
from fitter.errors import InputError
from fitter.evaluate.readers.fingertips import N_TIPS, read_fingertips, with_tips
from fitter.evaluate.readers.hand import AnnotatedHand, ImageSequence, from_pixel_centres, project
from fitter.evaluate.readers.layout import Layout, Reader, needed

M_PER_MM = 1e-3
NO_DEPTH_MM = 32001.0  # what Dexter+Object's depth camera gives where it sees none
NEARLY_ZERO_MM = 1e-6  # EgoDexter has zeros, some of them negative, where a fingertip is hidden


@dataclass(frozen=True)
class _Camera:
    """Of the colour images; `from_depth` takes millimetres in the depth camera's axes, its signs made OpenCV's."""

    intrinsics: Float[np.ndarray, "3 3"]
    from_depth: Float[np.ndarray, "3 4"]
    signs: tuple[float, float, float]


DEXTER_OBJECT = _Camera(
    np.array([[587.45209, 0.0, 325.0], [0.0, 600.67456, 249.0], [0.0, 0.0, 1.0]]),
    np.array([[0.9999, 0.0034, 0.0161, 19.0473], [-0.0033, 1.0, -0.0079, -1.8514], [-0.0162, 0.0079, 0.9998, -4.7501]]),
    (-1.0, -1.0, 1.0),
)
EGODEXTER = _Camera(
    np.array([[617.173, 0.0, 315.453], [0.0, 617.173, 242.259], [0.0, 0.0, 1.0]]),
    np.array(
        [[1.0, 0.00090442, -0.0074, 20.2365], [-0.00071933, 0.9997, 0.0248, 1.2846], [0.0075, -0.0248, 0.9997, 5.736]]
    ),
    (1.0, 1.0, 1.0),
)


@dataclass(frozen=True)
class Fingertips:
    """See the module. `images` and `tips_m` (frames, 5, 3) in the colour camera's axes, by the sequence's name."""

    name: str
    sequences: tuple[ImageSequence, ...]
    images: Mapping[str, tuple[Path, ...]] = field(repr=False)
    tips_m: Mapping[str, Float[np.ndarray, "frames 5 3"]] = field(repr=False)
    intrinsics: Float[np.ndarray, "3 3"] = field(repr=False)

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        joints = with_tips(self.tips_m[sequence.name][index])
        return AnnotatedHand(
            image=self.images[sequence.name][index],
            intrinsics=self.intrinsics,
            side="left",
            sequence=sequence,
            frame=index,
            joints_m=joints,
            keypoints_px=project(joints, self.intrinsics),
        )


def open_dexter_object(folder: Path) -> Reader:
    """Dexter+Object in `folder`, any of its clips. Raises InputError where parts are missing."""
    labels = {clip: clip / "annotations" / f"{clip.name}3D.txt" for clip in _clips(folder, "*/annotations")}
    return _open("Dexter+Object", labels, DEXTER_OBJECT, lambda tips: tips[..., 2] != NO_DEPTH_MM, least=N_TIPS)


def open_egodexter(folder: Path) -> Reader:
    """EgoDexter in `folder`, any of its clips. Raises InputError where parts are missing."""
    labels = {clip: clip / "annotation.txt_3D.txt" for clip in _clips(folder, "*/annotation.txt_3D.txt")}
    return _open("EgoDexter", labels, EGODEXTER, lambda tips: (abs(tips) >= NEARLY_ZERO_MM).any(axis=-1), least=0)


def _clips(folder: Path, labels: str) -> list[Path]:
    return sorted(path.parent for path in (folder / "data").glob(labels))


def _open(
    name: str, labels: Mapping[Path, Path], camera: _Camera, is_known: Callable[[np.ndarray], np.ndarray], least: int
) -> Reader:
    images: dict[str, tuple[Path, ...]] = {}
    tips_m: dict[str, Float[np.ndarray, "frames 5 3"]] = {}
    for clip, path in labels.items():
        tips = read_fingertips(needed(path, name), least)
        files = [file for file in needed(clip / "color", name).iterdir() if file.suffix.lower() in IMAGE_SUFFIXES]
        if len(files) != len(tips):
            raise InputError(f"{path} has {len(tips)} lines, but {clip / 'color'} {len(files)} images")
        images[clip.name] = tuple(sorted(files, key=lambda file: natural_key(file.name)))
        tips = np.where(is_known(tips)[..., None], tips, np.nan) * camera.signs
        tips_m[clip.name] = (tips @ camera.from_depth[:, :3].T + camera.from_depth[:, 3]) * M_PER_MM
    sequences = tuple(ImageSequence(clip, "evaluation", len(of), in_time=True) for clip, of in images.items())
    return Fingertips(name, sequences, images, tips_m, from_pixel_centres(camera.intrinsics))


LAYOUT_DEXTER_OBJECT = Layout(
    "Dexter+Object",
    ("data/*/annotations/*3D.txt", "data/*/annotations/*2D.txt"),
    "data/*/color and data/*/annotations/*3D.txt",
    open_dexter_object,
)
LAYOUT_EGODEXTER = Layout(
    "EgoDexter",
    ("data/*/annotation.txt_3D.txt",),
    "data/*/color and data/*/annotation.txt_3D.txt",
    open_egodexter,
)
