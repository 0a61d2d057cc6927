"""STB, the Stereo hand Tracking Benchmark (Zhang et al. 2017): clips of a left hand in 6 places, 640 x 480 pixels.

    labels/B1Counting_BB.mat labels/B1Counting_SK.mat         'handPara', 3 x 21 x frames, millimetres
    images/B1Counting/BB_left_%d.png BB_right_%d.png          a stereo camera (Bumblebee2)
    images/B1Counting/SK_color_%d.png                         a depth camera (RealSense F200)

Layout and constants: the README and `positionCalc.m` of github.com/zhjwustc/icip17_stereo_hand_pose_dataset. Points:
the palm's centre, then pinky to thumb from the palm to the tip; there is no wrist. BB's points are in the axes of its
left camera, SK's in those of its depth camera. Of the 6 places, B1 is the evaluation split by custom (Zimmermann & Brox
2017, `data/stb/create_db.m` of github.com/lmb-freiburg/hand3d). The calibrations are taken to count from the first
pixel's centre, as such tools do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import roma
import torch
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.hand import AnnotatedHand, ImageSequence, Split, from_pixel_centres, project
from fitter.evaluate.readers.layout import Layout, Reader, needed
from fitter.evaluate.readers.mat_file import read_mat_array
from fitter.skeleton import PLACE_IN_STB

NAME = "STB"
M_PER_MM = 1e-3
EVALUATION = "B1"
LABEL_FILE = re.compile(r"(B[0-9]+[A-Za-z]+)_(BB|SK)")

BASELINE_MM = 120.054
BUMBLEBEE = np.array([[822.79041, 0.0, 318.47345], [0.0, 822.79041, 250.31296], [0.0, 0.0, 1.0]])
REALSENSE = np.array([[607.92271, 0.0, 314.78337], [0.0, 607.88192, 236.42484], [0.0, 0.0, 1.0]])
# From the RealSense's colour camera to its depth camera.
ROTATION_VECTOR_DEPTH_COLOUR = np.array([0.00531, -0.01196, 0.00301])
TRANSLATION_DEPTH_COLOUR_MM = np.array([-24.0381, -0.4563, -1.2326])

Points = Float[np.ndarray, "*any 3"]


def _right_of_left(points_mm: Points) -> Points:
    return points_mm - [BASELINE_MM, 0.0, 0.0]


def _colour_of_depth(points_mm: Points) -> Points:
    rotation = roma.rotvec_to_rotmat(torch.from_numpy(ROTATION_VECTOR_DEPTH_COLOUR)).numpy()
    return (points_mm - TRANSLATION_DEPTH_COLOUR_MM) @ rotation  # rows: the inverse rotation


@dataclass(frozen=True)
class _Camera:
    labels: str  # suffix of its label files
    images: str  # prefix of its images
    intrinsics: Float[np.ndarray, "3 3"]
    of_labels: Callable[[Points], Points]  # from the axes of the labels to its own


CAMERAS = (
    _Camera("BB", "BB_left", BUMBLEBEE, lambda points_mm: points_mm),
    _Camera("BB", "BB_right", BUMBLEBEE, _right_of_left),
    _Camera("SK", "SK_color", REALSENSE, _colour_of_depth),
)


@dataclass(frozen=True)
class Stb:
    """See the module. A sequence is one camera's view of a clip; `labels` (frames, 21, 3) in mm by its name."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    labels: Mapping[str, Float[np.ndarray, "frames 21 3"]] = field(repr=False)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        clip, _, prefix = sequence.name.partition("/")
        camera = next(camera for camera in CAMERAS if camera.images == prefix)
        points = camera.of_labels(self.labels[sequence.name][index]) * M_PER_MM
        joints = points[PLACE_IN_STB]
        joints[0] = np.nan  # the palm's centre is not the wrist
        intrinsics = from_pixel_centres(camera.intrinsics)
        return AnnotatedHand(
            image=needed(self.folder / "images" / clip / f"{prefix}_{index}.png", NAME),
            intrinsics=intrinsics,
            side="left",
            sequence=sequence,
            frame=index,
            joints_m=joints,
            keypoints_px=project(joints, intrinsics),
            palm_m=points[0],
        )


def open_stb(folder: Path) -> Reader:
    """The data set in `folder`, any of its clips. Raises InputError where parts are missing."""
    files = sorted(needed(folder / "labels", NAME).glob("*.mat"))
    sequences: list[ImageSequence] = []
    labels: dict[str, Float[np.ndarray, "frames 21 3"]] = {}
    for file in files:
        match = LABEL_FILE.fullmatch(file.stem)
        if match is None:
            continue
        points = _hand_para(file)
        images = needed(folder / "images" / match[1], NAME)
        split: Split = "evaluation" if match[1].startswith(EVALUATION) else "training"
        for camera in CAMERAS:
            if camera.labels == match[2] and (images / f"{camera.images}_0.png").is_file():
                sequence = ImageSequence(f"{match[1]}/{camera.images}", split, len(points), in_time=True)
                sequences.append(sequence)
                labels[sequence.name] = points
    if not sequences:
        raise InputError(f"{folder}: no labels/B*_BB.mat or labels/B*_SK.mat with its images, as the layout of STB has")
    return Stb(folder, tuple(sequences), labels)


def _hand_para(file: Path) -> Float[np.ndarray, "frames 21 3"]:
    points = read_mat_array(file, "handPara")
    if points.ndim != 3 or points.shape[:2] != (3, 21) or points.shape[2] == 0:
        raise InputError(f"{file}: 'handPara' has shape {points.shape}, expected 3 x 21 x frames")
    if not np.isfinite(points).all():
        raise InputError(f"{file}: 'handPara' holds a number that is not finite")
    return np.ascontiguousarray(points.transpose(2, 1, 0))


LAYOUT = Layout(
    NAME,
    ("labels/B*_BB.mat", "labels/B*_SK.mat", "images/B*Counting", "images/B*Random"),
    "labels/B*_BB.mat and images/B*",
    open_stb,
)
