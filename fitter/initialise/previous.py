"""An earlier fit of the same clip as a start: its rotations, its path and, for the same hand model, its shape.

previous = PreviousFit("anny", camera, pose, betas, wrist_m)         # of a left hand: previous.mirrored()
starts = previous(model, camera, evidence)
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_axis_angle, mirror_points
from fitter.initialise.bridging import bridged_state
from fitter.initialise.start import Start
from fitter.observe.evidence import Evidence
from fitter.state import State, trajectory_of_wrist


@dataclass(frozen=True)
class PreviousFit:
    """One hand of an earlier result; NaN in frames where it was not present, which are bridged.

    `pose` in axis-angle (radians, MANO order, flat hand zero), `wrist_m` in the axes of `camera`, the earlier one.
    """

    hand_model: str
    camera: Camera
    pose: Float[Tensor, "frames 48"]
    betas: Float[Tensor, "betas"]
    wrist_m: Float[Tensor, "frames 3"]

    def mirrored(self) -> "PreviousFit":
        """The same hand in the horizontally flipped frames."""
        pose = mirror_axis_angle(self.pose.unflatten(-1, (16, 3))).flatten(-2)
        return replace(self, camera=self.camera.mirrored(), pose=pose, wrist_m=mirror_points(self.wrist_m))

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "PreviousFit":
        """In some of its frames."""
        chosen = torch.from_numpy(frames)
        return replace(self, pose=self.pose[chosen], wrist_m=self.wrist_m[chosen])

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
        """One start, seen at the same pixels; betas of another hand model are left at its mean. None where the hand was
        present in no frame.
        """
        found = (torch.isfinite(self.pose).all(-1) & torch.isfinite(self.wrist_m).all(-1)).numpy()
        if not found.any():
            return []
        same_model = model.name == self.hand_model and len(self.betas) == model.n_betas
        betas = self.betas if same_model else torch.zeros_like(model.joints_shape_basis[0, 0])
        pose = self.pose.nan_to_num().unflatten(-1, (16, 3))
        state = bridged_state(rotation.exp(pose).numpy(), np.asarray(self.wrist_m), found, betas)
        return [Start("previous result", seen_through(state, self.camera, camera))]


def seen_through(state: State, before: Camera, now: Camera) -> State:
    """The state in another camera, at the same pixels and as large.

    An unknown focal length becomes the earlier one; a known one moves the hand along its line of sight.
    """
    pixels = before.project(state.wrist)
    wrist = now.rays(pixels) * state.wrist[:, 2:]
    ratio = now.fx / before.fx
    if now.known:
        return replace(state, trajectory=trajectory_of_wrist(wrist * ratio))
    wrist = torch.cat([wrist[:, :2] * ratio, wrist[:, 2:]], dim=1)
    return replace(state, trajectory=trajectory_of_wrist(wrist), log_focal=state.log_focal - math.log(ratio))
