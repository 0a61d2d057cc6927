"""Hand postures as joint angles that a real hand can take: named gestures, and angles to rotations.

    rotations = articulate(joints, GESTURES["fist"])        # (15, 3, 3), MANO order, relative to the parent bone

Angles are degrees in an array (5 fingers, 5): thumb, index, middle, ring, pinky, each with the ANGLES below. Positive
flexion closes the finger; positive spread moves it towards the thumb's side, and the thumb out of the palm's plane.
"""

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.skeleton import FINGERS, MANO_FINGERS

ANGLES = ("root_flexion", "root_spread", "root_twist", "middle_flexion", "end_flexion")
ROOT_FLEXION, ROOT_SPREAD, ROOT_TWIST, MIDDLE_FLEXION, END_FLEXION = range(5)

# Active ranges, rounded inwards (American Academy of Orthopaedic Surgeons, Joint Motion, 1965: knuckles 0..90 and
# 45 of extension, second joints 0..100, end joints 0..90; thumb 0..50 and 0..80). Fingers hardly twist.
LOWEST_DEG = np.array([[-25, -20, -20, -10, -15], *([[-20, -18, 0, 0, -5]] * 3), [-20, -25, 0, 0, -5]], dtype=float)
HIGHEST_DEG = np.array([[45, 35, 40, 55, 75], *([[88, 18, 0, 100, 75]] * 3), [88, 15, 0, 100, 75]], dtype=float)

# The direction of the nails at rest: up for the fingers, oblique for the thumb (as MANO's).
NAILS = torch.tensor([[1.0, 1.0, 1.0], *([[0.0, 1.0, 0.0]] * 4)], dtype=torch.float64)

Angles = tuple[int, int, int, int, int]
STRAIGHT: Angles = (0, 0, 0, 2, 2)
OVER_FINGERS: Angles = (33, 29, 16, 36, 41)  # the thumb of a fist
ACROSS_PALM: Angles = (32, 27, 19, 35, 33)  # the thumb holding bent fingers down


def posture(
    thumb: Angles,
    index: Angles = (73, -2, 0, 99, 55),
    middle: Angles = (79, 0, 0, 100, 58),
    ring: Angles = (78, -4, 0, 93, 58),
    pinky: Angles = (81, 7, 0, 97, 55),
) -> Float[np.ndarray, "5 5"]:
    """Angles of a hand in degrees; fingers that are not given are closed."""
    return np.array([thumb, index, middle, ring, pinky], dtype=float)


GESTURES: dict[str, Float[np.ndarray, "5 5"]] = {
    "open": posture(
        (-4, 4, 0, 2, 2), index=(2, 3, 0, 4, 3), middle=STRAIGHT, ring=(2, -2, 0, 4, 3), pinky=(3, -4, 0, 6, 4)
    ),
    "spread": posture(
        (-16, 0, 0, -4, -8),
        index=(0, 14, 0, 0, 0),
        middle=(0, 2, 0, 0, 0),
        ring=(0, -9, 0, 0, 0),
        pinky=(0, -18, 0, 0, 0),
    ),
    "relaxed": posture(
        (8, 12, 6, 14, 18),
        index=(18, 2, 0, 28, 12),
        middle=(24, 0, 0, 34, 15),
        ring=(28, -1, 0, 38, 17),
        pinky=(30, -3, 0, 36, 16),
    ),
    "fist": posture(OVER_FINGERS),
    "point": posture(ACROSS_PALM, index=(2, 0, 0, 4, 3)),
    "victory": posture(ACROSS_PALM, index=(0, 13, 0, 3, 2), middle=(0, -9, 0, 3, 2)),
    "pinch": posture(
        (25, 26, 20, 14, 24),  # with the index chosen so that the pads touch on the mean hand
        index=(51, 2, 0, 50, 23),
        middle=(30, 0, 0, 30, 12),
        ring=(20, -3, 0, 24, 10),
        pinky=(12, -8, 0, 18, 8),
    ),
    "thumb_up": posture((-18, -6, 0, -5, -10)),
    "three": posture(ACROSS_PALM, index=(0, 10, 0, 3, 2), middle=(0, 0, 0, 2, 2), ring=(2, -9, 0, 4, 3)),
    "four": posture(
        (36, 14, 25, 42, 40),
        index=(0, 9, 0, 3, 2),
        middle=(0, 1, 0, 2, 2),
        ring=(1, -7, 0, 3, 2),
        pinky=(2, -14, 0, 4, 3),
    ),
}
COUNT = ("fist", "point", "victory", "three", "four", "spread")


def articulate(joints: Float[Tensor, "21 3"], angles_deg: Float[Tensor, "*any 5 5"]) -> Float[Tensor, "*any 15 3 3"]:
    """Rotations of the finger joints for a hand whose rest joints are `joints` (metres).

    A root turns by its spread about the nail's direction, after its flexion, after its twist about the finger itself.
    """
    root_order = [ROOT_SPREAD, ROOT_FLEXION, ROOT_TWIST]
    hinge = torch.zeros_like(angles_deg[..., :3])
    middle, end = hinge.clone(), hinge.clone()
    middle[..., 1], end[..., 1] = angles_deg[..., MIDDLE_FLEXION], angles_deg[..., END_FLEXION]
    angles = torch.stack([angles_deg[..., root_order], middle, end], dim=-2)  # (..., 5 fingers, 3 joints, 3)
    local = roma.euler_to_rotmat("YZX", angles, degrees=True)
    frames = hinge_frames(joints)
    turned = torch.einsum("fab,...fjbc,fdc->...fjad", frames, local, frames)
    order = [FINGERS.index(name) for name in MANO_FINGERS]
    return turned[..., order, :, :, :].flatten(-4, -3)


def hinge_frames(joints: Float[Tensor, "21 3"]) -> Float[Tensor, "5 3 3"]:
    """Each finger's axes at rest as columns: from its tip to its root, towards its nail, and the axis of flexion.

    For the four fingers these are nearly the rest axes themselves.
    """
    backwards = torch.nn.functional.normalize(joints[1::4] - joints[2::4], dim=-1)
    nails = NAILS.to(joints)
    nails = torch.nn.functional.normalize(nails - (nails * backwards).sum(-1, keepdim=True) * backwards, dim=-1)
    return torch.stack([backwards, nails, torch.linalg.cross(backwards, nails)], dim=-1)
