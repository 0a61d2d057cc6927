"""Detections made elsewhere: a `.npz` file, a folder of OpenPose JSON files, or a COCO-WholeBody JSON file.

    name, frames = read_keypoints(Path("hands.npz"), (clip.width, clip.height), clip.n_frames)

Positions are pixels of the clip's frames. A file in which no hand was seen is valid: every frame's list is empty.
"""

from pathlib import Path

from fitter.errors import InputError
from fitter.observe.checked_hands import check_pixels
from fitter.observe.coco_wholebody import read_coco_wholebody
from fitter.observe.detections import Detections
from fitter.observe.npz import read_npz
from fitter.observe.openpose import read_openpose

FORMATS = "a .npz file, a folder of OpenPose JSON files or a COCO-WholeBody .json file"


def read_keypoints(path: Path, size: tuple[int, int], n_frames: int) -> tuple[str, Detections]:
    """The landmark definition's name and the hands of each of `n_frames` frames of `size` (width, height).

    Raises InputError if the file is of no known format, damaged, or does not belong to such a clip.
    """
    if not path.exists():
        raise InputError(f"--keypoints {path} does not exist: expected {FORMATS}")
    if path.is_dir():
        name, frames = "openpose", read_openpose(path, n_frames)
    elif path.suffix.lower() == ".npz":
        name, frames = read_npz(path, n_frames)
    elif path.suffix.lower() == ".json":
        name, frames = "coco_wholebody", read_coco_wholebody(path, size, n_frames)
    else:
        raise InputError(f"--keypoints {path} is of no known format: expected {FORMATS}")
    check_pixels(frames, path, size)
    return name, frames
