"""The 21 joints of a hand and the 16 rotations that move them: names, parents, and ALL order conversions.

Two orders are used, and only this file converts between them:

- *points* (21): OpenPose order, wrist, then thumb, index, middle, ring, pinky, each from the palm to the tip;
- *rotations* (16): MANO order, global orientation, then index, middle, pinky, ring, thumb, three each.

    POINT_NAMES[8]              # 'index_tip'
    ROTATION_OF_POINT[8]        # 3: the index tip moves rigidly with rotation 3, the last index bone
"""

import numpy as np

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
POINT_NAMES = (
    "wrist",
    *("thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip"),
    *(f"{finger}_{part}" for finger in FINGERS[1:] for part in ("mcp", "pip", "dip", "tip")),
)
POINT_PARENTS = np.array([-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19])
FINGERTIPS = np.array([4, 8, 12, 16, 20])

# The 20 bones, each named by its far end: bone b joins POINT_PARENTS[BONES[b]] to BONES[b].
BONES = np.arange(1, 21)

MANO_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
ROTATION_NAMES = ("global", *(f"{finger}{i}" for finger in MANO_FINGERS for i in (1, 2, 3)))
ROTATION_PARENTS = np.array([-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14])

# The point at which each rotation acts (its joint), and the rotation that carries each point rigidly.
# A joint is carried by its own rotation (which leaves it in place); a tip by the last bone's.
POINT_OF_ROTATION = np.array([0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3])
ROTATION_OF_POINT = np.array([0, 13, 14, 15, 15, 1, 2, 3, 3, 4, 5, 6, 6, 10, 11, 12, 12, 7, 8, 9, 9])
# The rotation that turns the bone which ends at each point.
NEAR_ROTATION = np.array([0, *ROTATION_OF_POINT[POINT_PARENTS[1:]]])

# The five chains of rotations in MANO order (5, 3), and the finger chain of each point (-1: the wrist).
CHAINS = np.arange(1, 16).reshape(5, 3)
CHAIN_OF_POINT = np.array([-1, *([4] * 4), *([0] * 4), *([1] * 4), *([3] * 4), *([2] * 4)])

# Orders of published data sets, as the place of each of the 21 points there. HO-3D and MANO's joints with their tips
# behind: 16 joints in the order of the rotations, then the tips from thumb to pinky.
PLACE_IN_MANO = np.array([0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20])
# RHD: wrist, then thumb to pinky, each from the tip to the palm.
PLACE_IN_RHD = np.array([0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17])
# STB: the palm's centre (no wrist), then pinky to thumb, each from the palm to the tip.
PLACE_IN_STB = np.array([0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4])
# InterHand2.6M: thumb to pinky, each from the tip to the palm, then the wrist.
PLACE_IN_INTERHAND = np.array([20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16])
