"""Random hand postures for training: blends of gestures, synergies, and anything within the anatomical ranges.

rotations = random_rotations(generator, model.joints, 256)         # (256, 15, 3, 3), MANO order
orientation = random_orientations(generator, 256)                  # (256, 3, 3), any of SO(3)

Unlike a clip's motion (`motion.py`), postures are independent of each other, and rarer ones are as frequent as common
ones: a network is to know both.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from priors.synthetic.gestures import (
    END_FLEXION,
    GESTURES,
    HIGHEST_DEG,
    LOWEST_DEG,
    MIDDLE_FLEXION,
    ROOT_FLEXION,
    ROOT_SPREAD,
    articulate,
)

# Shares of the three kinds: blends of gestures, synergies, and independent angles within the ranges.
BLENDED, SYNERGETIC, FREE = 0.5, 0.35, 0.15
# How often a blend takes every finger from gestures of its own: hands that no table lists.
MIXED_FINGERS = 0.4
# Variation around a posture: closing of the hand, of each finger, of each joint, and spread; degrees.
WHOLE_HAND_DEG, FINGER_DEG, JOINT_DEG, SPREAD_DEG = 8.0, 7.0, 4.0, 4.0
# The four fingers close together (Santello, Flanders and Soechting 1998: the first synergy explains over half).
COMMON_CLOSING = 0.6
# End joints follow middle joints by about two thirds, less under an outer force.
END_OVER_MIDDLE = (0.3, 0.9)
# Real joints turn a little about every axis, and models' axes are not people's.
LOOSE_DEG = 2.5


def random_rotations(
    generator: torch.Generator, joints: Float[Tensor, "21 3"], count: int
) -> Float[Tensor, "count 15 3 3"]:
    """Finger rotations relative to the parent for a hand whose rest joints are `joints` (metres)."""
    rotations = articulate(joints, random_angles(generator, count).to(joints))
    loose = torch.randn(count, 15, 3, generator=generator).to(joints) * torch.deg2rad(joints.new_tensor(LOOSE_DEG))
    return rotations @ rotation.exp(loose)


def random_angles(generator: torch.Generator, count: int) -> Float[Tensor, "count 5 5"]:
    """Joint angles in degrees, as in `gestures`, within the anatomical ranges."""
    lowest, highest = (torch.from_numpy(limit).float() for limit in (LOWEST_DEG, HIGHEST_DEG))
    kind = torch.rand(count, 1, 1, generator=generator)
    free = lowest + (highest - lowest) * torch.rand(count, 5, 5, generator=generator)
    posture = torch.where(kind < BLENDED, blended(generator, count), synergetic(generator, count, lowest, highest))
    posture = torch.where(kind > 1.0 - FREE, free, varied(generator, posture))
    return torch.clamp(posture, lowest, highest)


def blended(generator: torch.Generator, count: int) -> Float[Tensor, "count 5 5"]:
    """On the way from one gesture to another, by the whole hand or finger by finger."""
    table = torch.stack([torch.from_numpy(gesture) for gesture in GESTURES.values()]).float()
    together = torch.rand(count, 1, generator=generator) > MIXED_FINGERS
    ends = []
    for _ in range(2):
        each = torch.randint(len(table), (count, 5), generator=generator)
        chosen = torch.where(together, each[:, :1], each)
        ends.append(table[chosen, torch.arange(5)])
    way = torch.rand(count, 5, 1, generator=generator)
    way = torch.where(together[..., None], way[:, :1], way)
    return ends[0] + way * (ends[1] - ends[0])


def synergetic(
    generator: torch.Generator, count: int, lowest: Float[Tensor, "5 5"], highest: Float[Tensor, "5 5"]
) -> Float[Tensor, "count 5 5"]:
    """Fingers that close more or less together, each joint by a share of its range; the thumb on its own."""
    whole, each = torch.rand(count, 1, generator=generator), torch.rand(count, 5, generator=generator)
    closing = COMMON_CLOSING * whole + (1.0 - COMMON_CLOSING) * each
    closing[:, 0] = each[:, 0]
    bent = (closing[:, :, None] + 0.25 * torch.randn(count, 5, 2, generator=generator)).clamp(0.0, 1.0)
    angles = torch.zeros(count, 5, 5)
    for place, joint in enumerate((ROOT_FLEXION, MIDDLE_FLEXION)):
        angles[..., joint] = lowest[:, joint] + bent[..., place] * (highest - lowest)[:, joint]
    low, high = END_OVER_MIDDLE
    ratio = low + (high - low) * torch.rand(count, 5, generator=generator)
    angles[..., END_FLEXION] = ratio * angles[..., MIDDLE_FLEXION]
    side = (highest - lowest)[:, 1:3] * torch.rand(count, 5, 2, generator=generator) + lowest[:, 1:3]
    straight = 1.0 - bent[..., :1].clamp(0.0, 1.0)  # bent knuckles do not spread
    angles[..., 1:3] = side * torch.where(torch.arange(5)[:, None] == 0, torch.ones_like(straight), straight)
    return angles


def varied(generator: torch.Generator, posture: Float[Tensor, "count 5 5"]) -> Float[Tensor, "count 5 5"]:
    """The same posture as another person, or the same at another time, would make it."""
    count = len(posture)
    closing = WHOLE_HAND_DEG * torch.randn(count, 1, generator=generator)
    closing = closing + FINGER_DEG * torch.randn(count, 5, generator=generator)
    moved = posture + JOINT_DEG * torch.randn(count, 5, 5, generator=generator) * (posture.new_tensor([1, 0, 0, 1, 1]))
    for joint, share in ((ROOT_FLEXION, 0.7), (MIDDLE_FLEXION, 1.0), (END_FLEXION, 0.6)):
        moved[..., joint] += share * closing
    moved[..., ROOT_SPREAD] += SPREAD_DEG * torch.randn(count, 5, generator=generator)
    return moved


def random_orientations(generator: torch.Generator, count: int) -> Float[Tensor, "count 3 3"]:
    """Rotations uniform over SO(3) (Shoemake 1992: unit quaternions from normal deviates)."""
    x, y, z, w = torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], dim=-1),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], dim=-1),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], dim=-1),
    ]
    return torch.stack(rows, dim=-2)
