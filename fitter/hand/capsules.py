"""The hand's volume as 19 tapered capsules: one along each of the 15 phalanges, four through the palm.

A capsule is all points nearer than its radius to its axis, the radius going linearly from one end to the other. Axes
run through the middle of the flesh, not along the skeleton, which lies 2 to 5 mm nearer to the back of the fingers;
each is rigid with one rotation. Ends and radii are linear in betas, so that a Jacobian is a look-up.

    capsules = model.capsules
    ends = capsules.ends(posed)                    # (*batch, frames, 19, 2, 3) metres, where the wrist is
    radii = capsules.radii(posed.shaped.betas)     # (*batch, 19, 2) metres
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.skeleton import POINT_OF_ROTATION, ROTATION_NAMES

if TYPE_CHECKING:
    from fitter.hand.model import HandModel, PosedHand

# The rotation that carries each capsule, and the two of the 21 points along which it lies.
KNUCKLES = np.array([5, 9, 13, 17])
ROTATIONS = np.array([*range(1, 16), *([0] * len(KNUCKLES))])
NEAR = np.array([*POINT_OF_ROTATION[1:], *([0] * len(KNUCKLES))])
FAR = np.array([*(POINT_OF_ROTATION[1:] + 1), *KNUCKLES])
CAPSULE_NAMES = (*ROTATION_NAMES[1:], *(f"palm_{name}" for name in ("index", "middle", "ring", "pinky")))
N_CAPSULES = len(ROTATIONS)
# The chain of rotations (`fitter.skeleton.CHAINS`) of each capsule, -1 for the palm; and how far out it is: 0 the palm,
# 1 to 3 the bones of a finger.
CHAIN_OF_CAPSULE = np.array([*np.repeat(np.arange(5), 3), *([-1] * len(KNUCKLES))])
PLACE_OF_CAPSULE = np.array([*np.tile([1, 2, 3], 5), *([0] * len(KNUCKLES))])

# Where along a bone its two circles are fitted: a fingertip's far one before the tip narrows, the palm's near ones
# beyond the wrist, where the four would be one.
FAR_CIRCLE, TIP_CIRCLE = 1.0, 0.65
NEAR_CIRCLE, PALM_CIRCLE = 0.0, 0.25
# A vertex this far along the bone from a circle (share of the bone) has no say in it; nor, in the palm, one this far
# to the side: two metacarpals are 18 mm apart.
REACH = 0.5
SIDEWARD_REACH_M = 0.014
# Keeps the centre of a circle through an arc near the mean of its vertices: as much as this share of them says.
PRIOR_SHARE = 0.1
# A circle has three unknowns.
FEWEST_VERTICES = 3
# Step of the numerical derivative by the betas, which a capsule is all but linear in.
STEP = 1e-3


@dataclass(frozen=True)
class Capsules:
    """Ends at rest and radii (metres), `*_basis` their derivatives by the betas."""

    rest_ends: Float[Tensor, "19 2 3"]
    ends_basis: Float[Tensor, "19 2 3 betas"]
    rest_radii: Float[Tensor, "19 2"]
    radii_basis: Float[Tensor, "19 2 betas"]

    def radii(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch 19 2"]:
        """Radius at either end, metres."""
        return self.rest_radii + torch.einsum("ces,...s->...ce", self.radii_basis, betas)

    def shaped_ends(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch 19 2 3"]:
        """The ends at rest, metres, in the model's rest axes."""
        return self.rest_ends + torch.einsum("cexs,...s->...cex", self.ends_basis, betas)

    def ends(self, posed: "PosedHand") -> Float[Tensor, "*batch frames 19 2 3"]:
        """The ends of a posed hand, metres, in its own axes."""
        centres = POINT_OF_ROTATION[ROTATIONS]
        rest_centres = posed.shaped.joints[..., centres, :].unsqueeze(-2)
        offsets = (self.shaped_ends(posed.shaped.betas) - rest_centres).unsqueeze(-4)
        turned = torch.einsum("...cij,...cej->...cei", posed.bone_rotations[..., ROTATIONS, :, :], offsets)
        return posed.joints[..., centres, :].unsqueeze(-2) + turned


def capsules_of(model: "HandModel") -> Capsules:
    """Fit the capsules to the model's template by its skinning weights, and differentiate the fit by the betas.

    Over betas of one standard deviation, radii are linear to 0.1 mm (tested). Pose correctives (MANO) are left out.
    """
    flesh = [torch.from_numpy(own) for own in _flesh(model)]
    steps = STEP * torch.eye(model.n_betas, dtype=model.template.dtype, device=model.template.device)
    betas = torch.cat([torch.zeros_like(steps[:1]), steps, -steps])
    joints = model.with_shape(betas).joints
    ends, radii = [], []
    for capsule, own in enumerate(flesh):
        vertices = model.template[own] + torch.einsum("vcs,ns->nvc", model.shape_basis[own], betas)
        its_ends, its_radii = _Bone.of(model.joints, model.template[own], capsule).fit(vertices, joints)
        ends.append(its_ends)
        radii.append(its_radii)
    return Capsules(*_slope(torch.stack(ends, dim=1)), *_slope(torch.stack(radii, dim=1)))


def _slope(values: Tensor) -> tuple[Tensor, Tensor]:
    """The first of (1 + 2 betas, ...) and its derivative (..., betas), from a step either way in each."""
    ahead, behind = values[1:].chunk(2)
    return values[0], ((ahead - behind) / (2.0 * STEP)).movedim(0, -1)


