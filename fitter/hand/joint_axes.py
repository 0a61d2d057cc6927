"""Anatomical axes of the 15 finger joints and their natural ranges: twist, spread and flexion, in degrees.

A joint's rotation vector is read in its own anatomical axes: x' along the bone (twist), z' the flexion axis, y' the
spread axis. On a finger of the flat hand they are the rest axes; the thumb's are oblique.

    angles = log(rotations[1:]) @ anatomical_axes(model.joints)      # (15, 3): twist, spread, flexion, radians
"""

from math import cos, radians, sin

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.skeleton import FINGERTIPS, POINT_OF_ROTATION, ROTATION_NAMES, ROTATION_OF_POINT

# Where the thumb's pad faces on the flat hand: this far from the plane of the palm towards its inside.
THUMB_PAD_DEG = 40.0

# Twist, spread, flexion: lowest, highest, mean, standard deviation, in degrees; positive flexion closes the hand.
# Ranges: active range of motion of the American Academy of Orthopaedic Surgeons (Greene & Heckman 1994) with 5-15
# degrees of slack for hyperextension and soft tissue; the fingers' twist and the end joints' spread are S2HAND's
# hinges (Chen et al., CVPR 2021, appendix). Means and deviations are a relaxed, half-open hand, wide enough for a
# fist and a flat hand at 2 deviations.
RANGES_DEG = {
    "knuckle": ((-10, 10, 0, 6), (-22, 22, 0, 9), (-30, 95, 25, 35)),
    "middle_joint": ((-5, 5, 0, 3), (-5, 5, 0, 3), (-8, 115, 35, 38)),
    "end_joint": ((-5, 5, 0, 3), (-5, 5, 0, 3), (-12, 85, 20, 28)),
    "thumb_base": ((-35, 35, 0, 15), (-45, 45, 0, 20), (-40, 50, 5, 20)),
    "thumb_middle": ((-12, 12, 0, 6), (-15, 15, 0, 8), (-20, 65, 12, 25)),
    "thumb_end": ((-6, 6, 0, 3), (-6, 6, 0, 3), (-25, 90, 20, 30)),
}
JOINT_KINDS = tuple(
    ("thumb_base", "thumb_middle", "thumb_end")[i % 3]
    if ROTATION_NAMES[1 + i].startswith("thumb")
    else ("knuckle", "middle_joint", "end_joint")[i % 3]
    for i in range(15)
)
_TABLE_RAD = np.radians([RANGES_DEG[kind] for kind in JOINT_KINDS])  # (15 joints, 3 axes, 4)
LOWEST_RAD, HIGHEST_RAD, MEAN_RAD, DEVIATION_RAD = (_TABLE_RAD[..., i] for i in range(4))


TIP_OF_LAST_ROTATION = {int(ROTATION_OF_POINT[tip]): int(tip) for tip in FINGERTIPS}


def anatomical_axes(joints: Float[Tensor, "21 3"]) -> Float[Tensor, "15 3 3"]:
    """Columns are each joint's twist, spread and flexion axis in its bone's frame, from the joints of the flat hand."""
    far_point = [POINT_OF_ROTATION[r + 1] if r % 3 else TIP_OF_LAST_ROTATION[r] for r in range(1, 16)]
    bones = joints[far_point] - joints[POINT_OF_ROTATION[1:]]
    along = bones / bones.norm(dim=-1, keepdim=True)
    pad = joints.new_tensor([0.0, -1.0, 0.0]).repeat(15, 1)
    # The thumb's pad faces the other fingers (away from the thumb's side, +z) and, by the angle above, the palm (-y).
    pad[12:] = joints.new_tensor([0.0, -sin(radians(THUMB_PAD_DEG)), -cos(radians(THUMB_PAD_DEG))])
    flexion = torch.linalg.cross(along, pad)
    flexion = flexion / flexion.norm(dim=-1, keepdim=True)
    return torch.stack([-along, torch.linalg.cross(flexion, -along), flexion], dim=-1)
