"""A pinhole camera with optional lens distortion, in OpenCV's conventions.

Axes: x right, y down, z forward. Pixels: the centre of the first pixel is (0.5, 0.5).

    camera = Camera(fx=900, fy=900, cx=640, cy=360, width=1280, height=720)
    pixels = camera.project(points_m)             # (..., 3) metres -> (..., 2) pixels
"""

import logging
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.errors import InputError

logger = logging.getLogger(__name__)

# Focal length over the longer image side of cameras nobody measured. A phone's main camera (26 mm equivalent, that is
# 26 / 43.3 of the diagonal, which is 1.25 times the longer side of 4:3) has 0.75 in photographs and 0.8-0.9 in video,
# which is cropped for stabilisation; 16:9 web cameras of 78 to 60 degrees across the diagonal have 0.71-0.99.
ASSUMED_FOCAL = 0.85
ASSUMED_FOCAL_SD = 0.2  # one standard deviation of log(focal length): covers 0.7 to 1.05

# A focal length that a file tells as that of 35 mm film (24 x 36) stands for the same diagonal (CIPA DCG-001) or, by
# some makers, the same width, which for 4:3 is 4 % less: with the rounding to a millimetre, one standard deviation.
FILM_DIAGONAL_MM, PHOTO_FOCAL_SD = 43.27, 0.05
# In videos it is told of the 4:3 sensor, of which the frame is the whole width (1.25 widths to a diagonal) or, where
# the picture is stabilised, nine tenths and less of it: 0.75 to 0.9 of the longer side for a telephone's 26 mm.
SENSOR_DIAGONAL, STABILISED, VIDEO_FOCAL_SD = 1.25, 1.1, 0.1

# Principal points of lenses lie within a few per cent of the image's centre; further off than this share of the image's
# size, the intrinsics were measured in images of another size. Less may be an image cropped on purpose, unless both
# axes are off by the same factor, which is suspicious from SCALED_OFFSET on.
PRINCIPAL_POINT_OFFSET = 0.35
SCALED_OFFSET = 0.1
SAME_FACTOR = 0.03

# Where a focal length comes from: the user or a truth, the file's metadata, nowhere, or the clip itself.
FocalSource = Literal["given", "metadata", "assumed", "estimated"]

FOCAL_WORDS: dict[FocalSource, str] = {
    "metadata": "not given: by the file's metadata",
    "assumed": "not given: assumed",
    "estimated": "not given: estimated from the clip",
}

INTRINSICS_FORM = "FX,FY,CX,CY[,K1,K2,P1,P2[,K3]]"


@dataclass(frozen=True)
class Camera:
    """Intrinsics of a clip, the same for all its frames.

    `distortion` holds OpenCV's coefficients (k1, k2, p1, p2[, k3, ...]). Inside the engine pixels are undistorted ones:
    `undistort` and `distort` convert at the border. `known` is False where the focal length was assumed or estimated:
    `focal_sigma` is then one standard deviation of its logarithm, and `focal_source` says where it comes from.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    distortion: tuple[float, ...] = ()
    known: bool = True
    focal_sigma: float = ASSUMED_FOCAL_SD
    focal_source: FocalSource = "assumed"

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

    def at(self, frame: int) -> "Camera":
        """The camera of one frame: itself, unless it zooms or moves (`fitter.camera_motion.MovingCamera`)."""
        return self

    def undistort_frames(
        self, pixels: Float[np.ndarray, "n *any 2"], frames: Int[np.ndarray, "n"] | None = None
    ) -> Float[np.ndarray, "n *any 2"]:
        """As `undistort`, of pixels of these frames (None: of all frames in order)."""
        return self.undistort(pixels)

    def distort_frames(
        self, pixels: Float[np.ndarray, "n *any 2"], frames: Int[np.ndarray, "n"] | None = None
    ) -> Float[np.ndarray, "n *any 2"]:
        """As `distort`, to pixels of these frames (None: of all frames in order)."""
        return self.distort(pixels)

    def enlargement(self, n_frames: int) -> Float[np.ndarray, "frames 1"]:
        """How much larger the engine's pixels show each frame than its own do: 1, unless the camera zooms."""
        return np.ones((n_frames, 1))

    def of_frames(self, frames: "slice | Int[np.ndarray, 'n']") -> "Camera":
        """The camera of a part of the clip: itself, unless it zooms or moves."""
        return self

    def scaled(self, factor: float) -> "Camera":
        """The same camera with its focal lengths multiplied by `factor`."""
        return replace(self, fx=self.fx * factor, fy=self.fy * factor)

    def mirrored(self) -> "Camera":
        """The camera of the horizontally flipped frames: x -> width - x."""
        distortion = list(self.distortion)
        if len(distortion) >= 4:
            distortion[3] = -distortion[3]  # p2 multiplies r^2 + 2x^2 in x: odd under the flip
        return replace(self, cx=self.width - self.cx, distortion=tuple(distortion))


