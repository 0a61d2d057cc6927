"""Forearms fit the hands they belong to, leave them straight, bend as far as wrists do, and carry skin, then cloth."""

import math

import numpy as np
import pytest
import torch

from fitter.render.shading import vertex_normals
from priors.synthetic.arm import AROUND as ARM_AROUND
from priors.synthetic.arm import STIFFEST_DEG, Arm
from priors.synthetic.forearms import AROUND, BARE, RINGS, Forearms, HandEnd, Wear, bent, ring_distances, tube_faces
from priors.synthetic.people import HandsInView
from tests.small_bank import model, small_bank, some_hands

PLAIN = Wear(sleeve_m=0.1, cloth=np.full((2, 3), 0.2), stripe_m=0.0, folds_per_m=150.0, elbow=np.array([0.0, 1.0, 0.0]))


def arms_of(hands: HandsInView, wear: Wear) -> tuple[Forearms, np.ndarray]:
    """The arms and their rings (n, rings, around, 3)."""
    skin = small_bank().forearms[hands.who]
    arms = Forearms.behind(
        HandEnd.of(model()), hands.vertices_m, hands.rotation, hands.wrist_m, [wear] * len(hands.who), skin
    )
    return arms, arms.vertices_m.reshape(-1, RINGS, AROUND, 3)


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


def test_they_leave_the_hand_straight_and_bend_towards_the_elbow() -> None:
    hands = some_hands(6)
    _, rings = arms_of(hands, PLAIN)
    for rotation, centres in zip(hands.rotation, rings.mean(2), strict=True):
        backwards = rotation[:, 0]
        assert angle_deg(centres[1] - centres[0], backwards) < 3.0
        wanted = min(STIFFEST_DEG, angle_deg(backwards, PLAIN.elbow))
        assert angle_deg(centres[-1] - centres[-4], backwards) == pytest.approx(wanted, abs=1.0)


def test_the_middle_is_where_one_arm_alone_has_it() -> None:
    """Against `Arm`, whose line is summed by rotations instead of in its plane."""
    shaped = model().with_shape(torch.zeros(model().n_betas, dtype=torch.float64))
    arm = Arm.random(np.random.default_rng(3), shaped)
    rotation = torch.from_numpy(some_hands(4).rotation)
    bend = arm.bend(rotation[:, :, 0])
    reference = arm.centre_line(rotation[:, :, 0], bend).numpy()
    elbow = np.broadcast_to(arm.elbow.numpy(), (4, 3))
    distance = np.broadcast_to(arm.distance.numpy(), (4, len(arm.distance)))
    *_, line = bent(rotation[:, :, 0].numpy(), elbow, distance)
    assert ARM_AROUND >= AROUND
    np.testing.assert_allclose(line, reference, atol=2e-4)  # sums over steps of 2 mm and of 4 mm


def test_a_hand_of_another_size_gets_an_arm_of_its_size() -> None:
    hands = some_hands(2)
    larger = HandsInView(1.3 * hands.vertices_m, hands.rotation, 1.3 * hands.wrist_m, hands.who, hands.cameras)
    _, rings = arms_of(hands, PLAIN)
    _, large = arms_of(larger, PLAIN)
    width, large_width = (np.linalg.norm(np.ptp(part[:, 5], axis=1), axis=-1) for part in (rings, large))
    np.testing.assert_allclose(large_width / width, 1.3, rtol=1e-6)


def test_their_faces_point_outward() -> None:
    _, rings = arms_of(some_hands(1), PLAIN)
    vertices = torch.from_numpy(rings.reshape(1, -1, 3))[0]
    normals = vertex_normals(vertices, torch.from_numpy(tube_faces())).numpy().reshape(RINGS, AROUND, 3)
    outwards = rings[0] - rings[0].mean(1, keepdims=True)
    assert ((normals * outwards).sum(-1) > 0.0).all()


def test_skin_goes_on_into_the_sleeve_and_cloth_begins_there() -> None:
    arms, _ = arms_of(some_hands(3), PLAIN)
    colours = arms.colours.reshape(3, RINGS, AROUND, 3)
    np.testing.assert_array_equal(colours[:, BARE:], np.float32(0.2))
    assert (colours[:, :BARE, :, 0] > colours[:, :BARE, :, 2]).all()  # skin is red
    distance = ring_distances(np.array([PLAIN.sleeve_m]))[0]
    assert distance[BARE - 1] > PLAIN.sleeve_m == distance[BARE]
    assert (np.diff(distance[:BARE]) > 0).all() and (np.diff(distance[BARE:]) > 0).all()


def test_some_arms_are_bare_and_stripes_alternate() -> None:
    drawn = [Wear.random(np.random.default_rng(seed)) for seed in range(200)]
    bare = np.mean([one.sleeve_m > 0.3 for one in drawn])
    assert 0.25 < bare < 0.55
    for one in drawn:
        assert np.linalg.norm(one.elbow) == pytest.approx(1.0)
        assert ((one.cloth > 0) & (one.cloth < 1)).all()
    striped = Wear(0.1, np.array([[0.1] * 3, [0.8] * 3]), 0.02, 150.0, PLAIN.elbow)
    arms, _ = arms_of(some_hands(1), striped)
    cloth = arms.colours.reshape(RINGS, AROUND, 3)[BARE:, 0, 0]
    assert set(np.round(cloth, 3).tolist()) == {np.float32(0.1).round(3), np.float32(0.8).round(3)}
