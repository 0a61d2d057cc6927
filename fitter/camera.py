"""A pinhole camera with optional lens distortion, in OpenCV's conventions.

Axes: x right, y down, z forward. Pixels: the centre of the first pixel is (0.5, 0.5).

    camera = Camera(fx=900, fy=900, cx=640, cy=360, width=1280, height=720)
    pixels = camera.project(points_m)             # (..., 3) metres -> (..., 2) pixels
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """Intrinsics of a clip, the same for all its frames.

    `distortion` holds OpenCV's coefficients (k1, k2, p1, p2[, k3, ...]). Inside the engine pixels are undistorted ones:
    `undistort` and `distort` convert at the border. `known` is False where the focal length was assumed or estimated.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    distortion: tuple[float, ...] = ()
    known: bool = True

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """The intrinsic matrix K, in pixels."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def project(self, points: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 2"]:
        """Pinhole projection of `points` (metres, camera axes) to undistorted pixels; z must be positive."""
        focal = points.new_tensor([self.fx, self.fy])
        centre = points.new_tensor([self.cx, self.cy])
        return points[..., :2] / points[..., 2:] * focal + centre

    def rays(self, pixels: Float[Tensor, "*any 2"]) -> Float[Tensor, "*any 3"]:
        """The point at depth 1 seen at each undistorted pixel."""
        focal = pixels.new_tensor([self.fx, self.fy])
        centre = pixels.new_tensor([self.cx, self.cy])
        flat = (pixels - centre) / focal
        return torch.cat([flat, torch.ones_like(flat[..., :1])], dim=-1)

    def undistort(self, pixels: Float[np.ndarray, "*any 2"]) -> Float[np.ndarray, "*any 2"]:
        """Pixels of the input frames -> pixels of the ideal pinhole camera."""
        if not self.distortion:
            return pixels
        import cv2

        # OpenCV puts the centre of the first pixel at 0; the shift cancels against the same shift of cx and cy.
        flat = np.ascontiguousarray(pixels, dtype=np.float64).reshape(-1, 1, 2)
        return cv2.undistortPoints(flat, self.matrix, np.array(self.distortion), P=self.matrix).reshape(pixels.shape)

    def distort(self, pixels: Float[np.ndarray, "*any 2"]) -> Float[np.ndarray, "*any 2"]:
        """Pixels of the ideal pinhole camera -> pixels of the input frames."""
        if not self.distortion:
            return pixels
        import cv2

        flat = (np.asarray(pixels, dtype=np.float64).reshape(-1, 2) - [self.cx, self.cy]) / [self.fx, self.fy]
        rays = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)[:, None]
        projected, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), self.matrix, np.array(self.distortion))
        return projected.reshape(pixels.shape)

    def scaled(self, factor: float) -> "Camera":
        """The same camera with its focal lengths multiplied by `factor`."""
        return replace(self, fx=self.fx * factor, fy=self.fy * factor)

    def mirrored(self) -> "Camera":
        """The camera of the horizontally flipped frames: x -> width - x."""
        distortion = list(self.distortion)
        if len(distortion) >= 4:
            distortion[3] = -distortion[3]  # p2 multiplies r^2 + 2x^2 in x: odd under the flip
        return replace(self, cx=self.width - self.cx, distortion=tuple(distortion))
