"""Which part of a frame an image of labels shows, and where joints, pixels and the camera are in it.

    view = crop_view((1280, 720), points_px, side_px=224, mirrored=False)
    view.picture(frame), view.intrinsics(K), view.pixels(keypoints_px)

A frame is first mirrored (left hands for data sets of right hands only), then cut, then scaled. All of that is a scale
and a shift per axis, so that the camera of the image is a pinhole camera again, with its own K. Pixels count from the
corner, the first one's centre at (0.5, 0.5), before and after.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from fitter.clip import Frame

# A crop is this many times as large as the longer side of the hand's mesh: a third of it is surroundings, as in
# FreiHAND's images, and training that jitters the box by a quarter of its side (HaMeR, SCALE_FACTOR 0.3) has pixels.
CROP_MARGIN = 1.5
SMALLEST_SIDE_PX = 8  # of the frame; less is no picture of a hand
LARGEST_SIDE = 2.0  # times the frame's longer side: a hand that fills the frame, and as much beyond it


@dataclass(frozen=True)
class View:
    """The part of the (mirrored) frame from `corner_px` on, `part_px` wide and high, shown by an image of `size`.

    What lies outside the frame is black.
    """

    frame_size: tuple[int, int]
    corner_px: tuple[int, int]
    part_px: tuple[int, int]
    size: tuple[int, int]
    mirrored: bool = False

    @property
    def scale(self) -> Float[np.ndarray, "2"]:
        """Image pixels per pixel of the frame, along x and y."""
        return np.array(self.size) / np.array(self.part_px)

    @property
    def image_of_frame(self) -> Float[np.ndarray, "2 3"]:
        """The affine map from undistorted pixels of the frame to pixels of the image."""
        sign, start = (-1.0, float(self.frame_size[0])) if self.mirrored else (1.0, 0.0)
        (sx, sy), (x, y) = self.scale, self.corner_px
        return np.array([[sx * sign, 0.0, sx * (start - x)], [0.0, sy, -sy * y]])

    def pixels(self, frame_px: Float[np.ndarray, "*any 2"]) -> Float[np.ndarray, "*any 2"]:
        """Undistorted pixels of the frame -> pixels of the image."""
        return frame_px @ self.image_of_frame[:, :2].T + self.image_of_frame[:, 2]

    def points(self, points_m: Float[np.ndarray, "*any 3"]) -> Float[np.ndarray, "*any 3"]:
        """Points in the axes of the frame's camera -> in those of the image's: x is mirrored where the image is."""
        return points_m * [-1.0, 1.0, 1.0] if self.mirrored else points_m

    def intrinsics(self, frame_intrinsics: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
        """K of the image, of the frame's K: it projects `points` onto `pixels`."""
        k = frame_intrinsics.copy()
        if self.mirrored:
            k[0, 2] = self.frame_size[0] - k[0, 2]
        k[:2, 2] -= self.corner_px
        k[:2] *= self.scale[:, None]
        return k

    def picture(self, frame: Frame) -> UInt8[np.ndarray, "rows columns 3"]:
        """The image out of an undistorted frame (RGB)."""
        import cv2

        turned = frame[:, ::-1] if self.mirrored else frame
        (x, y), (width, height) = self.corner_px, self.part_px
        part = np.zeros((height, width, 3), dtype=np.uint8)
        x_first, y_first = max(x, 0), max(y, 0)
        x_end, y_end = min(x + width, self.frame_size[0]), min(y + height, self.frame_size[1])
        if x_end > x_first and y_end > y_first:
            part[y_first - y : y_end - y, x_first - x : x_end - x] = turned[y_first:y_end, x_first:x_end]
        if self.size == self.part_px:
            return part
        smaller = self.size[0] < width or self.size[1] < height
        # `resize` maps corner to corner, as `pixels` does; by areas where it shrinks, so that nothing is aliased.
        return np.asarray(cv2.resize(part, self.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def frame_view(frame_size: tuple[int, int], mirrored: bool = False) -> View:
    """The whole frame."""
    return View(frame_size, (0, 0), frame_size, frame_size, mirrored)


def crop_view(
    frame_size: tuple[int, int], points_px: Float[np.ndarray, "points 2"], side_px: int, mirrored: bool = False
) -> View:
    """A square around points in undistorted pixels of the frame (not mirrored), CROP_MARGIN times as large.

    Its corner and side are whole pixels of the frame; `side_px` is the image's side.
    """
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    if mirrored:
        low[0], high[0] = frame_size[0] - high[0], frame_size[0] - low[0]
    longer = float((high - low).max())
    side = round(min(max(CROP_MARGIN * longer, SMALLEST_SIDE_PX), LARGEST_SIDE * max(frame_size)))
    corner = np.floor((low + high) / 2 - side / 2 + 0.5).astype(int)
    return View(frame_size, (int(corner[0]), int(corner[1])), (side, side), (side_px, side_px), mirrored)
