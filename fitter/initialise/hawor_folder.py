"""What HaWoR found in a clip: the folder that its demo leaves beside the video, named after it.

cam_space/0/FIRST_LAST.json     left hand in frames FIRST to LAST, in camera axes; cam_space/1/ the right one:
    init_root_orient  (1, T, 3, 3)      rotation matrices, of a left hand for MANO's left model
    init_hand_pose    (1, T, 15, 3, 3)
    init_trans        (1, T, 3)         metres, with the focal length below and the principal point in the middle
    init_betas        (1, T, 10)
est_focal.txt                   its focal length in pixels; absent where it was given one: then the clip's own is meant

Its other files (world_space_res.pth, .npy of tracks) are pickles, which are never read.

    hands = read_hawor(Path("video_0"), n_frames=300, size=(1280, 720))
"""

import math
from pathlib import Path

import numpy as np
import torch

from fitter.errors import InputError
from fitter.hand.mirror import mirror_rotations
from fitter.initialise.regressed import RegressedHands
from fitter.observe.json_file import read_json
from fitter.untrusted import read_regular

CONTENT = "hands by HaWoR"
SHAPES = {"init_root_orient": (3, 3), "init_hand_pose": (15, 3, 3), "init_trans": (3,), "init_betas": (10,)}
MOST_DIGITS = 64  # of a focal length in its text file


def is_hawor_folder(folder: Path) -> bool:
    """Whether this is a folder of HaWoR's demo."""
    return (folder / "cam_space").is_dir()


def read_hawor(folder: Path, n_frames: int, size: tuple[int, int]) -> RegressedHands:
    """The hands in a folder as above. Raises InputError if there are none, or not of a clip of `n_frames`."""
    focal = _focal(folder / "est_focal.txt")
    chunks = [
        _chunk(path, number == 1, focal, n_frames, size)
        for number in (0, 1)
        for path in sorted((folder / "cam_space" / str(number)).glob("*.json"))
    ]
    if not chunks:
        raise InputError(f"{folder} holds no cam_space/0/*.json or cam_space/1/*.json: expected {CONTENT}")
    return RegressedHands(
        frame=np.concatenate([chunk.frame for chunk in chunks]),
        right=np.concatenate([chunk.right for chunk in chunks]),
        rotations=np.concatenate([chunk.rotations for chunk in chunks]),
        betas=np.concatenate([chunk.betas for chunk in chunks]),
        translation_m=np.concatenate([chunk.translation_m for chunk in chunks]),
        focal_px=np.concatenate([chunk.focal_px for chunk in chunks]),
        image_size=size,
    )


def _chunk(path: Path, right: bool, focal: float, n_frames: int, size: tuple[int, int]) -> RegressedHands:
    frame = _frames(path, n_frames)
    content = read_json(path, CONTENT)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected {CONTENT}, an object of named lists")
    arrays = {name: _array(path, content, name, len(frame)) for name in SHAPES}
    rotations = np.concatenate([arrays["init_root_orient"][:, None], arrays["init_hand_pose"]], axis=1)
    if not right:
        rotations = mirror_rotations(torch.from_numpy(rotations)).numpy()
    hands = RegressedHands(
        frame=frame,
        right=np.full(len(frame), right),
        rotations=rotations,
        betas=arrays["init_betas"],
        translation_m=arrays["init_trans"],
        focal_px=np.full(len(frame), focal),
        image_size=size,
    )
    hands.check(path)
    return hands


def _frames(path: Path, n_frames: int) -> np.ndarray:
    first, _, last = path.stem.partition("_")
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) < n_frames):
        raise InputError(f"{path}: expected FIRST_LAST.json, the numbers of frames of this clip, 0 to {n_frames - 1}")
    return np.arange(int(first), int(last) + 1)


def _array(path: Path, content: dict[str, object], name: str, length: int) -> np.ndarray:
    if name not in content:
        raise InputError(f"{path} holds no {name}: expected {CONTENT}, with {', '.join(SHAPES)}")
    wanted = (1, length, *SHAPES[name])
    try:
        array = np.array(content[name], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{path}: {name} is no list of numbers in rows of equal length, expected {CONTENT}") from None
    if array.shape != wanted:
        raise InputError(f"{path}: {name} has shape {array.shape}, expected {wanted} for frames {path.stem}")
    return array[0]


def _focal(path: Path) -> float:
    """Pixels; NaN where there is no file."""
    if not path.exists():
        return math.nan
    try:
        focal = float(read_regular(path, MOST_DIGITS)[:MOST_DIGITS].decode("utf-8"))
    except (OSError, ValueError):
        focal = math.nan
    if not (math.isfinite(focal) and focal > 0):
        raise InputError(f"{path}: expected one number, HaWoR's focal length in pixels")
    return focal
