"""The pixels of the network's crops, cut out of a clip in one pass.

pictures = crop_pictures(Footage(clip, camera), crops, 128)      # (frames, 3, 128, 128) sRGB, for `Sight.pictures`

Each pixel of a crop is the mean light of the piece of the frame that it covers; lens and mirroring are undone.
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from fitter.observe.footage import Footage
from fitter.observe.resample import COLOUR, resampled, samples_across, square_corners
from priors.network.crop import Crops


def crop_pictures(footage: Footage, crops: Crops, size: int) -> UInt8[Tensor, "frames 3 size size"]:
    """size x size pixels of every frame's crop; black where a crop looks behind the camera.

    Raises InputError where a frame cannot be read.
    """
    double = Crops(crops.rotation_crop_camera.double(), crops.half.double())
    into_frame = torch.linalg.inv(double.homography(footage.camera, size)).numpy()
    grid = square_corners(size, float(size)).reshape(-1, 2)
    pictures = np.zeros((len(into_frame), size, size, 3), np.uint8)
    for index, frame in enumerate(footage.clip.frames()):
        corners = frame_corners(into_frame[index], grid, footage, index)
        if corners is not None:
            corners = corners.reshape(size + 1, size + 1, 2)
            pictures[index] = resampled(frame, corners, samples_across(pixels_per_pixel(corners)), COLOUR)
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())


def frame_corners(
    into_frame: Float[np.ndarray, "3 3"], grid: Float[np.ndarray, "corners 2"], footage: Footage, frame: int
) -> Float[np.ndarray, "corners 2"] | None:
    """Where a crop's corners lie in this frame as filmed; None if some lie behind the camera."""
    homogeneous = np.concatenate([grid, np.ones((len(grid), 1))], axis=1) @ into_frame.T
    homogeneous = homogeneous * np.sign(homogeneous[len(grid) // 2, 2])
    if (homogeneous[:, 2] <= 1e-9 * np.abs(homogeneous[:, 2]).max()).any():
        return None
    straight = homogeneous[:, :2] / homogeneous[:, 2:]
    corners = footage.camera.distort_frames(straight[None], np.array([frame]))[0]
    if footage.mirrored:
        corners[:, 0] = footage.clip.width - corners[:, 0]
    return corners if np.isfinite(corners).all() else None


def pixels_per_pixel(corners: Float[np.ndarray, "n n 2"]) -> float:
    """Crop pixels per pixel of the frame, at the middle of the crop."""
    middle = len(corners) // 2
    return 1.0 / max(float(np.linalg.norm(corners[middle, middle] - corners[middle, middle - 1])), 1e-9)
