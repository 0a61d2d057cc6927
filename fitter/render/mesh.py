"""The posed mesh and its normals in numba, for the frames of a whole clip on the CPU.

    vertices = mesh_vertices(scene.posed)          # the same numbers as scene.posed.mesh().vertices
    normals = mesh_normals(vertices, faces)        # the same numbers as shading.vertex_normals(vertices, faces)

Where somebody asks for a derivative, on other devices and in other types than float64 these ARE those torch functions.
"""

from typing import no_type_check

import numpy as np
import torch
import torch.autograd.forward_ad as forward
from jaxtyping import Float, Int
from numba import njit
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from fitter.hand import PosedHand
from fitter.render.shading import vertex_normals
from fitter.render.workers import over_frames
from fitter.skeleton import POINT_OF_ROTATION


def mesh_vertices(posed: PosedHand) -> Float[Tensor, "*batch frames vertices 3"]:
    """Linear blend skinning; metres, camera axes."""
    rest, turns, joints = posed.rest_vertices, posed.bone_rotations, posed.joints[..., POINT_OF_ROTATION, :]
    rest_joints = posed.shaped.joints[..., POINT_OF_ROTATION, :]
    if joints.dim() != 3 or rest.dim() != 3 or not are_plain(rest, turns, joints, rest_joints):
        return posed.mesh().vertices
    carriers = posed.shaped.model.carriers
    vertices = np.empty((len(joints), rest.shape[-2], 3))
    at_rest, bones = plain(rest), (plain(turns), plain(joints), plain(rest_joints))
    skin = (carriers.first, carriers.rotations, carriers.shares)

    def carry(frames: slice) -> None:
        own = at_rest[frames] if len(at_rest) > 1 else at_rest
        carry_vertices(own, (bones[0][frames], bones[1][frames], bones[2]), skin, vertices[frames])

    over_frames(carry, len(vertices))
    return torch.from_numpy(vertices)


def mesh_normals(
    vertices: Float[Tensor, "*batch frames vertices 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "*batch frames vertices 3"]:
    """Unit normals, the mean of the adjacent faces' weighted by area; 0 for a vertex without a face of any area."""
    if vertices.dim() != 3 or not are_plain(vertices):
        return vertex_normals(vertices, faces)
    corners, triangles = plain(vertices), faces.cpu().numpy().astype(np.int64)
    normals = np.zeros_like(corners)
    over_frames(lambda frames: add_face_normals(corners[frames], triangles, normals[frames]), len(corners))
    return torch.from_numpy(normals)


def are_plain(*tensors: Tensor) -> bool:
    """Whether kernels may read the tensors: float64 in the CPU's memory, and no derivative follows them.

    Neither backward (requires_grad), nor forward (dual tensors), nor inside a transform of torch.func.
    """
    for tensor in tensors:
        if is_functorch_wrapped_tensor(tensor) or tensor.requires_grad:
            return False
        if tensor.device.type != "cpu" or tensor.dtype != torch.float64:
            return False
        if forward.unpack_dual(tensor).tangent is not None:
            return False
    return True


def plain(tensor: Tensor) -> np.ndarray:
    return tensor.contiguous().numpy()


@njit(cache=True, nogil=True, fastmath={"contract"})
@no_type_check
def carry_vertices(rest, bones, skin, vertices):
    """Every vertex where its carriers' shares of turn and shift take it: (T, V, 3) of `rest` (T or 1, V, 3)."""
    turns, joints, rest_joints = bones
    first, rotations, shares = skin
    frames, count = vertices.shape[:2]
    moves = np.empty((16, 3, 4))
    for t in range(frames):
        at = t if len(rest) > 1 else 0
        for b in range(16):
            for i in range(3):
                shift = joints[t, b, i]
                for j in range(3):
                    moves[b, i, j] = turns[t, b, i, j]
                    shift -= turns[t, b, i, j] * rest_joints[b, j]
                moves[b, i, 3] = shift
        for v in range(count):
            x, y, z = rest[at, v, 0], rest[at, v, 1], rest[at, v, 2]
            u0, u1, u2 = 0.0, 0.0, 0.0
            for k in range(first[v], first[v + 1]):
                b, share = rotations[k], shares[k]
                u0 += share * (moves[b, 0, 0] * x + moves[b, 0, 1] * y + moves[b, 0, 2] * z + moves[b, 0, 3])
                u1 += share * (moves[b, 1, 0] * x + moves[b, 1, 1] * y + moves[b, 1, 2] * z + moves[b, 1, 3])
                u2 += share * (moves[b, 2, 0] * x + moves[b, 2, 1] * y + moves[b, 2, 2] * z + moves[b, 2, 3])
            vertices[t, v, 0], vertices[t, v, 1], vertices[t, v, 2] = u0, u1, u2


@njit(cache=True, nogil=True, fastmath={"contract"})
@no_type_check
def add_face_normals(vertices, faces, normals):
    """Sum the faces' normals, as long as twice their areas, at their corners (T, V, 3), then make them unit vectors."""
    for t in range(len(vertices)):
        frame, sums = vertices[t], normals[t]
        for f in range(len(faces)):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            px, py, pz = frame[b, 0] - frame[a, 0], frame[b, 1] - frame[a, 1], frame[b, 2] - frame[a, 2]
            qx, qy, qz = frame[c, 0] - frame[a, 0], frame[c, 1] - frame[a, 1], frame[c, 2] - frame[a, 2]
            nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
            for corner in (a, b, c):
                sums[corner, 0] += nx
                sums[corner, 1] += ny
                sums[corner, 2] += nz
        for v in range(len(sums)):
            length = np.sqrt(sums[v, 0] ** 2 + sums[v, 1] ** 2 + sums[v, 2] ** 2)
            if length > 0.0:
                sums[v, 0] /= length
                sums[v, 1] /= length
                sums[v, 2] /= length
