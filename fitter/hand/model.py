"""A right hand as constants, then shaped, then posed, then a mesh: each step pays only for what it adds.

    shaped = model.with_shape(betas)              # once per clip
    posed = shaped.with_pose(rotations, wrist)    # per frame: 21 joints, no mesh
    vertices = posed.mesh().vertices              # only if somebody asks

Rest axes are MANO's right hand: fingers along -x, the back of the hand +y, the thumb's side +z. Every bone's frame is
parallel to the rest axes, so identity rotations are the flat hand.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.hand.capsules import Capsules, capsules_of
from fitter.hand.joint_axes import anatomical_axes
from fitter.hand.skinning import Carriers, carriers_of
from fitter.skeleton import CHAINS, POINT_OF_ROTATION, POINT_PARENTS, ROTATION_OF_POINT

MIDDLE_FINGER = (0, 9, 10, 11, 12)


@dataclass(frozen=True)
class Landmarks:
    """Where a source sees its 21 points: rest positions, linear in shape, each rigid with its rotation's bone."""

    template: Float[Tensor, "21 3"]
    shape_basis: Float[Tensor, "21 3 betas"]

    def with_shape(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch 21 3"]:
        return self.template + torch.einsum("pcs,...s->...pc", self.shape_basis, betas)

    def to(self, device: torch.device | str) -> "Landmarks":
        return Landmarks(self.template.to(device), self.shape_basis.to(device))


@dataclass(frozen=True)
class HandModel:
    """Constants of a parametric right hand in MANO's schema; metres.

    `joints` and `joints_shape_basis` hold 16 joints and 5 tips in point order; tips move rigidly with the last bones.
    `shape_basis` columns are standard deviations: betas are unit-free and N(0, 1) a priori.
    UVs have their own index per face corner (`uv_faces`), v pointing up.
    """

    name: str
    template: Float[Tensor, "vertices 3"]
    shape_basis: Float[Tensor, "vertices 3 betas"]
    joints: Float[Tensor, "21 3"]
    joints_shape_basis: Float[Tensor, "21 3 betas"]
    pose_basis: Float[Tensor, "vertices 3 135"] | None
    skinning: Float[Tensor, "vertices 16"]
    faces: Int[Tensor, "faces 3"]
    uv: Float[Tensor, "corners 2"]
    uv_faces: Int[Tensor, "faces 3"]

    @property
    def n_betas(self) -> int:
        return self.shape_basis.shape[-1]

    @property
    def landmarks(self) -> Landmarks:
        """The model's own joints and tips as landmarks."""
        return Landmarks(self.joints, self.joints_shape_basis)

    @cached_property
    def joint_axes(self) -> Float[Tensor, "15 3 3"]:
        """Columns are each finger joint's twist, spread and flexion axis, see `fitter.hand.joint_axes`."""
        return anatomical_axes(self.joints)

    @cached_property
    def carriers(self) -> Carriers:
        """`skinning` without its zeros, for compiled kernels."""
        return carriers_of(self.skinning)

    @cached_property
    def capsules(self) -> Capsules:
        """The hand's volume by a few capsules, see `fitter.hand.capsules`."""
        return capsules_of(self)

    def with_shape(self, betas: Float[Tensor, "*batch betas"]) -> "ShapedHand":
        joints = self.joints + torch.einsum("pcs,...s->...pc", self.joints_shape_basis, betas)
        return ShapedHand(self, betas, joints)

    def hand_length(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch"]:
        """Wrist to middle fingertip along the bones, metres: what a ruler measures on the flat hand."""
        chain = self.with_shape(betas).joints[..., MIDDLE_FINGER, :]
        return (chain[..., 1:, :] - chain[..., :-1, :]).norm(dim=-1).sum(-1)

    def hand_length_deviation(self) -> Float[Tensor, ""]:
        """One standard deviation of the hand length over betas ~ N(0, 1), metres, to first order."""
        chain, basis = self.joints[MIDDLE_FINGER, :], self.joints_shape_basis[MIDDLE_FINGER, :]
        bones = chain[1:] - chain[:-1]
        along = bones / bones.norm(dim=-1, keepdim=True)
        return torch.einsum("bc,bcs->s", along, basis[1:] - basis[:-1]).norm()

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "HandModel":
        def moved(value: Tensor) -> Tensor:
            return value.to(device=device, dtype=dtype if value.is_floating_point() else None)

        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: moved(value) for name, value in tensors.items() if isinstance(value, Tensor)})