def parse_intrinsics(text: str, size: tuple[int, int]) -> Camera:
    """The camera of frames of `size` (width, height) from `FX,FY,CX,CY[,K1,K2,P1,P2[,K3]]`, pixels.

    Raises InputError where these are no numbers, too few or many, or belong to frames of another size.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--intrinsics {text}: expected {INTRINSICS_FORM}, numbers separated by commas") from None
    if len(numbers) not in (4, 8, 9):
        raise InputError(f"--intrinsics {text}: expected {INTRINSICS_FORM}, that is 4, 8 or 9 numbers")
    if not all(math.isfinite(number) for number in numbers):
        raise InputError(f"--intrinsics {text}: expected finite numbers")
    (fx, fy, cx, cy), distortion = numbers[:4], tuple(numbers[4:])
    width, height = size
    if fx <= 0 or fy <= 0:
        raise InputError(f"--intrinsics {text}: expected positive focal lengths, found {fx:g} and {fy:g} pixels")
    if not (0 <= cx <= width and 0 <= cy <= height):
        raise InputError(
            f"--intrinsics {text}: the principal point ({cx:g}, {cy:g}) lies outside the {width}x{height} frames; "
            "expected intrinsics of frames of this size"
        )
    if max(abs(cx / width - 0.5), abs(cy / height - 0.5)) > PRINCIPAL_POINT_OFFSET:
        raise InputError(
            f"--intrinsics {text}: the principal point ({cx:g}, {cy:g}) suggests frames of about "
            f"{2 * cx:.0f}x{2 * cy:.0f}, but these are {width}x{height}; expected intrinsics of frames of this size"
        )
    if abs(cx / width - cy / height) < SAME_FACTOR and abs(cx / width - 0.5) > SCALED_OFFSET:
        logger.warning("intrinsics %s look like those of %.0fx%.0f frames, not %dx%d", text, 2 * cx, 2 * cy, *size)
    return Camera(fx, fy, cx, cy, width, height, distortion)


def focal_words(source: FocalSource, sigma: float) -> str:
    """`given`, or where the focal length comes from and how far it is to be believed."""
    return "given" if source == "given" else f"{FOCAL_WORDS[source]}, one standard deviation {100 * sigma:.0f} %"


def camera_of_lens(focal_35mm: float, size: tuple[int, int], video: bool) -> Camera:
    """The camera of a lens that the file's metadata tell (millimetres on 35 mm film): centred, `known` False."""
    width, height = size
    diagonal = SENSOR_DIAGONAL * STABILISED * max(size) if video else math.hypot(width, height)
    focal, sigma = focal_35mm / FILM_DIAGONAL_MM * diagonal, VIDEO_FOCAL_SD if video else PHOTO_FOCAL_SD
    logger.info(
        "focal length by the file's metadata: %.0f px (%g mm on 35 mm film, one standard deviation %.0f %%)",
        *(focal, focal_35mm, 100 * sigma),
    )
    return Camera(focal, focal, width / 2, height / 2, width, height, (), False, sigma, "metadata")


def assumed_camera(size: tuple[int, int]) -> Camera:
    """The camera to start from when nobody measured it: ASSUMED_FOCAL times the longer side, centred, `known` False."""
    width, height = size
    focal = ASSUMED_FOCAL * max(size)
    logger.info(
        "focal length assumed: %.0f px (%.2f times the longer side, one standard deviation %.0f %%)",
        *(focal, ASSUMED_FOCAL, 100 * ASSUMED_FOCAL_SD),
    )
    return Camera(focal, focal, width / 2, height / 2, width, height, known=False)
