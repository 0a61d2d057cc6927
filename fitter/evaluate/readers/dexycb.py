"""DexYCB (Chao et al. 2021): clips of one hand that grasps an object, by 8 cameras, 640 x 480 pixels.

    20200709-subject-01/20200709_141841/meta.yml                 num_frames, mano_sides, mano_calib
    .../20200709_141841/932122060861/color_%06d.jpg labels_%06d.npz   seg, pose_m, joint_3d, joint_2d
    calibration/intrinsics/932122060861_640x480.yml              color: fx, fy, ppx, ppy
    calibration/mano_20200709-subject-01_right/mano.yml          betas

Layout: the README and `dex_ycb_toolkit/dex_ycb.py` of github.com/NVlabs/dex-ycb-toolkit. Points in OpenPose order,
metres, OpenCV axes; frames without a hand are annotated with -1 throughout. In `seg` the hand is 255. MANO's fingers
are coefficients of its principal components about the mean pose. The split is setup S0's: every fifth of a subject's
100 sequences is for evaluation (the official validation and test split). The cameras (RealSense) count from the first
pixel's centre.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.hand import AnnotatedHand, HandMask, ImageSequence, ManoParameters, from_pixel_centres
from fitter.evaluate.readers.layout import Layout, Reader, checked_array, checked_intrinsics, needed
from fitter.observe.observations import Side
from fitter.observe.plain_arrays import read_arrays
from fitter.untrusted import read_regular

NAME = "DexYCB"
SEQUENCES = 100  # of each subject; the split counts them
EVALUATION_EVERY, EVALUATION_LAST = 5, 4
SERIAL = re.compile(r"[0-9]{6,20}")
CALIBRATION = re.compile(r"[A-Za-z0-9_-]{1,100}")
MOST_FRAMES = 100_000
MOST_YAML_BYTES = 2**13  # a few hundred are used; PyYAML takes half a second for the worst of this size
MASK_VALUE = 255
SIDES: dict[str, Side] = {"left": "left", "right": "right"}
NOT_ANNOTATED = -1.0


@dataclass(frozen=True)
class _Take:
    """What the cameras that saw a grasp share."""

    side: Side
    betas: Float[np.ndarray, "10"]


@dataclass(frozen=True)
class DexYcb:
    """See the module. A sequence is one camera's view of a grasp; `takes` by its folder, `intrinsics` by serial."""

    folder: Path
    sequences: tuple[ImageSequence, ...]
    takes: Mapping[str, _Take] = field(repr=False)
    intrinsics: Mapping[str, Float[np.ndarray, "3 3"]] = field(repr=False)
    name: str = NAME

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        take_name, _, serial = sequence.name.rpartition("/")
        take, base = self.takes[take_name], self.folder / sequence.name
        path = needed(base / f"labels_{index:06d}.npz", NAME)
        labels = read_arrays(path, {"joint_3d", "joint_2d", "pose_m"}, "one image's labels")
        joints = _points(labels, "joint_3d", 3, path)
        mano = checked_array(_array(labels, "pose_m", path), (51,), f"{path}, pose_m")
        return AnnotatedHand(
            image=needed(base / f"color_{index:06d}.jpg", NAME),
            intrinsics=self.intrinsics[serial],
            side=take.side,
            sequence=sequence,
            frame=index,
            joints_m=joints,
            keypoints_px=_points(labels, "joint_2d", 2, path) + 0.5,  # from the first pixel's centre to the corner
            mask=HandMask(path, MASK_VALUE, MASK_VALUE, array="seg"),
            mano=ManoParameters(mano[:48], take.betas, "mean", mano[48:], fingers="components") if mano.any() else None,
        )


def _array(labels: Mapping[str, np.ndarray], key: str, path: Path) -> np.ndarray:
    if key not in labels:
        raise InputError(f"{path} has no '{key}': expected the labels of {NAME}")
    return labels[key]


def _points(
    labels: Mapping[str, np.ndarray], key: str, dimensions: int, path: Path
) -> Float[np.ndarray, "21 dimensions"]:
    """Points of the hand; NaN where there is none."""
    points = checked_array(_array(labels, key, path), (21, dimensions), f"{path}, {key}")
    return np.full_like(points, np.nan) if (points == NOT_ANNOTATED).all() else points


