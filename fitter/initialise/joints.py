"""From 3D joints to a state: shape by bone lengths, orientation by the palm, rotations by inverse kinematics.

state = state_of_joints(model, evidence.joints)             # joints known in metres, camera axes
rotations = rotations_of_joints(model, joints, weight)      # of joints in any unit, axes as the result's
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.hand.joint_axes import MEAN_RAD
from fitter.initialise.articulation import articulated, joints_of_angles
from fitter.initialise.bone_lengths import shape_of_joints
from fitter.initialise.bridging import bridged_state
from fitter.initialise.placement import similarity
from fitter.observe.evidence import PALM_POINTS
from fitter.observe.known_positions import KnownPositions
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.state import State

FEWEST_PALM_POINTS = 3  # orient a plane


def state_of_joints(model: HandModel, known: KnownPositions) -> State | None:
    """The state whose joints lie where they are known to, as far as natural ranges allow; None where no frame knows
    three points of the palm. Frames that do not are bridged.
    """
    betas = shape_of_joints(model, known.positions_m, known.weight, in_metres=True)
    rotations, wrist, found = _posed(model, betas, known.positions_m, known.weight)
    if not found.any():
        return None
    return bridged_state(rotations.numpy(), wrist, found, betas)


def rotations_of_joints(
    model: HandModel,
    joints: Float[Tensor, "frames 21 3"],
    weight: Float[Tensor, "frames 21"] | None = None,
    betas: Float[Tensor, "betas"] | None = None,
) -> Float[Tensor, "frames 16 3 3"]:
    """Global orientation and 15 joints, MANO order, of joints in any unit; the identity where the palm is not known.

    `betas` say what the hand looks like at rest; without them they come from the bones' lengths. Fingers with unknown
    points are relaxed from there on.
    """
    weight = joints.new_ones(joints.shape[:2]) if weight is None else weight
    betas = shape_of_joints(model, joints, weight) if betas is None else betas
    return _posed(model, betas, joints, weight)[0]


def _posed(
    model: HandModel, betas: Float[Tensor, "betas"], joints: Float[Tensor, "frames 21 3"], weight: Tensor
) -> tuple[Float[Tensor, "frames 16 3 3"], Float[np.ndarray, "frames 3"], Bool[np.ndarray, "frames"]]:
    """Rotations, the wrist in the unit of `joints`, and where there are any."""
    rest = model.with_shape(betas).joints
    orientation, wrist, found = _palms(rest.numpy(), joints.numpy(), weight.numpy() > 0)
    turn = torch.from_numpy(orientation)
    bones = torch.nn.functional.normalize(joints[:, BONES] - joints[:, POINT_PARENTS[BONES]], dim=-1)
    both = torch.minimum(weight[:, BONES], weight[:, POINT_PARENTS[BONES]]) * torch.from_numpy(found)[:, None]
    relaxed = joints_of_angles(model, torch.from_numpy(MEAN_RAD).expand(len(joints), 15, 3))
    directions = torch.einsum("tji,tbj->tbi", turn, bones)
    fingers = articulated(replace(model, joints=rest), directions, relaxed, both)
    return torch.cat([turn[:, None], fingers], dim=1), wrist, found


def _palms(
    rest: Float[np.ndarray, "21 3"], joints: Float[np.ndarray, "frames 21 3"], known: Bool[np.ndarray, "frames 21"]
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3"], Bool[np.ndarray, "frames"]]:
    """Orientation and wrist of every frame by the palm's known points (Umeyama 1991), and where there are enough."""
    palm = np.array(PALM_POINTS)
    orientation = np.tile(np.eye(3), (len(joints), 1, 1))
    wrist, found = np.zeros((len(joints), 3)), known[:, palm].sum(axis=1) >= FEWEST_PALM_POINTS
    for frame in np.flatnonzero(found):
        seen = palm[known[frame, palm]]
        orientation[frame], scale = similarity(rest[seen], joints[frame, seen])
        offset = scale * orientation[frame] @ (rest[seen].mean(0) - rest[0])
        wrist[frame] = joints[frame, 0] if known[frame, 0] else joints[frame, seen].mean(0) - offset
    return orientation, wrist, found
