"""From directions of bones to rotations of joints: inverse kinematics of the fingers, within their natural ranges.

joints = articulated(model, bone_directions, otherwise, weight)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from fitter.hand import HandModel
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD
from fitter.skeleton import CHAINS, POINT_OF_ROTATION, POINT_PARENTS


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
    parent's axes. Frames without directions get `otherwise`.
    """
    rest = model.joints[1:] - model.joints[POINT_PARENTS[1:]]
    rest = rest / rest.norm(dim=-1, keepdim=True)
    lowest, highest = (torch.from_numpy(limit) for limit in (LOWEST_RAD, HIGHEST_RAD))
    joints = otherwise.clone()
    for chain in CHAINS:
        parent = torch.eye(3, dtype=directions.dtype).expand(len(directions), 3, 3)
        for link, joint in enumerate(chain):
            # A bone is named by its far end; its turn happens at its near end, which is the point of this joint.
            bone = int(POINT_OF_ROTATION[chain[0]]) + link
            wanted = (parent.mT @ directions[:, bone, :, None]).squeeze(-1)
            vector = smallest_turn(rest[bone].expand_as(wanted), wanted)
            axes = model.joint_axes[joint - 1]
            angles = torch.clamp(vector @ axes, lowest[joint - 1], highest[joint - 1])
            turn = rotation.exp(angles @ axes.T)
            seen = (weight[:, bone] > 0)[:, None, None]
            joints[:, joint - 1] = torch.where(seen, turn, joints[:, joint - 1])
            parent = parent @ joints[:, joint - 1]
    return joints


def smallest_turn(source: Float[Tensor, "*any 3"], target: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Rotation vector of the smallest rotation between unit vectors (any axis where they are opposite)."""
    axis = torch.linalg.cross(source, target)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (source * target).sum(-1, keepdim=True))
    return axis / sine.clamp_min(1e-12) * angle