def _flesh(model: "HandModel") -> list[Bool[np.ndarray, "vertices"]]:
    """The vertices that tell of each capsule.

    A bone's are those that it carries more of than any other; the thumb's metacarpal has those of the palm's that are
    nearest to it, too, since by weight its flesh is the palm's. The palm's four share the rest.
    """
    owner = np.argmax(model.skinning.detach().cpu().numpy(), axis=1)
    vertices, joints = model.template.detach().cpu().numpy(), model.joints.detach().cpu().numpy()
    thumb_metacarpal = CAPSULE_NAMES.index("thumb1")
    palm = np.flatnonzero((owner == 0) | (owner == ROTATIONS[thumb_metacarpal]))
    metacarpals = np.array([thumb_metacarpal, *np.flatnonzero(ROTATIONS == 0)])
    distances = [_distance(vertices[palm], joints[NEAR[c]], joints[FAR[c]]) for c in metacarpals]
    owner[palm] = np.where(np.argmin(distances, axis=0) == 0, ROTATIONS[thumb_metacarpal], 0)
    return [owner == rotation for rotation in ROTATIONS]


def _distance(
    points: Float[np.ndarray, "points 3"], near: Float[np.ndarray, "3"], far: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "points"]:
    """From points to the segment between two ends."""
    bone = far - near
    along = np.clip((points - near) @ bone / (bone @ bone), 0.0, 1.0)
    return np.linalg.norm(points - near - along[:, None] * bone, axis=1)


@dataclass(frozen=True)
class _Bone:
    """What the fit of one capsule takes from the template, so as to be smooth in the vertices.

    `frame`'s rows are the direction along the bone and two across, the first of them sideward; `weights` are each
    vertex's say in the circles at `places` (shares of the bone).
    """

    capsule: int
    frame: Float[Tensor, "3 3"]
    places: Float[Tensor, "2"]
    weights: Float[Tensor, "2 own"]

    @staticmethod
    def of(joints: Float[Tensor, "21 3"], vertices: Float[Tensor, "own 3"], capsule: int) -> "_Bone":
        near, bone = joints[NEAR[capsule]], joints[FAR[capsule]] - joints[NEAR[capsule]]
        is_tip, is_palm = PLACE_OF_CAPSULE[capsule] == 3, PLACE_OF_CAPSULE[capsule] == 0
        places = joints.new_tensor(
            [PALM_CIRCLE if is_palm else NEAR_CIRCLE, TIP_CIRCLE if is_tip else FAR_CIRCLE],
        )
        axis = bone / bone.norm()
        side = torch.linalg.cross(axis, axis.new_tensor([0.0, 1.0, 0.0]))
        side = side / side.norm()
        frame = torch.stack([axis, side, torch.linalg.cross(axis, side)])
        along, sideward, _ = ((vertices - near) @ frame.mT).unbind(-1)
        weights = (1.0 - (along / bone.norm() - places[:, None]).abs() / REACH).clamp_min(0.0)
        if is_palm:
            weights = weights * (1.0 - sideward.abs() / SIDEWARD_REACH_M).clamp_min(0.0)
        return _Bone(capsule, frame, places, weights)

    def fit(
        self, vertices: Float[Tensor, "*batch own 3"], joints: Float[Tensor, "*batch 21 3"]
    ) -> tuple[Float[Tensor, "*batch 2 3"], Float[Tensor, "*batch 2"]]:
        """Ends and radii: a circle across the bone near either end; the bare bone where no skin is fitted to."""
        near, far = joints[..., NEAR[self.capsule], :], joints[..., FAR[self.capsule], :]
        if int((self.weights > 0).sum(-1).min()) < FEWEST_VERTICES:
            ends = torch.stack([near, far], dim=-2)
            return ends, torch.zeros_like(ends[..., 0])
        local = (vertices - near.unsqueeze(-2)) @ self.frame.mT
        places = ((far - near) @ self.frame[0]).unsqueeze(-1) * self.places
        circles = [_circle(local[..., 1:], weight) for weight in self.weights]
        centres = torch.stack([centre for centre, _ in circles], dim=-2)
        radii = torch.stack([radius for _, radius in circles], dim=-1)
        if PLACE_OF_CAPSULE[self.capsule] == 3:  # the round end is the fingertip
            first, second = places.unbind(-1)
            tip = local[..., 0].amax(-1) - radii[..., 1]
            slope = ((tip - first) / (second - first)).unsqueeze(-1)
            places = torch.stack([first, tip], dim=-1)
            centres = torch.stack([centres[..., 0, :], torch.lerp(centres[..., 0, :], centres[..., 1, :], slope)], -2)
        return near.unsqueeze(-2) + torch.cat([places.unsqueeze(-1), centres], dim=-1) @ self.frame, radii


def _circle(
    points: Float[Tensor, "*batch points 2"], weight: Float[Tensor, "points"]
) -> tuple[Float[Tensor, "*batch 2"], Float[Tensor, "*batch"]]:
    """Centre and radius of the circle nearest to weighted points in the plane.

    The algebraic fit (Kasa 1976): |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in the centre and the bracket.
    """
    share = weight / weight.sum()
    mean = torch.einsum("p,...pc->...c", share, points)
    about = points - mean.unsqueeze(-2)
    squared = about.square().sum(-1)
    spread = torch.einsum("p,...p->...", share, squared)
    columns = 2.0 * about
    normal = torch.einsum("p,...pc,...pd->...cd", share, columns, columns)
    prior = 2.0 * PRIOR_SHARE * spread[..., None, None] * torch.eye(2, dtype=points.dtype, device=points.device)
    centre = torch.linalg.solve(normal + prior, torch.einsum("p,...pc,...p->...c", share, columns, squared))
    return mean + centre, (spread + centre.square().sum(-1)).sqrt()
