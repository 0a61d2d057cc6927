"""The hand moves smoothly: angular acceleration of the joints, and acceleration of the trajectory, are small.

Accelerations are per second squared, by finite differences over the real times of the frames, so that the frame rate
does not change what the sigmas mean. After S2HAND(V) (Tu et al., TPAMI 2023, eq. 15), with accelerations on SO(3) in
place of differences of quaternions. Where the camera's motion is given, it is in the world that the hand is smooth.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from fitter.energy.term import FIRST_ROTATION, TRAJECTORY, TemporalRows
from fitter.energy.world_motion import neighbours, turns_in_world
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene
from fitter.state import N_ROTATIONS


@dataclass(frozen=True)
class PoseSmoothness:
    """Angular acceleration of each rotation relative to its parent, in rad/s^2, over its standard deviation.

    The defaults are the root mean squares over three real clips (talking, counting and touching hands) fitted with
    loose smoothness; the tails are heavy (kurtosis 40), hence the robust loss: most frames are calm, a few are fast.
    """

    sigma_global_rad_s2: Positive = 6.0
    sigma_joint_rad_s2: Positive = 10.0
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch triples 16 3"]:
        turns = turns_in_world(scene, evidence)
        before, after = inverse_intervals(evidence.time_s)
        acceleration = turns[..., 1:, :, :] * after[..., None, None] - turns[..., :-1, :, :] * before[..., None, None]
        return acceleration / self.sigma(acceleration)

    def rows(self, scene: Scene, evidence: Evidence) -> TemporalRows:
        turns = turns_in_world(scene, evidence)
        before, after = (rate[:, None, None, None] for rate in inverse_intervals(evidence.time_s))
        forward = rotation.inverse_right_jacobian(turns)  # moves with the later frame; its transpose with the earlier
        first = forward[:-1].mT * before
        second = -forward[1:].mT * after - forward[:-1] * before
        third = forward[1:] * after
        residual = self.residual(scene, evidence)
        jacobian = torch.stack([first, second, third], dim=-2) / self.sigma(residual)[..., None, None]
        return TemporalRows(residual, jacobian, FIRST_ROTATION + np.arange(N_ROTATIONS))

    def sigma(self, like: Tensor) -> Float[Tensor, "16 1"]:
        sigma = like.new_full((N_ROTATIONS, 1), self.sigma_joint_rad_s2)
        sigma[0] = self.sigma_global_rad_s2
        return sigma


@dataclass(frozen=True)
class TrajectorySmoothness:
    """Acceleration of the wrist relative to its distance, per s^2: across the line of sight, and in log depth.

    Defaults as for `PoseSmoothness`, from the same clips.
    """

    sigma_lateral_per_s2: Positive = 2.0
    sigma_depth_per_s2: Positive = 1.5
    robust_width: Positive | None = 3.0

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch triples 1 3"]:
        before, after = inverse_intervals(evidence.time_s)
        if evidence.camera_from_world is None:
            moves = scene.state.trajectory.diff(dim=-2)
            acceleration = moves[..., 1:, :] * after[..., None] - moves[..., :-1, :] * before[..., None]
        else:
            own = scene.state.trajectory[..., 1:-1, :]
            earlier, later = (each.trajectory for each in neighbours(scene, evidence.camera_from_world))
            acceleration = (later - own) * after[..., None] - (own - earlier) * before[..., None]
        return (acceleration / self.sigma(acceleration)).unsqueeze(-2)

    def rows(self, scene: Scene, evidence: Evidence) -> TemporalRows:
        residual = self.residual(scene, evidence)
        before, after = inverse_intervals(evidence.time_s)
        lags = torch.stack([before, -before - after, after], dim=-1)
        whitened = torch.diag(1.0 / self.sigma(residual))
        jacobian = lags[:, None, None, :, None] * whitened[None, None, :, None, :]
        if evidence.camera_from_world is not None:
            earlier, later = (each.jacobian for each in neighbours(scene, evidence.camera_from_world))
            seen = torch.stack([earlier, torch.eye(3).to(earlier).expand_as(earlier), later], dim=-3)
            jacobian = torch.einsum("tgild,tlde->tgile", jacobian, seen)
        return TemporalRows(residual, jacobian, np.array([TRAJECTORY]))

    def sigma(self, like: Tensor) -> Float[Tensor, "3"]:
        return like.new_tensor([self.sigma_lateral_per_s2, self.sigma_lateral_per_s2, self.sigma_depth_per_s2])


def inverse_intervals(
    time_s: Float[Tensor, "*batch frames"],
) -> tuple[Float[Tensor, "*batch triples"], Float[Tensor, "*batch triples"]]:
    """Factors (1/s^2) that turn the moves before and after a frame into its acceleration; intervals may differ."""
    interval = time_s.diff()
    first, second = interval[..., :-1], interval[..., 1:]
    mean = 0.5 * (first + second)
    return 1.0 / (first * mean), 1.0 / (second * mean)
