"""The Gauss-Newton normal equations of a whole clip: a block band per frame, a border for what the clip shares.

    | A   B | |frames|     |frames|      A: 51 x 51 blocks per frame; neighbours couple 3 x 3 (the same rotation or the
    | B'  C | |shared| = - |shared|         trajectory, one and two frames apart)

This file holds the arrays and their assembly in torch, for any device; `assembly` holds the same in numba for the CPU.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import (
    FIRST_ROTATION,
    DenseRows,
    FrameRows,
    Rows,
    SharedRows,
    SurfaceRows,
    TemporalRows,
    robust_weight,
)
from fitter.rotation import skew
from fitter.scene import Scene
from fitter.skeleton import POINT_OF_ROTATION, POINT_PARENTS, ROTATION_OF_POINT, ROTATION_PARENTS
from fitter.state import FRAME_UNKNOWNS, N_ROTATIONS, Step

N_COUPLED = N_ROTATIONS + 1  # the 3-vectors of a frame that couple to the next frames' own


def carries(joint: int, bone: int) -> bool:
    while bone > joint:  # parents have smaller numbers than their children
        bone = int(ROTATION_PARENTS[bone])
    return bone == joint


# Which rotations carry which bones (16, 16): a rotation turns its own bone and those further out.
BEYOND = np.stack([[carries(joint, bone) for bone in range(N_ROTATIONS)] for joint in range(N_ROTATIONS)])


@dataclass(frozen=True)
class NormalEquations:
    """J'J and J'r. `first` and `second` couple a frame to the next and the one after, the same 3-vector only.

    A frame has 51 unknowns, 17 3-vectors; of two hands in one problem, twice as many.
    """

    diagonal: Float[Tensor, "frames unknowns unknowns"]
    first: Float[Tensor, "frames coupled 3 3"]
    second: Float[Tensor, "frames coupled 3 3"]
    border: Float[Tensor, "frames unknowns shared"]
    corner: Float[Tensor, "shared shared"]
    gradient: Step

    @staticmethod
    def zeros(like: Tensor, n_frames: int, n_shared: int) -> "NormalEquations":
        """`first[t]` and `second[t]` start at frame t; the last ones stay 0."""
        return NormalEquations(
            like.new_zeros(n_frames, FRAME_UNKNOWNS, FRAME_UNKNOWNS),
            like.new_zeros(n_frames, N_COUPLED, 3, 3),
            like.new_zeros(n_frames, N_COUPLED, 3, 3),
            like.new_zeros(n_frames, FRAME_UNKNOWNS, n_shared),
            like.new_zeros(n_shared, n_shared),
            Step(like.new_zeros(n_frames, FRAME_UNKNOWNS), like.new_zeros(n_shared)),
        )

    def to(self, device: torch.device | str) -> "NormalEquations":
        return NormalEquations(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def feature_jacobian(scene: Scene) -> Float[Tensor, "frames 38 3 unknowns"]:
    """How every 3-vector of a frame (points, rotations, trajectory) moves with its 51 unknowns and the shared ones.

    A rotation R exp(delta) at joint c moves a point p on its side by -[p - c]x R delta; shape moves it by the turned
    sum of the bones' derivatives; the trajectory (a, b, log z) by z (da + a dl), z (db + b dl), z dl.
    """
    posed, state = scene.posed, scene.state
    n_frames, n_unknowns = state.n_frames, FRAME_UNKNOWNS + state.n_shared
    jacobian = state.trajectory.new_zeros(n_frames, 38, 3, n_unknowns)
    centres = posed.joints[:, POINT_OF_ROTATION]
    for point in range(21):
        joint = int(ROTATION_OF_POINT[point])
        while joint >= 0:
            arm = skew(scene.points[:, point] - centres[:, joint])
            jacobian[:, point, :, 3 * joint : 3 * joint + 3] = -arm @ posed.bone_rotations[:, joint]
            joint = int(ROTATION_PARENTS[joint])
    jacobian[:, :21, :, 48:51] = trajectory_jacobian(scene).unsqueeze(1)
    jacobian[:, :21, :, 51:-1] = shape_jacobian(scene)
    identity = torch.eye(FRAME_UNKNOWNS, dtype=jacobian.dtype, device=jacobian.device)
    jacobian[:, FIRST_ROTATION:, :, :FRAME_UNKNOWNS] = identity.unflatten(0, (N_COUPLED, 3))
    return jacobian


def trajectory_jacobian(scene: Scene) -> Float[Tensor, "frames 3 3"]:
    """Derivative of the wrist's position with respect to (x/z, y/z, log z)."""
    wrist = scene.state.wrist
    z, zero = wrist[:, 2], torch.zeros_like(wrist[:, 2])
    rows = [z, zero, wrist[:, 0], zero, z, wrist[:, 1], zero, zero, z]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def shape_jacobian(scene: Scene) -> Float[Tensor, "frames 21 3 betas"]:
    """Derivative of the landmarks with respect to the betas."""
    basis, turns = scene.model.joints_shape_basis, scene.posed.bone_rotations
    own = POINT_OF_ROTATION[ROTATION_OF_POINT]
    offsets = torch.einsum("tpij,pjs->tpis", turns[:, ROTATION_OF_POINT], scene.landmarks.shape_basis - basis[own])
    return joints_shape_jacobian(scene)[:, own] + offsets


