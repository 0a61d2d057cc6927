"""Gestures stay within the joints' ranges and do what their names say."""

import numpy as np
import pytest
import torch

from fitter.hand import HandModel
from priors.synthetic.gestures import GESTURES, HIGHEST_DEG, LOWEST_DEG, articulate, hinge_frames
from tests.toy_hand import toy_hand

UP = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)


def joints_of(name: str) -> torch.Tensor:
    """The toy hand's 21 joints in a gesture, in its rest axes, metres."""
    model = toy_hand()
    rotations = torch.eye(3, dtype=torch.float64).repeat(1, 16, 1, 1)
    rotations[0, 1:] = articulate(model.joints, torch.from_numpy(GESTURES[name]))
    shaped = model.with_shape(torch.zeros(1, dtype=torch.float64))
    return shaped.with_pose(rotations, torch.zeros(1, 3, dtype=torch.float64)).joints[0]


@pytest.mark.parametrize("name", GESTURES)
def test_every_gesture_is_within_the_joints_ranges(name: str) -> None:
    assert (GESTURES[name] >= LOWEST_DEG).all() and (GESTURES[name] <= HIGHEST_DEG).all()


def test_zero_angles_are_the_flat_hand_for_any_batch() -> None:
    rotations = articulate(toy_hand().joints, torch.zeros(3, 2, 5, 5, dtype=torch.float64))
    assert rotations.shape == (3, 2, 15, 3, 3)
    assert torch.allclose(rotations, torch.eye(3, dtype=torch.float64).expand(3, 2, 15, 3, 3))


def test_hinges_are_right_handed_and_bend_away_from_the_nails() -> None:
    frames = hinge_frames(toy_hand().joints)
    assert torch.allclose(torch.linalg.det(frames), torch.ones(5, dtype=torch.float64))
    assert torch.allclose(frames.mT @ frames, torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    assert (frames[1:, :, 1] @ UP > 0.99).all()


def test_fingers_close_towards_the_palm_and_spread_apart() -> None:
    opened, fist, spread = joints_of("open"), joints_of("fist"), joints_of("spread")
    tips = torch.tensor([8, 12, 16, 20])
    assert (opened[tips] - opened[0]).norm(dim=-1).min() > 1.6 * (fist[tips] - fist[0]).norm(dim=-1).max()
    assert (fist[tips, 1] < opened[tips, 1] - 0.005).all()
    assert (spread[tips][:-1] - spread[tips][1:]).norm(dim=-1).sum() > 0.09
    assert (spread[8, 2] > opened[8, 2]) and (spread[20, 2] < opened[20, 2])


def test_victory_shows_two_fingers_and_thumb_up_one() -> None:
    reach = {
        name: (joints_of(name)[4::4] - joints_of(name)[0]).norm(dim=-1) for name in ("victory", "thumb_up", "fist")
    }
    assert (reach["victory"] > 1.3 * reach["fist"]).tolist() == [False, True, True, False, False]
    assert (reach["thumb_up"] > 1.1 * reach["fist"]).tolist() == [True, False, False, False, False]


def test_the_pads_meet_in_a_pinch(anny: HandModel) -> None:
    rotations = torch.eye(3, dtype=torch.float64).repeat(1, 16, 1, 1)
    rotations[0, 1:] = articulate(anny.joints, torch.from_numpy(GESTURES["pinch"]))
    shaped = anny.with_shape(torch.zeros(anny.n_betas, dtype=torch.float64))
    joints = shaped.with_pose(rotations, torch.zeros(1, 3, dtype=torch.float64)).joints[0]
    assert np.linalg.norm(joints[4] - joints[8]) < 0.025  # the tips' landmarks are each about 1 cm from the pads
