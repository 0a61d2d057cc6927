"""The clip's camera in space: a pyramid of lines from its eye to the frame's image, which stands behind the hands.

frustum = frustum_behind(camera, vertices_m)
lines, image = frustum.lines(), frustum.corners_m
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8

from fitter.camera import Camera
from fitter.visualize.viewer.shapes import Drawn

BEHIND_M = 0.02  # room between the farthest vertex and the image
BEFORE_IMAGE = 0.998
DEFAULT_DEPTH_M = 0.6  # of the image where no hand was fitted
LINE_COLOUR = (0.66, 0.71, 0.80)
CELLS = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1]])


@dataclass(frozen=True)
class Frustum:
    """Where the image stands: its corners, top left, top right, bottom right, bottom left, metres."""

    camera: Camera
    corners_m: Float64[np.ndarray, "4 3"]

    @property
    def depth_m(self) -> float:
        return float(self.corners_m[0, 2])

    def lines(self) -> Drawn:
        """The pyramid's edges, from the camera's eye."""
        # On the same rays, a little before the image: on it, they would flicker.
        points = np.concatenate([np.zeros((1, 3)), self.corners_m * BEFORE_IMAGE])
        return Drawn("frustum", CELLS, points, np.broadcast_to(np.array(LINE_COLOUR), points.shape))

    def faces_eye(self, eye_m: Float[np.ndarray, "3"]) -> bool:
        """Whether the image's front is seen: from behind it would hide the hands."""
        return bool(eye_m[2] < self.depth_m)


def frustum_behind(camera: Camera, vertices_m: Float[np.ndarray, "points 3"]) -> Frustum:
    """The image a little behind these points (NaN are left out), so that from the camera it lies under the hands."""
    depth = vertices_m[:, 2]
    depth = depth[np.isfinite(depth)]
    far = float(depth.max()) + BEHIND_M if len(depth) else DEFAULT_DEPTH_M
    far = max(far, BEHIND_M)
    width, height = float(camera.width), float(camera.height)
    corners = torch.tensor([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]], dtype=torch.float64)
    return Frustum(camera, camera.rays(corners).numpy() * far)


def straightened(
    rgb: UInt8[np.ndarray, "height width 3"], camera: Camera, frame: int
) -> UInt8[np.ndarray, "height width 3"]:
    """The image of this frame, of any size, as an ideal pinhole camera would have taken it: the scene has no lens
    distortion, and its camera does not zoom.
    """
    own = camera.at(frame)
    if not camera.distortion and np.array_equal(own.matrix, camera.matrix):
        return rgb
    scale = np.array([rgb.shape[1] / camera.width, rgb.shape[0] / camera.height, 1.0])
    filmed, ideal = own.matrix * scale[:, None], camera.matrix * scale[:, None]
    for matrix in (filmed, ideal):
        matrix[:2, 2] -= 0.5  # OpenCV counts from the first pixel's centre
    return cv2.undistort(rgb, filmed, np.array(camera.distortion), newCameraMatrix=ideal)