def joints_shape_jacobian(scene: Scene) -> Float[Tensor, "frames 21 3 betas"]:
    """Derivative of the model's joints and tips with respect to the betas: the turned sum of the bones' derivatives."""
    basis, turns = scene.model.joints_shape_basis, scene.posed.bone_rotations
    near = ROTATION_OF_POINT[POINT_PARENTS[1:]]
    bones = torch.einsum("tbij,bjs->tbis", turns[:, near], basis[1:] - basis[POINT_PARENTS[1:]])
    return torch.cat([torch.zeros_like(bones[:, :1]), bones.unflatten(1, (5, 4)).cumsum(2).flatten(1, 2)], dim=1)


def assemble(rows: list[tuple[Rows, float | None]], scene: Scene) -> NormalEquations:
    """Sum the rows of all terms, each with its robust width, into the normal equations (torch, any device)."""
    state = scene.state
    total = NormalEquations.zeros(state.trajectory, state.n_frames, state.n_shared)
    features = feature_jacobian(scene)
    for each, width in rows:
        if isinstance(each, SurfaceRows):
            add_surface(total, each, scene)
            continue
        weight = robust_weight(each.residual.square().sum(-1), width)
        match each:
            case FrameRows():
                add_dense(total, dense_of_features(each, features), weight)
            case DenseRows():
                add_dense(total, each, weight)
            case TemporalRows():
                add_temporal(total, each, weight)
            case SharedRows():
                add_shared(total, each, weight)
    return total


def dense_of_features(rows: FrameRows, features: Float[Tensor, "frames 38 3 unknowns"]) -> DenseRows:
    """Chain a term's derivative by feature with the features' derivative by the unknowns."""
    jacobian = torch.einsum("tgdkc,tgkcu->tgdu", rows.jacobian, features[:, rows.features])
    if rows.focal is not None:
        jacobian[..., -1] += rows.focal
    return DenseRows(rows.residual, jacobian[..., :FRAME_UNKNOWNS], jacobian[..., FRAME_UNKNOWNS:])


def add_dense(total: NormalEquations, rows: DenseRows, weight: Float[Tensor, "frames groups"]) -> None:
    root = weight.sqrt()[..., None]
    residual = (rows.residual * root).flatten(1, 2)
    frames = (rows.frames * root.unsqueeze(-1)).flatten(1, 2)
    shared = (rows.shared * root.unsqueeze(-1)).flatten(1, 2)
    total.diagonal.add_(frames.mT @ frames)
    total.border.add_(frames.mT @ shared)
    total.corner.add_(torch.einsum("tru,trv->uv", shared, shared))
    total.gradient.frames.add_(torch.einsum("tru,tr->tu", frames, residual))
    total.gradient.shared.add_(torch.einsum("tru,tr->u", shared, residual))


def add_temporal(total: NormalEquations, rows: TemporalRows, weight: Float[Tensor, "triples groups"]) -> None:
    n_triples = len(rows.residual)
    coupled = torch.as_tensor(rows.features - FIRST_ROTATION, device=weight.device)
    columns = 3 * coupled[:, None] + torch.arange(3, device=weight.device)
    lag = rows.jacobian.unbind(dim=-2)
    weighted = [each * weight[..., None, None] for each in lag]
    for i in range(3):
        frames = slice(i, n_triples + i)
        gradient = torch.einsum("tgdc,tgd->tgc", weighted[i], rows.residual)
        total.gradient.frames[frames, columns] += gradient
        total.diagonal[frames, columns[:, :, None], columns[:, None, :]] += weighted[i].mT @ lag[i]
    total.first[:n_triples, coupled] += weighted[0].mT @ lag[1]
    total.first[1 : n_triples + 1, coupled] += weighted[1].mT @ lag[2]
    total.second[:n_triples, coupled] += weighted[0].mT @ lag[2]


