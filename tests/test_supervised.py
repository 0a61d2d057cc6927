"""What a network is told: nothing where it is right, and known amounts where it is wrong."""

import math
from dataclasses import replace

import pytest
import torch

from fitter.hand import HandModel
from priors.network.guess import Guess
from priors.synthetic.hands import Batch, RandomHands
from priors.train.supervised import LOSERS_SHARE, Supervision, shares


@pytest.fixture(scope="module")
def model(anny: HandModel) -> HandModel:
    return anny.to(dtype=torch.float32)


@pytest.fixture(scope="module")
def batch(model: HandModel) -> Batch:
    return RandomHands(model, model.landmarks).batch(0, 5)


def clean_of(batch: Batch) -> torch.Tensor:
    joints = batch.truth.joints
    return joints[..., :2] / joints[..., 2:] / batch.sight.half[:, None, None]


def true_guess(batch: Batch) -> Guess:
    """The truth as a guess of three hypotheses, the last turned by a third of a circle."""
    truth = batch.truth
    turn = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    wrong = truth.rotations.clone()
    wrong[:, 0] = turn @ wrong[:, 0]
    ones = torch.ones(5, 21)
    return Guess(
        rotations=torch.stack([truth.rotations, truth.rotations, wrong], dim=1),
        wrist=truth.wrist[:, None].expand(-1, 3, -1),
        scores=torch.tensor([20.0, 20.0, -20.0]).expand(5, 3),
        betas=truth.betas,
        depth_sigma=ones,
        bone_sigma=ones[:, :20],
        image_keypoints=clean_of(batch),
        albedo=torch.zeros(5, 12),
        lighting=torch.zeros(5, 9, 3),
    )


def test_the_winner_that_is_right_is_told_nothing(model: HandModel, batch: Batch) -> None:
    parts = Supervision().parts(true_guess(batch), batch.truth, batch.sight, model)
    assert float(parts["betas"]) == 0.0 and float(parts["image_keypoints"]) < 1e-5
    assert float(parts["scores"]) == pytest.approx(0.1 * math.log(2.0), rel=1e-3)  # two are as good as each other
    assert abs(float(parts["sigmas"])) < 1e-3  # errors of 0 under deviations of 1
    assert 0.0 < float(parts["joints"]) < 1.0  # a thirtieth of the wrong hypothesis's centimetres
    assert "albedo" not in parts and "lighting" not in parts  # whose truth is not known


def test_looks_are_told_by_their_distance(model: HandModel, batch: Batch) -> None:
    truth = replace(batch.truth, albedo=torch.full((5, 12), 2.0), lighting=torch.full((5, 9, 3), 0.5))
    guess = true_guess(batch)
    moved = replace(guess, image_keypoints=clean_of(batch) + torch.tensor([0.03, 0.04]))
    weights = Supervision(image_keypoints=2.0, albedo=0.25, lighting=0.1)
    parts = weights.parts(moved, truth, batch.sight, model)
    inside = (clean_of(batch).abs().amax(-1) < 1.0).float().mean()
    assert float(parts["image_keypoints"]) == pytest.approx(2.0 * 0.05 * float(inside), rel=1e-3)
    assert float(parts["albedo"]) == pytest.approx(0.25 * 12 * 4.0)
    assert float(parts["lighting"]) == pytest.approx(0.1 * 27 * 0.5)


def test_keypoints_alone_tell_nothing_of_looks(model: HandModel, batch: Batch) -> None:
    guess = replace(true_guess(batch), image_keypoints=None, albedo=None, lighting=None)
    parts = Supervision().parts(guess, batch.truth, batch.sight, model)
    assert parts.keys() == {"joints", "rotations", "place", "keypoints", "betas", "scores", "sigmas"}


def test_the_first_hypothesis_learns_from_every_hand_and_of_the_others_the_best() -> None:
    share = shares(torch.tensor([[5.0, 2.0, 1.0, 3.0], [0.1, 0.5, 0.9, 0.4]]))
    little = LOSERS_SHARE / 4
    assert torch.allclose(share, torch.tensor([[1.0, little, 1.0, little], [1.0, little, little, 1.0]]))
    assert torch.equal(shares(torch.tensor([[2.0]])), torch.tensor([[1.0]]))
