"""Everything that is estimated for one hand in one clip, and the step that moves it.

Each field says its manifold and whether it is shared by the clip or per frame. A step lives in the tangent space: 51
numbers per frame (16 rotation vectors, then the trajectory) and one vector for what the clip shares (betas, then the
focal length).

    state = state.retract(Step(frames, shared))
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter import rotation

N_ROTATIONS = 16
FRAME_UNKNOWNS = 3 * N_ROTATIONS + 3


@dataclass(frozen=True)
class Step:
    """A tangent vector at a state: `frames` (*batch, frames, 51), `shared` (*batch, betas + 1); of two hands more."""

    frames: Float[Tensor, "*batch frames unknowns"]
    shared: Float[Tensor, "*batch shared"]

    def __mul__(self, factor: float) -> "Step":
        return Step(self.frames * factor, self.shared * factor)

    def to(self, device: torch.device | str) -> "Step":
        return Step(self.frames.to(device), self.shared.to(device))


@dataclass(frozen=True)
class State:
    """One right hand over a clip.

    rotations   SO(3), per frame: global orientation and 15 joints relative to their parents, MANO order
    trajectory  R^3, per frame: the wrist as (x/z, y/z, log z), metres: image position and depth move independently
    betas       R^B, shared: shape in standard deviations
    log_focal   R, shared: log of the focal length over the camera's given or assumed one
    """

    rotations: Float[Tensor, "*batch frames 16 3 3"]
    trajectory: Float[Tensor, "*batch frames 3"]
    betas: Float[Tensor, "*batch betas"]
    log_focal: Float[Tensor, "*batch"]

    @property
    def n_frames(self) -> int:
        return self.trajectory.shape[-2]

    @property
    def n_shared(self) -> int:
        return self.betas.shape[-1] + 1

    @property
    def device(self) -> torch.device:
        return self.trajectory.device

    @property
    def wrist(self) -> Float[Tensor, "*batch frames 3"]:
        """Position of the wrist joint, metres, camera axes."""
        return wrist_of_trajectory(self.trajectory)

    def at(self, frames: "slice | Int[Tensor, 'chosen']") -> "State":
        """Some of the frames, in memory of their own."""
        return replace(
            self,
            rotations=self.rotations[..., frames, :, :, :].clone(),
            trajectory=self.trajectory[..., frames, :].clone(),
        )

    def retract(self, step: Step) -> "State":
        """Move along a tangent vector; rotations stay rotations."""
        turns = step.frames[..., : 3 * N_ROTATIONS].unflatten(-1, (N_ROTATIONS, 3))
        return State(
            rotations=self.rotations @ rotation.exp(turns),
            trajectory=self.trajectory + step.frames[..., 3 * N_ROTATIONS :],
            betas=self.betas + step.shared[..., :-1],
            log_focal=self.log_focal + step.shared[..., -1],
        )

    def zero_step(self) -> Step:
        batch = self.trajectory.shape[:-1]
        frames = self.trajectory.new_zeros(*batch, FRAME_UNKNOWNS)
        return Step(frames, self.trajectory.new_zeros(*batch[:-1], self.n_shared))

    def orthonormalised(self) -> "State":
        """The same state with rounding errors of many retractions removed (nearest rotation by SVD)."""
        u, _, vh = torch.linalg.svd(self.rotations)
        return replace(self, rotations=u @ vh)

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "State":
        """The same elsewhere; itself where nothing changes."""
        moved = State(
            rotations=self.rotations.to(device=device, dtype=dtype),
            trajectory=self.trajectory.to(device=device, dtype=dtype),
            betas=self.betas.to(device=device, dtype=dtype),
            log_focal=self.log_focal.to(device=device, dtype=dtype),
        )
        same = all(getattr(moved, each.name) is getattr(self, each.name) for each in fields(self))
        return self if same else moved


def wrist_of_trajectory(trajectory: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """(x/z, y/z, log z) -> (x, y, z), metres."""
    z = trajectory[..., 2:].exp()
    return torch.cat([trajectory[..., :2] * z, z], dim=-1)


def trajectory_of_wrist(wrist: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """(x, y, z), z > 0, metres -> (x/z, y/z, log z)."""
    z = wrist[..., 2:]
    return torch.cat([wrist[..., :2] / z, z.log()], dim=-1)


def at_focal(state: State, log_focal: Float[Tensor, ""]) -> State:
    """The state moved along the line of sight so that another focal length shows the wrist, as large, in its place."""
    change = log_focal - state.log_focal
    x_and_y, log_z = state.trajectory[:, :2] * (-change).exp(), state.trajectory[:, 2:] + change
    return replace(state, trajectory=torch.cat([x_and_y, log_z], dim=1), log_focal=log_focal)
