"""A right hand built of capsules in MANO's schema: small, closed, rigidly skinned; for tests without any hand files."""

import numpy as np
import torch

from fitter.hand import HandModel
from fitter.skeleton import BONES, POINT_PARENTS, ROTATION_OF_POINT

JOINTS_M = np.array(
    [
        [0.0, 0.0, 0.0],
        *([-0.022, -0.006, 0.028], [-0.048, -0.010, 0.050], [-0.076, -0.012, 0.064], [-0.100, -0.012, 0.074]),
        *([-0.088, 0.0, 0.024], [-0.128, 0.0, 0.027], [-0.152, 0.0, 0.029], [-0.174, 0.0, 0.030]),
        *([-0.090, 0.0, 0.003], [-0.135, 0.0, 0.003], [-0.163, 0.0, 0.003], [-0.186, 0.0, 0.003]),
        *([-0.085, 0.0, -0.017], [-0.125, 0.0, -0.019], [-0.151, 0.0, -0.020], [-0.174, 0.0, -0.021]),
        *([-0.076, 0.0, -0.035], [-0.108, 0.0, -0.040], [-0.127, 0.0, -0.043], [-0.147, 0.0, -0.046]),
    ]
)
AROUND, ALONG = 10, 6


def capsule(start: np.ndarray, end: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A closed capsule: vertices and outward faces."""
    axis = (end - start) / np.linalg.norm(end - start)
    side = np.cross(axis, [0.0, 1.0, 0.0] if abs(axis[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    angles = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    circle = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * other
    tilt = np.linspace(-np.pi / 2, np.pi / 2, ALONG + 2)[1:-1]
    rings = [(start if t < 0 else end) + radius * (np.sin(t) * axis + np.cos(t) * circle) for t in tilt]
    vertices = np.concatenate([*rings, [start - radius * axis], [end + radius * axis]])
    k, following = np.arange(AROUND), (np.arange(AROUND) + 1) % AROUND
    faces = []
    for ring in range(ALONG - 1):
        low, high = ring * AROUND, (ring + 1) * AROUND
        faces += [np.stack([low + k, low + following, high + following], 1)]
        faces += [np.stack([low + k, high + following, high + k], 1)]
    last = (ALONG - 1) * AROUND
    bottom, top = np.full(AROUND, len(vertices) - 2), np.full(AROUND, len(vertices) - 1)
    faces += [np.stack([bottom, following, k], 1), np.stack([top, last + k, last + following], 1)]
    return vertices, np.concatenate(faces)


def toy_hand() -> HandModel:
    """float64; one beta scales the whole hand by 5 % per unit; UVs seam every capsule along one line."""
    vertices, faces, skinning, uv, uv_faces = [], [], [], [], []
    count = corners = 0
    for bone in BONES:
        parent = POINT_PARENTS[bone]
        radius = 0.0115 if parent == 0 else 0.0085
        points, triangles = capsule(JOINTS_M[parent], JOINTS_M[bone], radius)
        weights = np.zeros((len(points), 16))
        weights[:, ROTATION_OF_POINT[parent]] = 1.0
        vertices.append(points)
        faces.append(triangles + count)
        skinning.append(weights)
        # One UV per face corner of the first triangle, one per vertex elsewhere: a seam of three corners per capsule.
        spread = np.stack([np.linspace(0, 1, len(points)), np.full(len(points), bone / 21)], 1)
        uv.append(np.concatenate([spread, spread[triangles[0]] * 0.5]))
        own = triangles + corners
        own[0] = corners + len(points) + np.arange(3)
        uv_faces.append(own)
        count, corners = count + len(points), corners + len(points) + 3
    template, joints = torch.from_numpy(np.concatenate(vertices)), torch.from_numpy(JOINTS_M)
    return HandModel(
        name="toy",
        template=template,
        shape_basis=0.05 * template.unsqueeze(-1),
        joints=joints,
        joints_shape_basis=0.05 * joints.unsqueeze(-1),
        pose_basis=None,
        skinning=torch.from_numpy(np.concatenate(skinning)),
        faces=torch.from_numpy(np.concatenate(faces).astype(np.int32)),
        uv=torch.from_numpy(np.concatenate(uv)),
        uv_faces=torch.from_numpy(np.concatenate(uv_faces).astype(np.int32)),
    )
