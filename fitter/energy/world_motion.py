"""How a hand moves in the world while the camera moves, too: turns and places of frames next to each other, the
camera's own share taken out.

    turns_in_world(scene, evidence)                          # (frames - 1, 16, 3)
    earlier, later = neighbours(scene, camera_from_world)    # as the camera between them would have seen the wrist

A neighbour is seen by the camera of the frame in the middle, so that an acceleration keeps the meaning it has before a
camera at rest: across the line of sight and along it, relative to the distance.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.state import trajectory_of_wrist

# A neighbour that the camera in the middle would have had behind it (a cut, not a motion) is taken to be so near.
NEAREST_M = 0.01


@dataclass(frozen=True)
class Neighbour:
    """The wrist of the frames before or after, for every frame but the first and the last.

    trajectory  (x/z, y/z, log z) as the camera of the frame in the middle would have seen it
    jacobian    its derivative with respect to the neighbour's own trajectory
    """

    trajectory: Float[Tensor, "triples 3"]
    jacobian: Float[Tensor, "triples 3 3"]


def turns_in_world(scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch intervals 16 3"]:
    """`Scene.turns` with the global orientation's in the world: the camera's turn between the frames taken out.

    Both rotations' tangents move them as those of `Scene.turns`: a constant rotation in between changes no derivative.
    """
    if evidence.camera_from_world is None:
        return scene.turns
    camera = evidence.camera_from_world[:, :3, :3].to(scene.state.rotations)
    orientation = scene.state.rotations[:, 0]
    turned = orientation[:-1].mT @ camera[:-1] @ camera[1:].mT @ orientation[1:]
    return torch.cat([rotation.log(turned).unsqueeze(-2), scene.turns[:, 1:]], dim=-2)


def neighbours(scene: Scene, camera_from_world: Float[Tensor, "frames 4 4"]) -> tuple[Neighbour, Neighbour]:
    """The frames before and after each frame but the first and the last."""
    camera = camera_from_world.to(scene.state.trajectory)
    return _seen_by(camera[1:-1], camera[:-2], scene.state.wrist[:-2]), _seen_by(
        camera[1:-1], camera[2:], scene.state.wrist[2:]
    )


def _seen_by(
    camera: Float[Tensor, "n 4 4"], own_camera: Float[Tensor, "n 4 4"], wrist: Float[Tensor, "n 3"]
) -> Neighbour:
    """Wrists in the axes of their own cameras, as `camera` sees them."""
    turn = camera[:, :3, :3] @ own_camera[:, :3, :3].mT
    shift = camera[:, :3, 3] - (turn @ own_camera[:, :3, 3:]).squeeze(-1)
    moved = (turn @ wrist.unsqueeze(-1)).squeeze(-1) + shift
    depth = moved[:, 2:].clamp_min(NEAREST_M)
    placed = torch.cat([moved[:, :2], depth], dim=-1)
    before = (moved[:, 2] > NEAREST_M).to(depth)
    # wrist = z (u, v, 1) by (u, v, log z)
    by_trajectory = torch.diag_embed(torch.stack([wrist[:, 2], wrist[:, 2], torch.zeros_like(before)], dim=-1))
    by_trajectory[..., 2] = wrist
    zero, inverse = torch.zeros_like(before), 1.0 / depth.squeeze(-1)
    by_place = torch.stack(
        [
            torch.stack([inverse, zero, -placed[:, 0] * inverse**2 * before], dim=-1),
            torch.stack([zero, inverse, -placed[:, 1] * inverse**2 * before], dim=-1),
            torch.stack([zero, zero, inverse * before], dim=-1),
        ],
        dim=-2,
    )
    return Neighbour(trajectory_of_wrist(placed), by_place @ turn @ by_trajectory)