def open_dexycb(folder: Path) -> Reader:
    """The data set in `folder`, any of its subjects. Raises InputError where parts are missing."""
    sequences: list[ImageSequence] = []
    takes: dict[str, _Take] = {}
    intrinsics: dict[str, Float[np.ndarray, "3 3"]] = {}
    for subject in sorted(path for path in folder.glob("*-subject-*") if path.is_dir()):
        in_order = sorted(path for path in subject.iterdir() if path.is_dir())
        if len(in_order) != SEQUENCES:
            raise InputError(f"{subject} has {len(in_order)} sequences, expected {SEQUENCES}, which the split counts")
        for number, take in enumerate(in_order):
            name = f"{subject.name}/{take.name}"
            n_frames, takes[name] = _take(folder, needed(take / "meta.yml", NAME))
            split = "evaluation" if number % EVALUATION_EVERY == EVALUATION_LAST else "training"
            for serial in sorted(path.name for path in take.iterdir() if SERIAL.fullmatch(path.name)):
                if serial not in intrinsics:
                    intrinsics[serial] = _intrinsics(folder, serial)
                sequences.append(ImageSequence(f"{name}/{serial}", split, n_frames, in_time=True))
    if not sequences:
        raise InputError(f"{folder}: no images of any *-subject-* folder, as the layout of {NAME} has")
    return DexYcb(folder, tuple(sequences), takes, intrinsics)


def _take(folder: Path, path: Path) -> tuple[int, _Take]:
    """The number of frames, and whose hand it is."""
    meta = _yaml(path)
    n_frames = meta.get("num_frames")
    side, calibration = _only(meta.get("mano_sides")), _only(meta.get("mano_calib"))
    if type(n_frames) is not int or not 0 < n_frames <= MOST_FRAMES:
        raise InputError(f"{path}: num_frames is no number of frames")
    if not isinstance(side, str) or side not in SIDES:
        raise InputError(f"{path}: mano_sides is neither left nor right")
    if not isinstance(calibration, str) or not CALIBRATION.fullmatch(calibration):
        raise InputError(f"{path}: mano_calib names no calibration")
    file = needed(folder / "calibration" / f"mano_{calibration}" / "mano.yml", NAME)
    return n_frames, _Take(SIDES[side], checked_array(_yaml(file).get("betas"), (10,), f"{file}, betas"))


def _only(value: object) -> object:
    """The first of a list, which is of one hand in all of the data set."""
    return value[0] if isinstance(value, list) and value else None


def _intrinsics(folder: Path, serial: str) -> Float[np.ndarray, "3 3"]:
    path = needed(folder / "calibration" / "intrinsics" / f"{serial}_640x480.yml", NAME)
    colour = _yaml(path).get("color")
    if not isinstance(colour, dict) or not {"fx", "fy", "ppx", "ppy"} <= colour.keys():
        raise InputError(f"{path}: no fx, fy, ppx and ppy of 'color'")
    fx, fy, cx, cy = checked_array([colour[key] for key in ("fx", "fy", "ppx", "ppy")], (4,), str(path)).tolist()
    return from_pixel_centres(checked_intrinsics([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], str(path)))


def _yaml(path: Path) -> Mapping[str, object]:
    import yaml

    try:
        data = read_regular(path, MOST_YAML_BYTES)
        whole = len(data) <= MOST_YAML_BYTES
        # Aliases unfold a small file into gigabytes.
        plain = whole and not (b"*" in data and any(isinstance(token, yaml.AliasToken) for token in yaml.scan(data)))
        content = yaml.safe_load(data) if plain else None
    except (OSError, yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        content = None  # PyYAML's constructors of numbers and dates raise what they like
    if not isinstance(content, dict):
        raise InputError(f"{path} cannot be read: expected a YAML file of {NAME}")
    return content


LAYOUT = Layout(
    NAME,
    ("*-subject-*/*/meta.yml", "calibration/intrinsics", "calibration/mano_*"),
    "*-subject-*/*/meta.yml and calibration/intrinsics",
    open_dexycb,
)
