"""One annotated hand in one image, whatever data set it comes from.

Axes are OpenCV's (x right, y down, z forward), points are in the order of `fitter.skeleton`, pixels count from the
image's corner (the first pixel's centre is (0.5, 0.5)), lengths are metres. What is not annotated is NaN or None.

    hand.joints_m, hand.keypoints_px, hand.mask.read((640, 480))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from fitter.clip.images import decoded
from fitter.errors import InputError
from fitter.observe.observations import Side
from fitter.observe.plain_arrays import read_arrays

Split = Literal["training", "evaluation"]


@dataclass(frozen=True)
class ImageSequence:
    """Images that belong together: `length` of them, named by the data set.

    `split` is the data set's own. `in_time` says whether they are frames of one clip, in rising order (some may be
    left out: `AnnotatedHand.frame` counts all), rather than a pile of stills.
    """

    name: str
    split: Split
    length: int
    in_time: bool


@dataclass(frozen=True)
class HandMask:
    """Where the hand's pixels are marked: those with a value from `low` to `high` in `channel` of an image.

    `channel` is 0, 1, 2 for red, green, blue; an image with one channel has only that. `array` names the image in files
    of arrays (`.npz`).
    """

    path: Path
    low: int
    high: int
    channel: int = 0
    array: str | None = None

    def read(self, size: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
        """The mask at `size` (width, height), by the nearest pixel. Raises InputError if it cannot be read."""
        import cv2

        image = decoded(self.path, cv2.IMREAD_UNCHANGED) if self.array is None else self._from_arrays(self.array)
        if image.ndim == 3:
            image = image[..., 2 - self.channel]  # OpenCV stores blue first
        if image.shape[::-1] != size:
            image = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
        return (image >= self.low) & (image <= self.high)

    def _from_arrays(self, name: str) -> np.ndarray:
        image = read_arrays(self.path, {name}, "one image's labels").get(name)
        if image is None or image.ndim != 2 or image.dtype != np.uint8 or not image.size:
            raise InputError(f"{self.path} has no '{name}': expected an array (height, width) of bytes")
        return image


@dataclass(frozen=True)
class ManoParameters:
    """MANO's parameters as annotated, the global orientation and the translation turned to OpenCV's axes.

    `pose` is axis-angle in radians: global orientation, then 15 joints in MANO order. `zero` says what a pose of zeros
    is: the `flat` hand, or MANO's `mean` pose (`hands_mean` in its file is to be added). `translation_m` is added after
    the pose (`fitter.hand.parameters`); None where the data set places the hand otherwise: then by its joints.
    Where `fingers` are `components`, pose[3:] is to be multiplied by MANO's `hands_components` first.
    """

    pose: Float[np.ndarray, "48"]
    betas: Float[np.ndarray, "10"]
    zero: Literal["flat", "mean"]
    translation_m: Float[np.ndarray, "3"] | None = None
    fingers: Literal["axis_angle", "components"] = "axis_angle"


@dataclass(frozen=True)
class AnnotatedHand:
    """One hand in one image.

    `frame` is the image's number in its sequence as the data set counts. `keypoints_px` are the data set's own where it
    has any, else the projected joints. `visible` is None where the data set does not say. `palm_m` is the centre of the
    palm, for data sets that annotate it in the wrist's stead.
    """

    image: Path
    intrinsics: Float[np.ndarray, "3 3"]
    side: Side
    sequence: ImageSequence
    frame: int
    joints_m: Float[np.ndarray, "21 3"]
    keypoints_px: Float[np.ndarray, "21 2"]
    visible: Bool[np.ndarray, "21"] | None = None
    mask: HandMask | None = None
    vertices_m: Float[np.ndarray, "778 3"] | None = None
    mano: ManoParameters | None = None
    palm_m: Float[np.ndarray, "3"] | None = None


def project(points_m: Float[np.ndarray, "n 3"], intrinsics: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "n 2"]:
    """Pixels of points in camera axes; NaN where a point is unknown or not in front of the camera."""
    in_front = np.where(points_m[:, 2:] > 0, points_m, np.nan)
    homogeneous = in_front @ intrinsics.T
    with np.errstate(over="ignore"):  # of a depth that is next to none
        return homogeneous[:, :2] / homogeneous[:, 2:]


def from_pixel_centres(intrinsics: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The intrinsics that count pixels from the corner, of those for which the first pixel's centre is (0, 0).

    That is how OpenCV and depth cameras' drivers calibrate.
    """
    shifted = intrinsics.copy()
    shifted[:2, 2] += 0.5
    return shifted
