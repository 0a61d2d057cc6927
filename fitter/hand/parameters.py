"""A posed hand as the numbers other programs read: MANO's pose, betas and transl; and back.

    parameters = parameters_of(posed)                 # pose (frames, 48), betas (10), translation_m (frames, 3)
    left = parameters.mirrored()                      # for MANO's left model (with its shape basis corrected)
    posed = pose_hand(model, parameters)

The engine turns the hand about its wrist and places the wrist. MANO turns it about the same joint but adds `transl` to
coordinates whose origin is the model's, so transl = wrist - J0(betas), J0 being the wrist joint of the shaped hand.
"""

from dataclasses import dataclass, replace

import roma
from jaxtyping import Float
from torch import Tensor

from fitter.hand.mirror import mirror_axis_angle, mirror_points
from fitter.hand.model import HandModel, PosedHand, ShapedHand


@dataclass(frozen=True)
class HandParameters:
    """Pose in axis-angle, radians: global orientation, then 15 joints in MANO order, zero is the flat hand (no PCA, no
    mean); one shape for the clip; the translation in metres that is added after the pose."""

    pose: Float[Tensor, "*batch frames 48"]
    betas: Float[Tensor, "*batch betas"]
    translation_m: Float[Tensor, "*batch frames 3"]

    def mirrored(self) -> "HandParameters":
        """The parameters of the other hand whose vertices are the mirror image; see `fitter.hand.mirror`."""
        pose = mirror_axis_angle(self.pose.unflatten(-1, (16, 3))).flatten(-2)
        return replace(self, pose=pose, translation_m=mirror_points(self.translation_m))


def parameters_of(posed: PosedHand) -> HandParameters:
    """The parameters with which MANO reproduces `posed`, a right hand."""
    pose = roma.rotmat_to_rotvec(posed.rotations).flatten(-2)
    wrist = posed.joints[..., 0, :]
    return HandParameters(pose, posed.shaped.betas, translation_from_wrist(posed.shaped, wrist))


def pose_hand(model: HandModel, parameters: HandParameters) -> PosedHand:
    """The right hand that `parameters` describe."""
    shaped = model.with_shape(parameters.betas)
    rotations = roma.rotvec_to_rotmat(parameters.pose.unflatten(-1, (16, 3)))
    return shaped.with_pose(rotations, wrist_from_translation(shaped, parameters.translation_m))


def translation_from_wrist(
    shaped: ShapedHand, wrist_m: Float[Tensor, "*batch frames 3"]
) -> Float[Tensor, "*batch frames 3"]:
    """MANO's `transl` (metres) that puts the wrist joint at `wrist_m`."""
    return wrist_m - shaped.joints[..., :1, :]


def wrist_from_translation(
    shaped: ShapedHand, translation_m: Float[Tensor, "*batch frames 3"]
) -> Float[Tensor, "*batch frames 3"]:
    """Where MANO's `transl` (metres) puts the wrist joint."""
    return translation_m + shaped.joints[..., :1, :]