def add_shared(total: NormalEquations, rows: SharedRows, weight: Float[Tensor, "1 groups"]) -> None:
    weighted = rows.jacobian * weight[0, :, None]
    total.corner.add_(weighted.mT @ rows.jacobian)
    total.gradient.shared.add_(weighted.mT @ rows.residual[0, :, 0])


def add_surface(total: NormalEquations, rows: SurfaceRows, scene: Scene) -> None:
    jacobian = vertex_jacobian(scene)
    xx, xy, xz, yy, yz, zz = rows.information.to(jacobian).unbind(-1)
    information = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], dim=-1).unflatten(-1, (3, 3))
    moved = (information @ jacobian).flatten(1, 2)
    jacobian = jacobian.flatten(1, 2)
    hessian = jacobian.mT @ moved
    gradient = torch.einsum("tru,tr->tu", jacobian, rows.gradient.to(jacobian).flatten(1, 2))
    total.diagonal.add_(hessian[:, :FRAME_UNKNOWNS, :FRAME_UNKNOWNS])
    total.border.add_(hessian[:, :FRAME_UNKNOWNS, FRAME_UNKNOWNS:])
    total.corner.add_(hessian[:, FRAME_UNKNOWNS:, FRAME_UNKNOWNS:].sum(0))
    total.gradient.frames.add_(gradient[:, :FRAME_UNKNOWNS])
    total.gradient.shared.add_(gradient[:, FRAME_UNKNOWNS:].sum(0))


def vertex_jacobian(scene: Scene) -> Float[Tensor, "frames vertices 3 unknowns"]:
    """How every vertex moves with its frame's 51 unknowns and the shared ones, skinning weights and all.

    With X_b a vertex as bone b alone would carry it, the joint j moves it by -[sum over the bones b beyond j of
    w_b (X_b - c_j)]x R_j delta. Shape, and where the model has them pose correctives, move the vertex at rest.
    """
    model, posed, state = scene.model, scene.posed, scene.state
    turns, weights = posed.bone_rotations, model.skinning
    rest_centres, centres = posed.shaped.joints[POINT_OF_ROTATION], posed.joints[:, POINT_OF_ROTATION]
    offsets = posed.rest_vertices.unsqueeze(-2) - rest_centres
    carried = torch.einsum("tbij,tvbj->tvbi", turns, offsets.expand(state.n_frames, -1, -1, -1))
    carried = weights.unsqueeze(-1) * (carried + centres.unsqueeze(1))
    beyond = torch.from_numpy(BEYOND).to(weights)
    arm = torch.einsum("jb,tvbi->tvji", beyond, carried)
    arm = arm - (weights @ beyond.T).unsqueeze(-1) * centres.unsqueeze(1)
    turned = -skew(arm) @ turns.unsqueeze(1)  # frames, vertices, 16, 3, 3
    if model.pose_basis is not None:
        blended = torch.einsum("vb,tbij->tvij", weights, turns)
        turned[:, :, 1:] += torch.einsum("tvij,tvrjk->tvrik", blended, corrective_jacobian(scene, model.pose_basis))
    slopes = model.shape_basis.unsqueeze(1) - model.joints_shape_basis[POINT_OF_ROTATION]
    shape = torch.einsum("vb,tbij,vbjs->tvis", weights, turns, slopes)
    shape = shape + torch.einsum("vb,tbis->tvis", weights, joints_shape_jacobian(scene)[:, POINT_OF_ROTATION])
    trajectory = trajectory_jacobian(scene).unsqueeze(1).expand(-1, turned.shape[1], -1, -1)
    focal = torch.zeros_like(shape[..., :1])
    return torch.cat([turned.transpose(2, 3).flatten(3), trajectory, shape, focal], dim=-1)


def corrective_jacobian(
    scene: Scene, pose_basis: Float[Tensor, "vertices 3 135"]
) -> Float[Tensor, "frames vertices 15 3 3"]:
    """Derivative of the vertices at rest with respect to each finger joint's turn, by MANO's pose correctives.

    They are linear in the rotations' numbers, and R exp(delta) is R + R [delta]x to first order.
    """
    axes = skew(torch.eye(3, dtype=pose_basis.dtype, device=pose_basis.device))
    spins = torch.einsum("trij,kjl->trilk", scene.posed.rotations[:, 1:], axes).flatten(2, 3)
    return torch.einsum("vcrf,trfk->tvrck", pose_basis.unflatten(-1, (15, 9)), spins)
