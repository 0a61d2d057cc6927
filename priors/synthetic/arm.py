"""The forearm that a hand comes with: a tube of skin from inside the wrist, then a sleeve, out of the picture.

    arm = Arm.random(rng, shaped)
    vertices = arm.posed(bone_rotation_camera_wrist, wrist)      # (frames, V, 3)

A hand model ends at the wrist, in a cut that neither people nor detectors have ever seen.
"""

import math
from dataclasses import dataclass

import numpy as np
import roma
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from fitter.hand import ShapedHand

AROUND = 24
INSIDE_M = 0.016  # the tube starts inside the hand, whose own end closes around it
END_M = 0.012  # the hand's cut is oblique: its section is that of the last vertices up to here
BEND_M = 0.07  # the wrist bends over this length
LENGTH_M = 0.40  # longer than any picture shows
# A wrist bends about this far to any side before the forearm has to follow (flexion 70, extension 60 are its limits).
STIFFEST_DEG = 50.0
SLEEVE_STARTS_M = (0.035, 0.11)
STAND_OFF_M = 0.004  # of the sleeve from the arm
# Distance from the hand's end (metres) -> size relative to the wrist's section; forearms thicken towards the elbow.
GROWTH = ((-INSIDE_M, 0.93), (0.0, 1.0), (0.03, 1.0), (0.08, 1.08), (0.16, 1.32), (LENGTH_M, 1.6))
CLOTHS = np.array([[0.07, 0.09, 0.16], [0.35, 0.36, 0.38], [0.30, 0.06, 0.07], [0.05, 0.14, 0.09], [0.60, 0.58, 0.54]])


@dataclass(frozen=True)
class Arm:
    """A forearm at rest in the hand's rest axes, straight along +x; metres.

    `sections` are rings around the arm's line, `distance` how far each is behind the hand's end (the first ones lie
    inside the hand); rings from `sleeve` on are cloth of linear colour `cloth`. `start` is the middle of the hand's
    end, relative to the wrist joint. `elbow` is the direction in camera axes in which the elbow lies.
    """

    sections: Float[Tensor, "rings around 3"]
    distance: Float[Tensor, "rings"]
    sleeve: int
    cloth: Float[np.ndarray, "3"]
    start: Float[Tensor, "3"]
    elbow: Float[Tensor, "3"]

    @staticmethod
    def random(rng: np.random.Generator, shaped: ShapedHand) -> "Arm":
        """An arm that fits one hand: `shaped` without batch axes."""
        rest = shaped.vertices.double()
        end = rest[rest[:, 0] > rest[:, 0].max() - END_M]
        start, half = 0.5 * (end.amax(0) + end.amin(0)), 0.5 * (end.amax(0) - end.amin(0))
        start[0] = rest[:, 0].max()
        sleeve_m = rng.uniform(*SLEEVE_STARTS_M)
        bare, covered = np.linspace(-INSIDE_M, sleeve_m + 0.01, 10), np.linspace(sleeve_m, LENGTH_M, 24)
        distance = np.concatenate([bare, covered])
        size = torch.from_numpy(np.interp(distance, *np.array(GROWTH).T))[:, None]
        cloth = torch.arange(len(distance))[:, None] >= len(bare)
        folds = 1.0 + 0.02 * torch.sin(torch.from_numpy(distance * rng.uniform(120.0, 200.0)))[:, None] * cloth
        angle = torch.arange(AROUND, dtype=torch.float64) * (2.0 * math.pi / AROUND)
        thick, wide = angle.cos(), angle.sin()
        sections = torch.zeros(len(distance), AROUND, 3, dtype=torch.float64)
        # Flat at the wrist, rounder towards the elbow.
        sections[..., 1] = thick * (half[1] * size.clamp_min(0.9) ** 1.5 * folds + STAND_OFF_M * cloth)
        sections[..., 2] = wide * (half[2] * size * folds + STAND_OFF_M * cloth)
        elbow = torch.tensor([rng.normal(0.0, 0.25), 1.0, rng.normal(0.1, 0.2)], dtype=torch.float64)
        return Arm(
            sections=sections,
            distance=torch.from_numpy(distance),
            sleeve=len(bare),
            cloth=np.clip(CLOTHS[rng.integers(len(CLOTHS))] * rng.uniform(0.7, 1.3, 3), 0.02, 0.8),
            start=start - shaped.joints[0].double(),
            elbow=torch.nn.functional.normalize(elbow, dim=0),
        )

    @property
    def faces(self) -> Int32[Tensor, "faces 3"]:
        """Outward triangles between neighbouring rings; the step from skin to sleeve is left open."""
        rings = [ring for ring in range(len(self.distance) - 1) if ring != self.sleeve - 1]
        corners = torch.arange(AROUND)
        following = (corners + 1) % AROUND
        faces = []
        for ring in rings:
            near, far = ring * AROUND, (ring + 1) * AROUND
            faces += [torch.stack([near + corners, near + following, far + corners], 1)]
            faces += [torch.stack([near + following, far + following, far + corners], 1)]
        return torch.cat(faces).int()

    def posed(
        self, rotation: Float[Tensor, "frames 3 3"], wrist: Float[Tensor, "frames 3"]
    ) -> Float[Tensor, "frames vertices 3"]:
        """The arm in camera axes: it leaves the hand straight and bends towards the elbow as far as a wrist can."""
        bend = self.bend(rotation[..., 0])
        turn = roma.rotvec_to_rotmat(bend[:, None] * eased(self.distance / BEND_M)[:, None]) @ rotation[:, None]
        line = self.centre_line(rotation[..., 0], bend) + (wrist + rotation @ self.start)[:, None]
        return (line[:, :, None] + torch.einsum("frij,raj->frai", turn, self.sections)).flatten(1, 2)

    def bend(self, backwards: Float[Tensor, "frames 3"]) -> Float[Tensor, "frames 3"]:
        """Rotation vector, camera axes, from the hand's backward direction to the forearm's."""
        axis = torch.linalg.cross(backwards, self.elbow.expand_as(backwards))
        angle = torch.atan2(axis.norm(dim=-1), backwards @ self.elbow).clamp(max=math.radians(STIFFEST_DEG))
        return torch.nn.functional.normalize(axis, dim=-1) * angle[:, None]

    def centre_line(
        self, backwards: Float[Tensor, "frames 3"], bend: Float[Tensor, "frames 3"]
    ) -> Float[Tensor, "frames rings 3"]:
        """The middle of every ring relative to the hand's end: the turning direction, summed over the distance."""
        grid = torch.linspace(-INSIDE_M, LENGTH_M, 100, dtype=torch.float64)
        step = float(grid[1] - grid[0])
        turned = roma.rotvec_to_rotmat(bend[:, None] * eased((grid + 0.5 * step) / BEND_M)[:, None])
        line = (turned @ backwards[:, None, :, None]).squeeze(-1).cumsum(1) * step  # at grid + step
        line = torch.cat([torch.zeros_like(line[:, :1]), line], dim=1) - INSIDE_M * backwards[:, None]
        place = (self.distance + INSIDE_M) / step
        low = place.long().clamp(max=len(grid) - 1)
        return torch.lerp(line[:, low], line[:, low + 1], (place - low)[:, None])


def eased(share: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """0 below 0, 1 above 1, smooth between."""
    share = share.clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
