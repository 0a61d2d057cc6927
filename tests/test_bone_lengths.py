"""The shape from bone lengths: exact lengths come back, the unit does not matter, outliers and gaps do no harm."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.initialise.bone_lengths import SIGMA_LOG_LENGTH, bone_lengths, shape_of_bones, shape_of_joints
from tests.toy_problem import random_state, toy_hand

EVERY = torch.ones(20, dtype=torch.float64)


def shape(seed: int = 0) -> Float[Tensor, "betas"]:
    return torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moving_joints(model: HandModel, betas: Float[Tensor, "betas"], n_frames: int = 9) -> Float[Tensor, "frames 21 3"]:
    state = random_state(model, n_frames, seed=2)
    return model.with_shape(betas).with_pose(state.rotations, state.wrist).joints


def ratio_error(model: HandModel, found: Float[Tensor, "betas"], true: Float[Tensor, "betas"]) -> float:
    """RMS of the bones' length ratios."""
    difference = bone_lengths(model, found).log() - bone_lengths(model, true).log()
    return float((difference - difference.mean()).square().mean().sqrt())


def test_the_mean_hand_has_no_betas() -> None:
    model = toy_hand()
    for unit in (1.0, 1000.0):
        betas = shape_of_bones(model, unit * bone_lengths(model, 0 * shape()), EVERY)
        assert float(betas.abs().max()) < 1e-9


def test_the_energy_is_at_its_minimum() -> None:
    model, lengths = toy_hand(), 7.0 * bone_lengths(toy_hand(), shape())
    weight = torch.linspace(0.2, 1.0, 20, dtype=torch.float64)

    def energy(betas: Float[Tensor, "betas"]) -> Float[Tensor, ""]:
        difference = bone_lengths(model, betas).log() - lengths.log()
        centred = difference - (weight * difference).sum() / weight.sum()
        return (weight * centred.square()).sum() / SIGMA_LOG_LENGTH**2 + betas.square().sum()

    slope = torch.func.grad(energy)(shape_of_bones(model, lengths, weight))
    assert float(slope.norm()) < 1e-6 * float(torch.func.grad(energy)(0 * shape()).norm())


@pytest.mark.parametrize("seed", range(4))
def test_ratios_of_a_moving_hand_are_found_whatever_the_unit(seed: int) -> None:
    model = toy_hand()
    joints = moving_joints(model, shape(seed))
    betas = shape_of_joints(model, joints)
    assert torch.allclose(betas, shape_of_joints(model, 1000.0 * joints - 5.0), atol=1e-9)
    # The prior keeps what bones of 7 % uncertainty do not insist on.
    assert ratio_error(model, betas, shape(seed)) < 0.5 * ratio_error(model, 0 * betas, shape(seed))


def test_metres_tell_the_size_too() -> None:
    model = toy_hand()
    true = torch.zeros(6, dtype=torch.float64)
    true[0] = 1.5  # the toy's first beta is its size
    joints = moving_joints(model, true)
    size = [float(model.hand_length(shape_of_joints(model, joints, in_metres=known))) for known in (True, False)]
    assert abs(size[0] / float(model.hand_length(true)) - 1.0) < 0.01
    assert abs(size[1] / float(model.hand_length(0 * true)) - 1.0) < 0.01


def test_a_wild_frame_and_unknown_joints_do_no_harm() -> None:
    model = toy_hand()
    joints = moving_joints(model, shape())
    clean = shape_of_joints(model, joints)
    spoilt, weight = joints.clone(), joints.new_ones(joints.shape[:2])
    spoilt[3] *= 2.0
    spoilt[5, 8], weight[5, 8] = torch.nan, 0.0
    assert torch.allclose(shape_of_joints(model, spoilt, weight), clean, atol=1e-6)


def test_a_bone_that_nobody_saw_says_nothing() -> None:
    model = toy_hand()
    joints = moving_joints(model, shape())
    weight = joints.new_ones(joints.shape[:2])
    weight[:, 4] = 0.0  # the thumb's tip
    moved = joints.clone()
    moved[:, 4] += 0.1
    assert torch.equal(shape_of_joints(model, moved, weight), shape_of_joints(model, joints, weight))
    assert not shape_of_joints(model, joints, 0 * weight).any()
