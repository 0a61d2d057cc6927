"""Rods run from joint to joint, balls are at joints, and each finger has its colour."""

import numpy as np

from fitter.skeleton import POINT_PARENTS
from fitter.visualize.skeleton import FINGER_COLOURS
from fitter.visualize.viewer.bones import BALL_M, CELLS, RING, ROD_M, SPHERE, across, draw_bones, sphere
from fitter.visualize.viewer.viewpoint import around
from tests.toy_hand import JOINTS_M

VIEW = around(np.zeros(3), 0.6, 0.3, 0.2)


def test_rods_and_balls_lie_at_the_joints() -> None:
    points = draw_bones("bones", JOINTS_M, VIEW).points_m
    rods = points[: 20 * 2 * RING].reshape(20, 2, RING, 3)
    assert np.allclose(rods[:, 0].mean(axis=1), JOINTS_M[POINT_PARENTS[1:]])
    assert np.allclose(rods[:, 1].mean(axis=1), JOINTS_M[1:])
    balls = points[20 * 2 * RING :].reshape(21, -1, 3) - JOINTS_M[:, None]
    assert np.allclose(np.linalg.norm(balls, axis=2), BALL_M)
    assert np.allclose(np.linalg.norm(rods[:, 0] - JOINTS_M[POINT_PARENTS[1:], None], axis=2), ROD_M)


def test_surfaces_face_outward() -> None:
    points = draw_bones("bones", JOINTS_M, VIEW).points_m
    assert CELLS.max() == len(points) - 1
    a, b, c = (points[CELLS[:, corner]] for corner in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    rods = sum(np.linalg.norm(JOINTS_M[end] - JOINTS_M[POINT_PARENTS[end]]) for end in range(1, 21))
    # Open rods count with the cone from the origin at their ends; balls alone are 21 times 4/3 pi r^3.
    assert 0.8 * 21 * 4.19 * BALL_M**3 < volume < 21 * 4.19 * BALL_M**3 + 2 * 3.14 * ROD_M**2 * rods
    points, faces = sphere()
    normals = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    assert (np.einsum("ij,ij->i", normals, points[faces].mean(axis=1)) > 0).all()


def test_a_finger_has_its_colour() -> None:
    drawn = draw_bones("bones", JOINTS_M, VIEW)
    tips = drawn.colours[20 * 2 * RING :].reshape(21, len(SPHERE), 3)[[4, 8, 12, 16, 20]].mean(axis=1)
    wanted = np.array(FINGER_COLOURS) / 255.0
    nearest = [
        int(np.linalg.norm(wanted / wanted.sum(1, keepdims=True) - tip / tip.sum(), axis=1).argmin()) for tip in tips
    ]
    assert nearest == [0, 1, 2, 3, 4]


def test_a_bone_without_length_is_drawn_all_the_same() -> None:
    ring = across(np.zeros(3))
    assert np.allclose(np.linalg.norm(ring, axis=1), 1.0)
    assert np.isfinite(draw_bones("bones", np.zeros((21, 3)), VIEW).points_m).all()
