"""InterHand2.6M version 1.0 (Moon et al. 2020): clips of one or two hands by some 100 cameras.

    images/train/Capture0/ROM01/cam400262/image%d.jpg      train, val, test
    annotations/train/InterHand2.6M_train_camera.json      {capture: {campos: {camera: ..}, camrot, focal, princpt}}
    annotations/train/InterHand2.6M_train_joint_3d.json    {capture: {frame: {world_coord, joint_valid}}}

Layout: `data/InterHand2.6M/dataset.py` and `tool/MANO_world_to_camera/convert.py` of
github.com/facebookresearch/InterHand2.6M. Points: the right hand's 21, then the left's, each thumb to pinky from the
tip to the palm and then the wrist, millimetres in the world's axes, seen by a camera at R (x - position). Invalid
points are NaN, and a hand is there where a point of it is valid. Validation and test are both for evaluation. That the
calibration counts from the first pixel's centre is an assumption. The fits of MANO (NeuralAnnot) are not read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.hand import AnnotatedHand, ImageSequence, Split, from_pixel_centres, project
from fitter.evaluate.readers.layout import Layout, Reader, checked_array, checked_intrinsics, needed
from fitter.observe.observations import Side
from fitter.skeleton import PLACE_IN_INTERHAND

NAME = "InterHand2.6M"
SPLITS: dict[str, Split] = {"train": "training", "val": "evaluation", "test": "evaluation"}
FIRST_POINT: dict[Side, int] = {"right": 0, "left": 21}
N_POINTS = 42
M_PER_MM = 1e-3
CAPTURE, CAMERA, IMAGE = re.compile(r"Capture([0-9]+)"), re.compile(r"cam([0-9]+)"), re.compile(r"image([0-9]+)\.jpg")
MOST_BYTES = 2**30  # of a file of annotations: the largest has the 126 coordinates of some 100 000 moments


@dataclass(frozen=True)
class _Camera:
    intrinsics: Float[np.ndarray, "3 3"]
    rotation_camera_world: Float[np.ndarray, "3 3"]
    position_mm: Float[np.ndarray, "3"]  # in the world's axes


@dataclass(frozen=True)
class _View:
    """One camera's images of one hand: where they are, and what the labels call them."""

    folder: Path
    side: Side
    frames: tuple[int, ...]
    camera: tuple[str, str, str]  # split, capture, camera
    moments: Mapping[int, Float[np.ndarray, "42 3"]] = field(repr=False)  # of the capture, NaN where invalid


