"""Validation: the truth has no error, and the picture shows hands."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.hand import HandModel
from priors.network.guess import Guess
from priors.network.network import HandNetwork
from priors.synthetic.hands import RandomHands
from priors.train.validation import PANEL_PX, HeldOut, drawn_hands, errors_of, validated
from tests.small_training import SMALL


@pytest.fixture(scope="module")
def model(anny: HandModel) -> HandModel:
    return anny.to(dtype=torch.float32)


@pytest.fixture(scope="module")
def hands(model: HandModel) -> HeldOut:
    return HeldOut.draw(RandomHands(model, model.landmarks), 20, torch.device("cpu"))


def test_the_truth_has_no_error_and_an_oracle_finds_it(model: HandModel, hands: HeldOut) -> None:
    truth = hands.truth
    mean = torch.eye(3).expand_as(truth.rotations)
    right = torch.tensor([1.0, 0.0]).expand(20, 2)
    guess = Guess(
        rotations=torch.stack([truth.rotations, mean], dim=1),
        wrist=truth.wrist[:, None].expand(-1, 2, -1),
        scores=right,
        betas=truth.betas,
        depth_sigma=torch.ones(20, 21),
        bone_sigma=torch.ones(20, 20),
    )
    assert max(errors_of(guess, truth, model).values()) < 1e-3
    found = errors_of(replace(guess, scores=-right), truth, model)
    assert found["pa_mpjpe_mm"] > 5.0 and found["mpjpe_mm"] > 20.0 and found["oracle_pa_mpjpe_mm"] < 1e-3


def test_cases_and_pictures(model: HandModel, hands: HeldOut) -> None:
    torch.manual_seed(0)
    network = HandNetwork(SMALL, model.joint_axes)
    figures = validated(network, hands, model)
    assert len(figures) == 9 and all(np.isfinite(value) and value > 0 for value in figures.values())
    bare = HeldOut(hands.sight.without_depth(), hands.truth)
    stripped = validated(network, bare, model)
    assert stripped["mixed/mpjpe_mm"] == stripped["no_depth/mpjpe_mm"] == figures["no_depth/mpjpe_mm"]
    assert not any(name.startswith("depth/") for name in stripped)
    picture = drawn_hands(network, hands[:3], model)
    assert picture.shape == (3 * PANEL_PX, 4 * PANEL_PX, 3) and picture.dtype == np.uint8
    for row in range(3):
        for column in range(4):
            part = picture[row * PANEL_PX : (row + 1) * PANEL_PX, column * PANEL_PX : (column + 1) * PANEL_PX - 1]
            assert 0.02 < (part != 48).any(-1).mean() < 0.6
