"""The steps from a relaxed hand to a flat one, on a bent hand of sticks; the result is tested in test_anny.py."""

import numpy as np
import pytest
import torch

from fitter.hand.anny_rest import (
    FINGER_POINTS,
    RestPose,
    align,
    flatten,
    knuckle_weights,
    move_knuckles,
    rest_direction,
    set_lengths,
    sink_joints,
    smoothstep,
    thumb_nail,
)
from fitter.hand.anthropometry import bone_lengths
from fitter.hand.deform import skin
from fitter.skeleton import POINT_PARENTS, ROTATION_OF_POINT
from tests.test_shape_space import stick_hand


@pytest.fixture
def bent() -> RestPose:
    """The hand of sticks with every finger curled by 15 degrees a joint, seen from elsewhere, in other units."""
    hand = stick_hand()
    points = hand.points.copy()
    rotations = np.broadcast_to(np.eye(3), (1, 21, 3, 3)).copy()
    for chain in FINGER_POINTS:
        for level, (near, far) in enumerate(zip(chain[:-1], chain[1:], strict=True)):
            angle = np.radians(15.0 * (level + 1))
            turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
            rotations[:, far] = turn
            points[:, far] = points[:, near] + (hand.points[:, far] - hand.points[:, near]) @ turn.T
    vertices = skin(hand.vertices, hand.points, points, rotations, hand.weights)
    away = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    return RestPose(10 * vertices @ away.T + 3.0, 10 * points @ away.T + 3.0, hand.weights)


def test_align_undoes_a_rigid_motion(bent):
    vertices, points = align(bent.vertices, bent.points)
    np.testing.assert_allclose(points[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(points[:, 9, 1:], 0, atol=1e-12)
    assert points[0, 9, 0] < 0 < points[0, 5, 2]
    np.testing.assert_allclose(points[:, 5, 1], points[:, 13, 1], atol=1e-12)
    again, _ = align(vertices, points)
    np.testing.assert_allclose(again, vertices, atol=1e-12)


def test_flatten_straightens_without_stretching(bent):
    vertices, points = align(bent.vertices, bent.points)
    flat_vertices, flat = flatten(vertices, points, bent.weights)
    for finger, chain in enumerate(FINGER_POINTS):
        bones, before = np.diff(flat[0, chain], axis=0), np.diff(points[0, chain], axis=0)
        np.testing.assert_allclose(np.linalg.norm(bones, axis=1), np.linalg.norm(before, axis=1), rtol=1e-12)
        directions = bones / np.linalg.norm(bones, axis=1, keepdims=True)
        np.testing.assert_allclose(directions, np.broadcast_to(rest_direction(finger), (3, 3)), atol=1e-12)
    # Skin keeps its distance to the bone it belongs to.
    owner = bent.weights.argmax(axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(flat_vertices[0] - flat[0, owner], axis=1),
        np.linalg.norm(vertices[0] - points[0, owner], axis=1),
        rtol=1e-9,
    )


def test_sinking_moves_fingers_as_a_whole_towards_the_pad(bent):
    _, points = flatten(*align(bent.vertices, bent.points), bent.weights)
    moved = sink_joints(points) - points
    for finger, chain in enumerate(FINGER_POINTS):
        np.testing.assert_allclose(moved[0, chain], np.broadcast_to(moved[0, chain[0]], (4, 3)), atol=1e-15)
        back = thumb_nail() if finger == 0 else np.array([0.0, 1.0, 0.0])
        # The hand is ten times life size, and so is the step: one to three hundredths of a metre.
        assert 0.01 < -moved[0, chain[0]] @ back < 0.03


def test_knuckles_slide_back_until_the_first_bone_has_its_share(bent):
    _, points = flatten(*align(bent.vertices, bent.points), bent.weights)
    points = points.copy()
    points[:, 9] += 0.4 * (points[:, 10] - points[:, 9])  # at the web, as in Anny
    moved = move_knuckles(points)
    bones = np.linalg.norm(np.diff(moved[0, [9, 10, 11, 12]], axis=0), axis=1)
    wanted = bone_lengths()[10:13]
    assert bones[0] / bones[1:].sum() == pytest.approx(wanted[0] / wanted[1:].sum())
    np.testing.assert_allclose(np.delete(moved, [5, 9, 13, 17], axis=1), np.delete(points, [5, 9, 13, 17], axis=1))


def test_knuckle_weights_share_a_ray_by_the_position_along_it(bent):
    _, points = flatten(*align(bent.vertices, bent.points), bent.weights)
    middle = points[0, 10] - points[0, 9]
    along = np.linspace(-1, 1, 41)
    vertices = points[0, 9] + along[:, None] * middle
    weights = np.zeros((41, 21))
    weights[:, 9], weights[:, 5] = 0.8, 0.2
    moved = knuckle_weights(vertices, points[0], weights)
    np.testing.assert_allclose(moved.sum(axis=1), 1)
    np.testing.assert_allclose(moved[:, 9] + moved[:, 10], 0.8)
    assert np.all(np.diff(moved[:, 10]) >= 0) and moved[0, 10] == 0 and moved[-1, 10] == pytest.approx(0.8)


def test_lengths_become_the_tables_whatever_the_scale(bent):
    vertices, points = flatten(*align(bent.vertices, bent.points), bent.weights)
    vertices, points = set_lengths(vertices, points, bent.weights)
    bones = points[0, 1:] - points[0, POINT_PARENTS[1:]]
    np.testing.assert_allclose(np.linalg.norm(bones, axis=1), bone_lengths()[1:], rtol=1e-12)
    assert 0.1 < np.ptp(vertices[..., 0]) < 0.25


def test_smoothstep():
    np.testing.assert_allclose(smoothstep(np.array([-1.0, 0.0, 0.5, 1.0, 3.0]), 0.0, 1.0), [0, 0, 0.5, 1, 1])


def test_the_default_hands_thumb_is_flat_across_its_flexion_axis(anny):
    """Its last centimetre is broader along the axis about which it bends than from nail to pad."""
    axes, tip = anny.joint_axes[14], anny.joints[4]
    bound = anny.skinning[:, ROTATION_OF_POINT[4]] > 0.9
    local = (anny.template - tip)[bound] @ axes
    near = local[local[:, 0] < 0.010]
    extent = near.max(dim=0).values - near.min(dim=0).values
    assert float(extent[2]) > 1.25 * float(extent[1])
    # The nail's side is the shallower one.
    assert float(near[:, 1].max()) < -float(near[:, 1].min())
    assert bool(torch.isfinite(local).all())