@dataclass(frozen=True)
class InterHand:
    """See the module. A sequence is one camera's view of one hand; `views` by its name."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    views: Mapping[str, _View] = field(repr=False)
    cameras: Mapping[tuple[str, str, str], _Camera] = field(repr=False)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        view = self.views[sequence.name]
        frame, camera = view.frames[index], self.cameras[view.camera]
        world_mm = view.moments[frame][FIRST_POINT[view.side] + PLACE_IN_INTERHAND]
        joints = (world_mm - camera.position_mm) @ camera.rotation_camera_world.T * M_PER_MM
        return AnnotatedHand(
            image=needed(view.folder / f"image{frame}.jpg", NAME),
            intrinsics=camera.intrinsics,
            side=view.side,
            sequence=sequence,
            frame=frame,
            joints_m=joints,
            keypoints_px=project(joints, camera.intrinsics),
        )


def open_interhand(folder: Path) -> Reader:
    """The data set in `folder`, any of its splits and captures. Raises InputError where parts are missing.

    Lists all image folders, which takes a while for the whole data set.
    """
    sequences: list[ImageSequence] = []
    views: dict[str, _View] = {}
    cameras: dict[tuple[str, str, str], _Camera] = {}
    for name, split in SPLITS.items():
        images, annotations = folder / "images" / name, folder / "annotations" / name
        if not (images.is_dir() or annotations.is_dir()):
            continue
        calibrations = _json(annotations / f"InterHand2.6M_{name}_camera.json")
        moments_file = annotations / f"InterHand2.6M_{name}_joint_3d.json"
        labels = _json(moments_file)
        for capture in sorted(needed(images, NAME).iterdir()):
            match = CAPTURE.fullmatch(capture.name)
            if match is None:
                continue
            moments = _moments(labels.get(match[1]), f"{moments_file}, capture {match[1]}")
            for view in _views(capture, (name, match[1]), moments):
                if view.camera not in cameras:
                    where = f"{annotations / f'InterHand2.6M_{name}_camera.json'}, capture {match[1]}"
                    cameras[view.camera] = _camera(calibrations.get(match[1]), view.camera[2], where)
                sequence = f"{view.folder.relative_to(folder / 'images')}/{view.side}"
                views[sequence] = view
                sequences.append(ImageSequence(sequence, split, len(view.frames), in_time=True))
    if not sequences:
        raise InputError(f"{folder}: no annotated image in images/*/Capture*/*/cam*, as the layout of {NAME} has")
    return InterHand(folder, tuple(sequences), views, cameras)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        if needed(path, NAME).stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES // 2**20} MB: expected annotations of {NAME}")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is no valid JSON ({reason}): expected annotations of {NAME}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no dictionary: expected annotations of {NAME}")
    return content


def _moments(labels: object, where: str) -> dict[int, Float[np.ndarray, "42 3"]]:
    """The points of both hands by frame, NaN where they are not valid."""
    if not isinstance(labels, dict):
        raise InputError(f"{where}: has no labels")
    moments = {}
    for frame, label in labels.items():
        if not frame.isdecimal() or not isinstance(label, dict) or not {"world_coord", "joint_valid"} <= label.keys():
            raise InputError(f"{where}, frame {frame[:20]}: expected world_coord and joint_valid by the frame's number")
        points = checked_array(label["world_coord"], (N_POINTS, 3), f"{where}, frame {frame}, world_coord")
        valid = checked_array(label["joint_valid"], (N_POINTS,), f"{where}, frame {frame}, joint_valid")
        moments[int(frame)] = np.where(valid[:, None] == 1, points, np.nan)
    return moments


def _views(capture: Path, place: tuple[str, str], moments: Mapping[int, Float[np.ndarray, "42 3"]]) -> list[_View]:
    """Every camera's view of every hand of a capture, with the frames that are there and annotated."""
    shown: dict[Side, set[int]] = {
        side: {frame for frame, points in moments.items() if not np.isnan(points[first : first + 21]).all()}
        for side, first in FIRST_POINT.items()
    }
    views = []
    for folder in sorted(path for path in capture.glob("*/cam*") if path.is_dir()):
        camera = CAMERA.fullmatch(folder.name)
        if camera is None:
            continue
        found = [int(match[1]) for match in map(IMAGE.fullmatch, (file.name for file in folder.iterdir())) if match]
        for side in FIRST_POINT:
            frames = tuple(sorted(shown[side].intersection(found)))
            if frames:
                views.append(_View(folder, side, frames, (*place, camera[1]), moments))
    return views


def _camera(calibration: object, camera: str, where: str) -> _Camera:
    parts = {}
    for key, shape in (("campos", (3,)), ("camrot", (3, 3)), ("focal", (2,)), ("princpt", (2,))):
        of_key = calibration.get(key) if isinstance(calibration, dict) else None
        if not isinstance(of_key, dict) or camera not in of_key:
            raise InputError(f"{where}: has no {key} of camera {camera}")
        parts[key] = checked_array(of_key[camera], shape, f"{where}, {key} of camera {camera}")
    (fx, fy), (cx, cy) = parts["focal"].tolist(), parts["princpt"].tolist()
    intrinsics = checked_intrinsics([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], f"{where}, focal of camera {camera}")
    return _Camera(from_pixel_centres(intrinsics), parts["camrot"], parts["campos"])


LAYOUT = Layout(
    NAME,
    ("annotations/*/InterHand2.6M_*.json", "images/*/Capture*"),
    "annotations/*/InterHand2.6M_*_joint_3d.json and images/*/Capture*",
    open_interhand,
)
