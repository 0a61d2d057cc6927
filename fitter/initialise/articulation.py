"""From directions of bones to rotations of joints: inverse kinematics of the fingers, within their natural ranges.

joints = articulated(model, bone_directions, otherwise, weight)
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from fitter.hand import HandModel
from fitter.hand.joint_axes import DEVIATION_RAD, HIGHEST_RAD, LOWEST_RAD, MEAN_RAD
from fitter.skeleton import CHAINS, POINT_OF_ROTATION, POINT_PARENTS

# A bone's direction does not say how its joint is twisted; where it can be by more than this, the next bone does.
# Of the joints only the thumb's base can.
FREE_TWIST_RAD = np.radians(20.0)
TWISTS = 29  # tried over such a joint's range of 70 degrees: 2.5 degrees apart


def joints_of_angles(model: HandModel, angles: Float[Tensor, "frames 15 3"]) -> Float[Tensor, "frames 15 3 3"]:
    """Joint rotations of twist, spread and flexion (radians)."""
    return rotation.exp(torch.einsum("jca,tja->tjc", model.joint_axes, angles))


def articulated(
    model: HandModel,
    directions: Float[Tensor, "frames 20 3"],
    otherwise: Float[Tensor, "frames 15 3 3"],
    weight: Float[Tensor, "frames 20"],
) -> Float[Tensor, "frames 15 3 3"]:
    """Joint rotations that turn each bone from its rest direction to the measured one, kept within natural ranges.

    Down each finger: the smallest rotation that takes the bone's rest direction to the measured one, both in the
    parent's axes; at the thumb's base with the twist that makes its next joint's angles likely. Frames without
    directions get `otherwise`.
    """
    rest = model.joints[1:] - model.joints[POINT_PARENTS[1:]]
    rest = rest / rest.norm(dim=-1, keepdim=True)
    joints = otherwise.clone()
    for chain in CHAINS:
        parent = torch.eye(3, dtype=directions.dtype).expand(len(directions), 3, 3)
        for link, joint in enumerate(chain):
            # A bone is named by its far end; its turn happens at its near end, which is the point of this joint.
            bone = int(POINT_OF_ROTATION[chain[0]]) + link
            turn = turned_to(model, rest[bone], directions[:, bone], parent, joint)
            if HIGHEST_RAD[joint - 1, 0] > FREE_TWIST_RAD:
                twisted = twisted_for_next(model, rest[bone + 1], directions[:, bone + 1], parent @ turn, joint)
                turn = torch.where((weight[:, bone + 1] > 0)[:, None, None], turn @ twisted, turn)
            seen = (weight[:, bone] > 0)[:, None, None]
            joints[:, joint - 1] = torch.where(seen, turn, joints[:, joint - 1])
            parent = parent @ joints[:, joint - 1]
    return joints


def turned_to(
    model: HandModel, rest: Float[Tensor, "3"], wanted: Float[Tensor, "*any 3"], parent: Tensor, joint: int
) -> Float[Tensor, "*any 3 3"]:
    """The smallest rotation of a joint from its bone's rest direction to the wanted one, clamped to its ranges."""
    lowest, highest = (torch.from_numpy(limit[joint - 1]) for limit in (LOWEST_RAD, HIGHEST_RAD))
    angles = torch.clamp(angles_to(model, rest, wanted, parent, joint), lowest, highest)
    return rotation.exp(angles @ model.joint_axes[joint - 1].T)


def angles_to(
    model: HandModel, rest: Float[Tensor, "3"], wanted: Float[Tensor, "*any 3"], parent: Tensor, joint: int
) -> Float[Tensor, "*any 3"]:
    """Twist, spread and flexion of the smallest rotation to the wanted direction; `parent` are its parent's axes."""
    here = (parent.mT @ wanted.unsqueeze(-1)).squeeze(-1)
    return smallest_turn(rest.expand_as(here), here) @ model.joint_axes[joint - 1]


def twisted_for_next(
    model: HandModel, rest: Float[Tensor, "3"], wanted: Float[Tensor, "frames 3"], turned: Tensor, joint: int
) -> Float[Tensor, "frames 3 3"]:
    """The twist of a joint, after its turn, by which it and the next joint's angles are likeliest.

    `rest` and `wanted` are the next bone's. Tried one by one: angles in deviations from their means, squared.
    """
    twists = torch.linspace(float(LOWEST_RAD[joint - 1, 0]), float(HIGHEST_RAD[joint - 1, 0]), TWISTS).double()
    turns = rotation.exp(twists[:, None] * model.joint_axes[joint - 1][:, 0])
    each = wanted[:, None].expand(-1, TWISTS, -1)
    angles = angles_to(model, rest, each, turned[:, None] @ turns, joint + 1)
    mean, deviation = (torch.from_numpy(table) for table in (MEAN_RAD, DEVIATION_RAD))
    unlikely = ((angles - mean[joint]) / deviation[joint]).square().sum(-1)
    unlikely = unlikely + (twists / deviation[joint - 1, 0]).square()
    return turns[unlikely.argmin(dim=1)]


def smallest_turn(source: Float[Tensor, "*any 3"], target: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Rotation vector of the smallest rotation between unit vectors (any axis where they are opposite)."""
    axis = torch.linalg.cross(source, target)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (source * target).sum(-1, keepdim=True))
    return axis / sine.clamp_min(1e-12) * angle
