"""What HaMeR or WiLoR found in a clip, in one file: .npz, or .json with the same names and nested lists.

Neither project writes its parameters to a file. Their demos hold all of them where they call `cam_crop_to_full`; append
each batch there, and save once, N being the hands of all frames:

frame                (N,)           number of the frame, from 0; without it row i is frame i, NaN where there is no hand
right                (N,)           1 for a right hand, 0 for a left one             batch['right']
global_orient        (N, 1, 3, 3)   rotation matrices of the RIGHT hand: of a left   out['pred_mano_params'][...]
hand_pose            (N, 15, 3, 3)  hand as its mirrored crop shows it               (in JSON also nested so)
betas                (N, 10)
img_size             (N, 2)         width and height of the frames, or one (2)       batch['img_size']
pred_cam             (N, 3)         weak perspective in the crop: scale, x, y; x     out['pred_cam']
                                    of a left hand with the sign the demo gave it
box_center           (N, 2)         of the crop, pixels                              batch['box_center']
box_size             (N,)           side of the crop, pixels                         batch['box_size']
pred_keypoints_3d    (N, 21, 3)     metres, optional: gives other hand models than   out['pred_keypoints_3d']
                                    MANO the shape of this hand

In place of the three of the crop: `pred_cam_t_full` (N, 3) and the one `scaled_focal_length` it was computed with.

    hands = read_hamer(Path("hamer.npz"), n_frames=300, size=(1280, 720))
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.initialise.regressed import FARTHEST_M, RegressedHands
from fitter.observe.json_file import read_json
from fitter.observe.plain_arrays import read_arrays

CONTENT = "hands by HaMeR or WiLoR"
POSE = {"global_orient": (1, 3, 3), "hand_pose": (15, 3, 3), "betas": (10,), "right": ()}
CROP = {"pred_cam": (3,), "box_center": (2,), "box_size": ()}
FULL = {"pred_cam_t_full": (3,), "scaled_focal_length": ()}
OPTIONAL = {"pred_keypoints_3d": (21, 3), "frame": ()}
SHAPES = {**POSE, **CROP, **FULL, **OPTIONAL, "img_size": (2,)}
PER_CLIP = {"scaled_focal_length", "img_size"}  # one value may stand for all rows

# The demos' own, for a crop of 256 pixels; it cancels out, see `fitter.initialise.regressed`.
DEMO_FOCAL_PX = 5000.0


def read_hamer(path: Path, n_frames: int, size: tuple[int, int]) -> RegressedHands:
    """The hands in a file as above. Raises InputError if it is none, or not of a clip of `n_frames` of this `size`."""
    given = _json_arrays(path) if path.suffix.lower() == ".json" else read_arrays(path, set(SHAPES), CONTENT)
    camera = FULL if FULL.keys() <= given.keys() else CROP
    for name in [*POSE, *camera, "img_size"]:
        if name not in given:
            raise InputError(
                f"{path} holds no {name}: expected {CONTENT}, with {', '.join([*POSE, *CROP, 'img_size'])}"
            )
    n_hands = given["global_orient"].shape[0] if given["global_orient"].ndim else 0
    arrays = {name: _shaped(path, name, array, n_hands) for name, array in given.items() if name in SHAPES}
    if (arrays["img_size"] != size)[~np.isnan(arrays["img_size"])].any():
        width, height = arrays["img_size"][0]
        raise InputError(
            f"{path}: img_size is {width:g}x{height:g}, expected the size of the clip's frames, {size[0]}x{size[1]}"
        )
    rotations = np.concatenate([arrays["global_orient"], arrays["hand_pose"]], axis=1)
    translation, focal = _translation(arrays, camera, size)
    whole = np.concatenate(
        [rotations.reshape(n_hands, -1), arrays["betas"], translation, arrays["right"][:, None]], axis=1
    )
    kept = np.isfinite(whole).all(axis=1)
    joints = arrays.get("pred_keypoints_3d")
    if joints is not None and (np.abs(joints[kept]) > FARTHEST_M).any():
        raise InputError(f"{path}: pred_keypoints_3d holds numbers beyond all measure, expected metres")
    hands = RegressedHands(
        frame=_frames(path, arrays.get("frame"), n_hands, n_frames),
        right=arrays["right"] > 0.5,
        rotations=rotations,
        betas=arrays["betas"],
        translation_m=translation,
        focal_px=focal,
        image_size=size,
        joints=joints if joints is not None and np.isfinite(joints[kept]).all() else None,
    ).rows(kept)
    hands.check(path)
    return hands


def cam_crop_to_full(
    pred_cam: Float[np.ndarray, "hands 3"],
    box_center: Float[np.ndarray, "hands 2"],
    box_size: Float[np.ndarray, "hands"],
    size: tuple[int, int],
    focal_px: Float[np.ndarray, "hands"] | float,
) -> Float[np.ndarray, "hands 3"]:
    """The translation (metres) of a full camera, principal point in the middle, that shows what the crop does.

    A metre takes scale * box_size / 2 pixels (Pavlakos et al. 2024; Kissos et al. 2020); only z depends on the focal
    length, to which it is proportional.
    """
    per_metre = pred_cam[:, 0] * box_size / 2.0
    offset = (box_center - np.array(size) / 2.0) / per_metre[:, None]
    return np.concatenate([offset + pred_cam[:, 1:], (focal_px / per_metre)[:, None]], axis=1)


def _translation(
    arrays: Mapping[str, np.ndarray], camera: Mapping[str, object], size: tuple[int, int]
) -> tuple[Float[np.ndarray, "hands 3"], Float[np.ndarray, "hands"]]:
    if camera is FULL:
        return arrays["pred_cam_t_full"], arrays["scaled_focal_length"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a scale of 0 is told from the result
        full = cam_crop_to_full(arrays["pred_cam"], arrays["box_center"], arrays["box_size"], size, DEMO_FOCAL_PX)
    return full, np.full(len(full), DEMO_FOCAL_PX)


def _frames(path: Path, frame: np.ndarray | None, n_hands: int, n_frames: int) -> np.ndarray:
    if frame is None:
        if n_hands != n_frames:
            raise InputError(
                f"{path} holds {n_hands} hands and no frame: expected the frame of each, or one hand for each of the "
                f"clip's {n_frames} frames"
            )
        return np.arange(n_frames)
    if not ((frame >= 0) & (frame < n_frames) & (frame == np.floor(frame))).all():
        raise InputError(f"{path}: frame holds numbers other than 0 to {n_frames - 1}, the frames of this clip")
    return frame.astype(np.int64)


def _shaped(path: Path, name: str, array: np.ndarray, n_hands: int) -> np.ndarray:
    """The array as (hands, ...) float64."""
    wanted = (n_hands, *SHAPES[name])
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: {name} is of type {array.dtype}, expected numbers")
    if name in PER_CLIP and array.shape == wanted[1:]:
        array = np.broadcast_to(array, wanted)
    # (hands, 1) for (hands), (hands, 3, 3) for (hands, 1, 3, 3): batches of one hand are saved in either way.
    if tuple(n for n in array.shape if n != 1) != tuple(n for n in wanted if n != 1):
        raise InputError(f"{path}: {name} has shape {array.shape}, expected {wanted}, one row for each hand")
    return array.reshape(wanted).astype(np.float64)


def _json_arrays(path: Path) -> dict[str, np.ndarray]:
    content = read_json(path, CONTENT)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected {CONTENT}, an object of named lists")
    nested = content.pop("pred_mano_params", {})
    named = {**content, **(nested if isinstance(nested, dict) else {})}
    arrays = {}
    for name in named.keys() & SHAPES.keys():
        try:
            arrays[name] = np.array(named[name], dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            raise InputError(
                f"{path}: {name} is no list of numbers in rows of equal length, expected {CONTENT}"
            ) from None
    return arrays
