"""Skinning and stretching against what they must do to single bones."""

import numpy as np
from scipy.spatial.transform import Rotation

from fitter.hand.deform import rotation_between, skin, stretch_bones
from fitter.skeleton import BONES, POINT_PARENTS
from tests.test_shape_space import stick_hand


def test_rotation_between_takes_start_to_end_by_the_smallest_angle():
    generator = np.random.default_rng(0)
    start = generator.standard_normal((20, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    end = np.array([0.6, 0.0, 0.8])
    rotations = rotation_between(start, end)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (20, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.einsum("nij,nj->ni", rotations, start), np.broadcast_to(end, (20, 3)), atol=1e-12)
    angle = np.linalg.norm(Rotation.from_matrix(rotations).as_rotvec(), axis=1)
    np.testing.assert_allclose(angle, np.arccos(start @ end), atol=1e-7)


def test_skin_bound_to_one_bone_turns_about_its_near_end():
    hand = stick_hand()
    turn = Rotation.from_rotvec([0.3, -0.5, 0.2]).as_matrix()
    rotations = np.broadcast_to(turn, (1, 21, 3, 3))
    moved = skin(hand.vertices, hand.points, hand.points, rotations, hand.weights)[0]
    owner = hand.weights.argmax(axis=1)
    near = hand.points[0, POINT_PARENTS[owner]]
    np.testing.assert_allclose(moved, near + (hand.vertices[0] - near) @ turn.T, atol=1e-15)


def test_stretch_gives_every_bone_its_length_and_is_linear():
    hand = stick_hand()
    stretch = 0.1 * np.random.default_rng(1).standard_normal(21)
    vertices, points = stretch_bones(hand.vertices, hand.points, hand.weights, stretch[None])

    def bones(p: np.ndarray) -> np.ndarray:
        return p[BONES] - p[POINT_PARENTS[BONES]]

    np.testing.assert_allclose(bones(points[0]), (1 + stretch[BONES, None]) * bones(hand.points[0]), atol=1e-15)
    twice, _ = stretch_bones(hand.vertices, hand.points, hand.weights, 2 * stretch[None])
    np.testing.assert_allclose(twice - hand.vertices, 2 * (vertices - hand.vertices), atol=1e-15)


def test_equal_stretch_of_all_bones_scales_along_them_and_leaves_thickness():
    hand = stick_hand()
    vertices, points = stretch_bones(hand.vertices, hand.points, hand.weights, np.full((1, 21), 0.1))
    np.testing.assert_allclose(points, 1.1 * hand.points, atol=1e-15)
    tip = np.flatnonzero(hand.weights[:, 12])[-4:]  # around the middle fingertip
    np.testing.assert_allclose(vertices[0, tip] - points[0, 12], hand.vertices[0, tip] - hand.points[0, 12], atol=1e-15)
