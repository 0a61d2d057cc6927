"""Light falls from beside the eye, parts shade each other, and what is behind a surface does not."""

import numpy as np

from fitter.visualize.viewer.light import BALL_M, balls_of, lit, openness, to_linear, to_srgb
from fitter.visualize.viewer.viewpoint import around, turned

VIEW = around(np.zeros(3), 0.5, 0.4, 0.2)
NONE = np.zeros((0, 3))


def test_what_faces_the_eye_is_brighter_than_what_turns_away() -> None:
    normals = np.stack([-VIEW.rotation[2], VIEW.rotation[0], VIEW.rotation[2]])
    light = lit(np.zeros((3, 3)), normals, NONE, VIEW).mean(axis=1)
    assert light[0] > 1.5 * light[1] > 0.0 and light[1] > 0.0 and 0.3 < light[0] < 1.3


def test_the_lamp_goes_with_the_eye() -> None:
    """Seen from elsewhere, a surface that faces the eye alike is as bright as before."""
    other = turned(VIEW, 2.0, -0.5)
    first = lit(np.zeros((1, 3)), -VIEW.rotation[2:], NONE, VIEW)
    assert np.allclose(first, lit(np.zeros((1, 3)), -other.rotation[2:], NONE, other))


def test_a_ball_before_the_surface_shades_it_and_one_behind_does_not() -> None:
    point, normal = np.zeros((1, 3)), np.array([[0.0, 0.0, -1.0]])
    before, behind = np.array([[0.0, 0.0, -2 * BALL_M]]), np.array([[0.0, 0.0, 2 * BALL_M]])
    assert openness(point, normal, behind)[0] == 1.0
    assert openness(point, normal, before)[0] < 0.8
    farther = openness(point, normal, 4.0 * before)[0]
    assert openness(point, normal, before)[0] < farther < 1.0
    assert openness(point, normal, point)[0] > 0.3  # one around the point itself leaves light


def test_balls_lie_on_bones() -> None:
    joints = np.zeros((21, 3), np.float32)
    joints[1:, 0] = np.arange(1, 21)
    balls = balls_of(joints)
    assert balls.shape == (40, 3) and np.allclose(balls[:20, 0], np.arange(1, 21))
    assert balls[20, 0] == 0.5 and balls[21, 0] == 1.5


def test_display_values_and_light_are_inverse() -> None:
    srgb = np.random.default_rng(0).random((50, 3))
    assert np.allclose(to_srgb(to_linear(srgb)), srgb)
    assert to_srgb(np.full((1, 3), 7.0)).max() == 1.0
