"""Motions are smooth, seeded, anatomical, and stay before the camera."""

import numpy as np
import pytest
import roma
import torch

from fitter.rotation import log
from priors.synthetic.gestures import GESTURES, HIGHEST_DEG, LOWEST_DEG
from priors.synthetic.motion import hand_motion, minimum_jerk, posture_angles, wander
from tests.toy_hand import toy_hand

HAND = toy_hand().with_shape(torch.zeros(1, dtype=torch.float64))
TIME_S = np.arange(300) / 60.0


@pytest.mark.parametrize("seed", range(4))
def test_rotations_are_rotations_and_move_smoothly(seed: int) -> None:
    motion = hand_motion(np.random.default_rng(seed), HAND, TIME_S)
    assert roma.is_rotation_matrix(motion.rotations, 1e-9)
    step = log(motion.rotations[:-1].mT @ motion.rotations[1:]).norm(dim=-1) * 60.0  # radians per second
    assert step.max() < 12.0  # the quickest finger taps reach about 700 degrees per second
    assert step.mean() > 0.05
    jump = (step[1:] - step[:-1]).abs()
    assert jump.max() < 2.0  # no start or stop within one frame; fingers that meet stop sooner than others


@pytest.mark.parametrize("seed", range(4))
def test_the_hand_stays_before_the_camera(seed: int) -> None:
    motion = hand_motion(np.random.default_rng(seed), HAND, TIME_S)
    middle = motion.wrist + motion.rotations[:, 0] @ (0.5 * HAND.joints[12])
    assert 0.2 < middle[:, 2].min() and middle[:, 2].max() < 0.7
    assert middle[:, :2].abs().max() < 0.15
    speed = (motion.wrist[1:] - motion.wrist[:-1]).norm(dim=-1) * 60.0
    assert 0.01 < speed.mean() < speed.max() < 2.0


def test_a_clip_starts_open_visits_gestures_and_respects_the_ranges() -> None:
    angles, names = posture_angles(np.random.default_rng(0), np.arange(1200) / 30.0)
    assert names[0] == "open" and len(set(names)) >= 6
    assert (angles >= LOWEST_DEG).all() and (angles <= HIGHEST_DEG).all()
    for name in set(names):
        distance = np.abs(angles - GESTURES[name]).mean(axis=(1, 2))
        assert distance.min() < 8.0  # degrees: it is really reached


def test_equal_seeds_give_equal_motions_and_others_do_not() -> None:
    one, same, other = (hand_motion(np.random.default_rng(seed), HAND, TIME_S) for seed in (5, 5, 6))
    assert (one.rotations == same.rotations).all() and (one.wrist == same.wrist).all()
    assert (one.rotations - other.rotations).abs().max() > 0.1


def test_minimum_jerk_starts_and_ends_at_rest() -> None:
    assert minimum_jerk(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    fine = minimum_jerk(np.linspace(0.0, 1.0, 10001))
    speed = np.diff(fine) * 10000
    assert speed[0] < 1e-6 and speed[-1] < 1e-6 and speed.max() == pytest.approx(1.875, abs=1e-3)


def test_wander_has_unit_variance_and_the_periods_asked_for() -> None:
    signal = wander(np.random.default_rng(0), np.arange(20000) / 100.0, 4, (2.0, 4.0))
    assert np.allclose(signal.var(axis=0), 1.0, atol=0.3)  # six random waves beat slowly
    crossings = (np.diff(np.sign(signal), axis=0) != 0).sum(axis=0)
    assert (crossings > 2 * 200 / 4.0).all() and (crossings < 2 * 200 / 2.0).all()
