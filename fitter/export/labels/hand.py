"""One labelled hand, and the image it is labelled in: what every format is written from, in handfit's conventions.

Metres, radians and OpenCV camera axes; joints in OpenPose order, rotations in MANO's; pixels from the image's corner,
the first one's centre at (0.5, 0.5). Each writer converts to its own conventions, and nobody else.

    image.intrinsics, image.hands[0].joints_m, image.hands[0].mano
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from fitter.camera import Camera
from fitter.export.labels.view import View
from fitter.observe.observations import Side


@dataclass(frozen=True)
class ManoLabels:
    """MANO's parameters, with zero the flat hand and no principal components.

    A left hand's are for MANO_LEFT with its shape basis corrected (`fitter.hand.mirror`).
    """

    pose: Float[np.ndarray, "48"]
    betas: Float[np.ndarray, "10"]
    translation_m: Float[np.ndarray, "3"]

    def mirrored(self) -> "ManoLabels":
        """The other hand's parameters, whose vertices are the mirror image in x."""
        return ManoLabels(mirror_angles(self.pose), self.betas, self.translation_m * [-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class LabelledHand:
    """A hand as its image shows it.

    `side` is the image's: a left hand in a mirrored image is a right one, and `filmed_side` says what it was. `mano` is
    None where another hand model was fitted. `sigma_mm` is each joint's standard deviation, `relative_sigma_mm` what
    remains of it if size and focal length were known (NaN where nobody says), `quality` the frame's score, 0..1.
    """

    side: Side
    filmed_side: Side
    joints_m: Float[np.ndarray, "21 3"]
    keypoints_px: Float[np.ndarray, "21 2"]
    vertices_m: Float[np.ndarray, "vertices 3"]
    sigma_mm: Float[np.ndarray, "21"]
    relative_sigma_mm: Float[np.ndarray, "21"]
    quality: float
    mano: ManoLabels | None = None

    def inside(self, size: tuple[int, int]) -> Bool[np.ndarray, "21"]:
        """Which joints lie in an image of `size`."""
        return ((self.keypoints_px >= 0) & (self.keypoints_px <= size)).all(axis=1)

    @property
    def box_px(self) -> Float[np.ndarray, "4"]:
        """Left, top, width and height of the joints' bounding box, pixels."""
        low, high = self.keypoints_px.min(axis=0), self.keypoints_px.max(axis=0)
        return np.concatenate([low, high - low])


@dataclass(frozen=True)
class LabelledImage:
    """An image and the hands labelled in it.

    `number` counts the images of an export, `source` is the place of the result in it, `frame` the frame of its clip.
    `faces` are those of the hands' mesh, wound for a right hand.
    """

    number: int
    source: int
    frame: int
    view: View
    intrinsics: Float[np.ndarray, "3 3"]
    hands: tuple[LabelledHand, ...]
    faces: Int[np.ndarray, "faces 3"] = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.view.size

    @property
    def camera(self) -> Camera:
        """The pinhole camera of the image."""
        (fx, _, cx), (_, fy, cy), _ = self.intrinsics.tolist()
        return Camera(fx, fy, cx, cy, *self.size)


def mirror_angles(axis_angles: Float[np.ndarray, "angles"]) -> Float[np.ndarray, "angles"]:
    """Rotation vectors, one after the other, of the other hand: `fitter.hand.mirror.mirror_axis_angle` in numpy."""
    return (axis_angles.reshape(-1, 3) * [1.0, -1.0, -1.0]).ravel()