@dataclass(frozen=True)
class ShapedHand:
    """A hand of one person at rest: `joints` (*batch, 21, 3) metres in the model's rest frame."""

    model: HandModel
    betas: Float[Tensor, "*batch betas"]
    joints: Float[Tensor, "*batch 21 3"]

    @cached_property
    def vertices(self) -> Float[Tensor, "*batch vertices 3"]:
        return self.model.template + torch.einsum("vcs,...s->...vc", self.model.shape_basis, self.betas)

    def with_pose(
        self, rotations: Float[Tensor, "*batch frames 16 3 3"], wrist: Float[Tensor, "*batch frames 3"]
    ) -> "PosedHand":
        """Pose by `rotations` (relative to the parent bone, MANO order) with the wrist joint at `wrist` (metres)."""
        rest = self.joints.unsqueeze(-3)
        bone_rotations = compose_chains(rotations)
        joints = place_joints(bone_rotations, rest, wrist)
        return PosedHand(self, rotations, bone_rotations, joints)


@dataclass(frozen=True)
class PosedHand:
    """A posed hand: `joints` in metres; `bone_rotations` take the rest axes to the camera's."""

    shaped: ShapedHand
    rotations: Float[Tensor, "*batch frames 16 3 3"]
    bone_rotations: Float[Tensor, "*batch frames 16 3 3"]
    joints: Float[Tensor, "*batch frames 21 3"]

    def attached(self, rest_points: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch frames 21 3"]:
        """Where 21 points given at rest, each rigid with its rotation's bone, are now (metres)."""
        rest = self.shaped.joints[..., POINT_OF_ROTATION, :][..., ROTATION_OF_POINT, :]
        offset = (rest_points - rest).unsqueeze(-3)
        joint = self.joints[..., POINT_OF_ROTATION, :][..., ROTATION_OF_POINT, :]
        return joint + torch.einsum("...pij,...pj->...pi", self.bone_rotations[..., ROTATION_OF_POINT, :, :], offset)

    @cached_property
    def rest_vertices(self) -> Float[Tensor, "*batch frames vertices 3"]:
        """The vertices before skinning, in the model's rest frame; pose correctives added where the model has them.

        One frame stands for all where it has none.
        """
        rest, basis = self.shaped.vertices.unsqueeze(-3), self.shaped.model.pose_basis
        if basis is None:
            return rest
        identity = torch.eye(3, dtype=rest.dtype, device=rest.device)
        feature = (self.rotations[..., 1:, :, :] - identity).flatten(-3)
        return rest + torch.einsum("vcp,...p->...vc", basis, feature)

    def mesh(self) -> "Mesh":
        """Linear blend skinning with pose correctives where the model has them (MANO, Romero et al. 2017, eq. 1-3)."""
        model, rest = self.shaped.model, self.rest_vertices
        rest_joints = self.shaped.joints[..., POINT_OF_ROTATION, :].unsqueeze(-3)
        posed_joints = self.joints[..., POINT_OF_ROTATION, :]
        shift = posed_joints - torch.einsum("...rij,...rj->...ri", self.bone_rotations, rest_joints)
        blended = torch.einsum("vr,...rij->...vij", model.skinning, self.bone_rotations)
        vertices = torch.einsum("...vij,...vj->...vi", blended, rest)
        return Mesh(vertices + torch.einsum("vr,...ri->...vi", model.skinning, shift), model.faces)


@dataclass(frozen=True)
class Mesh:
    """Vertices (*batch, frames, V, 3) metres, camera axes, and right-hand wound faces (F, 3)."""

    vertices: Float[Tensor, "*batch frames vertices 3"]
    faces: Int[Tensor, "faces 3"]


def compose_chains(rotations: Float[Tensor, "*any 16 3 3"]) -> Float[Tensor, "*any 16 3 3"]:
    """Rotations relative to the parent -> rotations relative to the camera, down the five finger chains at once."""
    globally = rotations[..., :1, :, :]
    links = []
    for level in range(3):
        globally = globally @ rotations[..., CHAINS[:, level], :, :]
        links.append(globally)
    fingers = torch.stack(links, dim=-3)  # (..., 5 fingers, 3 links, 3, 3)
    return torch.cat([rotations[..., :1, :, :], fingers.flatten(-4, -3)], dim=-3)


def place_joints(
    bone_rotations: Float[Tensor, "*any 16 3 3"], rest: Float[Tensor, "*some 21 3"], wrist: Float[Tensor, "*any 3"]
) -> Float[Tensor, "*any 21 3"]:
    """Forward kinematics: every bone vector turned by the rotation at its near end, summed from the wrist out."""
    near_rotation = ROTATION_OF_POINT[POINT_PARENTS[1:]]
    bones = rest[..., 1:, :] - rest[..., POINT_PARENTS[1:], :]
    turned = torch.einsum("...bij,...bj->...bi", bone_rotations[..., near_rotation, :, :], bones)
    fingers = turned.unflatten(-2, (5, 4)).cumsum(dim=-2).flatten(-3, -2)
    return torch.cat([wrist.unsqueeze(-2), wrist.unsqueeze(-2) + fingers], dim=-2)
