"""What HaMeR and HaWoR would write of a known hand: true rotations, and the camera that a network's crop suggests.

arrays = hamer_arrays(posed, CAMERA, "left", frames)        # the .npz of fitter.initialise.hamer_file
"""

import json
from pathlib import Path

import numpy as np
import torch

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import PosedHand
from fitter.hand.mirror import mirror_rotations
from fitter.initialise.hamer_file import cam_crop_to_full
from fitter.initialise.regressed import MANO_WRIST_M
from fitter.observe.observations import Side

CROP_PX, DEMO_FOCAL_PX = 256.0, 5000.0


def hamer_arrays(
    posed: PosedHand, camera: Camera, side: Side = "right", noise_rad: float = 0.0
) -> dict[str, np.ndarray]:
    """One row per frame. `posed` is a right hand in `camera`; of a left hand what is seen is its mirror image.

    The crop's weak-perspective camera is the one that fits the hand's true projection best, as networks learn it.
    """
    sign = 1.0 if side == "right" else -1.0
    wrist = mano_wrist(posed)
    joints = (posed.joints - posed.joints[:, :1]).numpy() + wrist
    pixels = camera.project(posed.joints).numpy()
    if side == "left":
        pixels[..., 0] = camera.width - pixels[..., 0]
    centre = (pixels.min(axis=1) + pixels.max(axis=1)) / 2.0
    box = 2.0 * (pixels.max(axis=1) - pixels.min(axis=1)).max(axis=1)
    cams = np.stack([weak(joints[t] * [sign, 1, 1], pixels[t], centre[t], box[t]) for t in range(len(joints))])
    generator = torch.Generator().manual_seed(0)
    noise = noise_rad * torch.randn(*posed.rotations.shape[:-1], generator=generator, dtype=torch.float64)
    rotations = (posed.rotations @ rotation.exp(noise)).numpy()
    n_betas = posed.shaped.model.n_betas
    betas = posed.shaped.betas.numpy() if n_betas == 10 else np.zeros(10)
    return {
        "right": np.full(len(joints), sign > 0).astype(np.float32),
        "global_orient": rotations[:, :1].astype(np.float32),
        "hand_pose": rotations[:, 1:].astype(np.float32),
        "betas": np.tile(betas, (len(joints), 1)).astype(np.float32),
        "img_size": np.array([camera.width, camera.height], dtype=np.float32),
        "pred_cam": cams,
        "box_center": centre,
        "box_size": box,
        "pred_keypoints_3d": joints,
    }


def mano_wrist(posed: PosedHand) -> np.ndarray:
    """Where MANO's wrist is in the coordinates of a network that regresses this hand."""
    model = posed.shaped.model
    return posed.shaped.joints[0].numpy() if model.name == "mano" else np.array(MANO_WRIST_M)


def weak(points: np.ndarray, pixels: np.ndarray, centre: np.ndarray, box: float) -> np.ndarray:
    """Scale and shift with which points (metres) come nearest their pixels: u = centre + box / 2 * s * (x + t)."""
    spread = points[:, :2] - points[:, :2].mean(0)
    seen = (pixels - centre) / (box / 2.0)
    scale = float((spread * (seen - seen.mean(0))).sum() / (spread**2).sum())
    return np.array([scale, *(seen.mean(0) / scale - points[:, :2].mean(0))])


def with_full_camera(arrays: dict[str, np.ndarray], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The same with the demo's own translation and focal length in place of the crop's camera."""
    focal = DEMO_FOCAL_PX / CROP_PX * max(size)
    full = cam_crop_to_full(arrays["pred_cam"], arrays["box_center"], arrays["box_size"], size, focal)
    kept = {name: array for name, array in arrays.items() if name not in ("pred_cam", "box_center", "box_size")}
    return {**kept, "pred_cam_t_full": full, "scaled_focal_length": np.array(focal)}


def write_hawor(
    folder: Path, arrays: dict[str, np.ndarray], translation: np.ndarray, chunks: list[tuple[int, int]]
) -> Path:
    """The folder of HaWoR's demo; `translation` in unmirrored camera axes."""
    right = bool(arrays["right"][0])
    rotations = np.concatenate([arrays["global_orient"], arrays["hand_pose"]], axis=1).astype(np.float64)
    if not right:
        rotations = mirror_rotations(torch.from_numpy(rotations)).numpy()
    place = folder / "cam_space" / str(int(right))
    place.mkdir(parents=True)
    for first, last in chunks:
        rows = slice(first, last + 1)
        content = {
            "init_root_orient": rotations[None, rows, 0].tolist(),
            "init_hand_pose": rotations[None, rows, 1:].tolist(),
            "init_trans": translation[None, rows].tolist(),
            "init_betas": arrays["betas"][None, rows].tolist(),
        }
        (place / f"{first}_{last}.json").write_text(json.dumps(content))
    return folder


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return path
