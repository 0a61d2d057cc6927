"""Motions whose fingers would pass through each other give way, smoothly and no further than needed."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter.energy.self_collision import MM_PER_M, SelfCollision, overlaps
from fitter.hand import HandModel, ShapedHand
from priors.synthetic.apart import ALLOWED_MM, KNOT_S, Apart, excess_mm
from priors.synthetic.gestures import GESTURES, HIGHEST_DEG, LOWEST_DEG, articulate
from priors.synthetic.motion import ANYTHING, Habits, free_angles, posture_angles
from tests.toy_hand import toy_hand

TIME_S = np.arange(90) / 30.0
CLOSED = Habits(gestures=("fist", "four", "point"))


def somebody(model: HandModel, seed: int) -> ShapedHand:
    return model.with_shape(torch.from_numpy(np.random.default_rng(seed).standard_normal(model.n_betas)))


def deepest_mm(shaped: ShapedHand, angles_deg: np.ndarray) -> float:
    fingers = articulate(shaped.joints, torch.from_numpy(angles_deg))
    palm = torch.eye(3).double().expand(len(fingers), 1, 3, 3)
    posed = shaped.with_pose(torch.cat([palm, fingers], dim=1), torch.zeros(len(fingers), 3).double())
    return MM_PER_M * float(overlaps(posed).max())


@pytest.mark.parametrize("name", GESTURES)
def test_the_mean_hand_can_make_every_gesture(anny: HandModel, name: str) -> None:
    mean = anny.with_shape(torch.zeros(anny.n_betas).double())
    assert deepest_mm(mean, GESTURES[name][None]) < SelfCollision().softness_mm


@pytest.mark.parametrize("seed", range(3))
def test_closing_hands_of_many_shapes_keep_out_of_themselves(anny: HandModel, seed: int) -> None:
    shaped = somebody(anny, seed)
    drawn, names = posture_angles(np.random.default_rng(seed), TIME_S, CLOSED)
    angles, same = free_angles(np.random.default_rng(seed), shaped, TIME_S, CLOSED)
    assert names == same
    assert (angles >= LOWEST_DEG).all() and (angles <= HIGHEST_DEG).all()
    assert deepest_mm(shaped, drawn) > 2.0 * SelfCollision().softness_mm
    assert deepest_mm(shaped, angles) < SelfCollision().softness_mm
    assert np.abs(angles - drawn).max() < 35.0  # it is the same gesture still
    bend = [np.abs(np.diff(each, n=2, axis=0)).max() for each in (drawn, angles)]
    assert bend[1] < 2.5 * bend[0]


def test_a_toy_hand_keeps_out_of_itself() -> None:
    shaped = toy_hand().with_shape(torch.zeros(1).double())
    drawn, _ = posture_angles(np.random.default_rng(0), TIME_S, CLOSED)
    angles, _ = free_angles(np.random.default_rng(0), shaped, TIME_S, CLOSED)
    assert deepest_mm(shaped, angles) < SelfCollision().softness_mm < deepest_mm(shaped, drawn)


def test_a_free_motion_is_left_as_it_is(anny: HandModel) -> None:
    waving = Habits(gestures=("open", "spread", "relaxed"))
    shaped = somebody(anny, 0)
    drawn, _ = posture_angles(np.random.default_rng(0), TIME_S, waving)
    assert deepest_mm(shaped, drawn) < ALLOWED_MM
    assert float(Apart.of(shaped, drawn, TIME_S).knots_deg.abs().max()) == 0.0
    angles, _ = free_angles(np.random.default_rng(0), shaped, TIME_S, waving)
    np.testing.assert_array_equal(angles, drawn)


def test_far_from_where_fingers_meet_nothing_moves(anny: HandModel) -> None:
    shaped = somebody(anny, 1)
    closing, _ = posture_angles(np.random.default_rng(1), TIME_S, CLOSED)
    still = np.concatenate([np.repeat(GESTURES["open"][None], 60, axis=0), closing])
    time_s = np.arange(len(still)) / 30.0
    assert float(excess_mm(shaped, torch.from_numpy(still))[:60].max()) == 0.0
    moved = np.abs(Apart.of(shaped, still, time_s).correction(time_s)).max(axis=(1, 2))
    assert moved[:30].max() < 0.3 < moved[60:].max()


def test_the_correction_is_a_smooth_curve_over_time() -> None:
    knots = torch.randn(9, 25, generator=torch.Generator().manual_seed(0)).double()
    apart, step_s = Apart(2.0, knots), 1e-3
    fine = apart.correction(np.arange(2.0, 2.0 + 6 * KNOT_S, step_s))
    bend = np.diff(fine, n=2, axis=0) / step_s**2
    assert np.abs(np.diff(bend, axis=0)).max() < 1e-1 * np.abs(bend).max()  # its second derivative does not leap
    level: Tensor = torch.ones(9, 25).double()
    np.testing.assert_allclose(Apart(2.0, level).correction(np.linspace(2.0, 2.6, 50)), 1.0, atol=1e-12)


def test_equal_arguments_give_equal_corrections(anny: HandModel) -> None:
    one, same = (free_angles(np.random.default_rng(4), somebody(anny, 4), TIME_S, ANYTHING)[0] for _ in range(2))
    np.testing.assert_array_equal(one, same)
