"""A skeleton as something to look at from all sides: rods, balls at the joints, one colour per finger.

drawn = draw_bones("bones right", joints_m, viewpoint)
"""

import numpy as np
from jaxtyping import Float, Float64, Int

from fitter.skeleton import BONES, POINT_PARENTS
from fitter.visualize.skeleton import FINGER_COLOURS, WRIST_COLOUR
from fitter.visualize.viewer.fine_skin import divided
from fitter.visualize.viewer.light import lit, to_linear, to_srgb
from fitter.visualize.viewer.shapes import Drawn
from fitter.visualize.viewer.viewpoint import Viewpoint

ROD_M, BALL_M = 0.0026, 0.0045  # radii: thin enough that crossing fingers read
RING = 12  # points around a rod
NO_SHADOWS = np.zeros((0, 3))


def draw_bones(name: str, joints_m: Float[np.ndarray, "21 3"], view: Viewpoint) -> Drawn:
    """The 20 bones and 21 joints in this place, lit."""
    joints = joints_m.astype(np.float64)
    rings = [across(joints[end] - joints[POINT_PARENTS[end]]) for end in BONES]
    rods = [
        np.concatenate([joints[POINT_PARENTS[end]] + ROD_M * ring, joints[end] + ROD_M * ring])
        for end, ring in zip(BONES, rings, strict=True)
    ]
    balls = [joint + BALL_M * SPHERE for joint in joints]
    points = np.concatenate([*rods, *balls])
    normals = np.concatenate([*(np.tile(ring, (2, 1)) for ring in rings), *[SPHERE] * len(joints)])
    return Drawn(name, CELLS, points, to_srgb(COLOURS * lit(points, normals, NO_SHADOWS, view)))


def across(direction: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "ring 3"]:
    """RING unit vectors around a direction, at right angles to it."""
    length = float(np.linalg.norm(direction))
    along = direction / length if length > 0.0 else np.array([1.0, 0.0, 0.0])
    aside = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    aside /= np.linalg.norm(aside)
    angles = np.linspace(0.0, 2.0 * np.pi, RING, endpoint=False)[:, None]
    return np.cos(angles) * aside + np.sin(angles) * np.cross(along, aside)


def sphere() -> tuple[Float64[np.ndarray, "points 3"], Int[np.ndarray, "faces 3"]]:
    """Points and outward faces of a ball of radius 1: an octahedron divided twice."""
    points = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
    faces = np.array([[i, (i + 1) % 4, 4] for i in range(4)] + [[(i + 1) % 4, i, 5] for i in range(4)])
    for _ in range(2):
        blend, faces = divided(len(points), faces)
        points = blend @ points
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points, faces


def rod_faces() -> Int[np.ndarray, "faces 3"]:
    """The outward faces of a rod: two rings of points, one after the other."""
    here = np.arange(RING)
    after = (here + 1) % RING
    return np.concatenate(
        [np.stack([here, after, here + RING], axis=1), np.stack([after, after + RING, here + RING], axis=1)]
    )


def _cells(sphere_faces: Int[np.ndarray, "faces 3"], sphere_points: int) -> Int[np.ndarray, "cells 3"]:
    rods = [rod_faces() + 2 * RING * number for number in range(len(BONES))]
    first = 2 * RING * len(BONES)
    balls = [sphere_faces + first + sphere_points * number for number in range(len(POINT_PARENTS))]
    return np.concatenate([*rods, *balls])


def _colours(sphere_points: int) -> Float64[np.ndarray, "points 3"]:
    """Linear RGB of every point."""
    fingers = np.array(FINGER_COLOURS) / 255.0
    of_points = np.concatenate([np.array([WRIST_COLOUR]) / 255.0, np.repeat(fingers, 4, axis=0)])
    rods = np.repeat(of_points[BONES], 2 * RING, axis=0)
    return to_linear(np.concatenate([rods, np.repeat(of_points, sphere_points, axis=0)]))


SPHERE, _SPHERE_FACES = sphere()
CELLS = _cells(_SPHERE_FACES, len(SPHERE))
COLOURS = _colours(len(SPHERE))
