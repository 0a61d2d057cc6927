"""Carriers are the skinning weights without their zeros."""

import numpy as np
import torch

from fitter.hand import HandModel
from fitter.hand.skinning import carriers_of


def test_carriers_are_the_weights_row_by_row() -> None:
    skinning = torch.zeros(4, 16, dtype=torch.float64)
    skinning[0, 3], skinning[0, 1] = 0.25, 0.75
    skinning[1, 15] = 1.0
    skinning[3, 0], skinning[3, 7], skinning[3, 8] = 0.5, 1e-12, 0.5 - 1e-12
    carriers = carriers_of(skinning)
    assert carriers.first.tolist() == [0, 2, 3, 3, 6]  # the third vertex hangs on nothing
    assert carriers.rotations.tolist() == [1, 3, 15, 0, 7, 8]
    assert carriers.shares.tolist() == [0.75, 0.25, 1.0, 0.5, 1e-12, 0.5 - 1e-12]


def test_a_model_keeps_its_carriers_and_a_moved_one_makes_its_own(anny: HandModel) -> None:
    assert anny.carriers is anny.carriers
    again = np.zeros((len(anny.template), 16))
    vertices = np.repeat(np.arange(len(again)), np.diff(anny.carriers.first))
    again[vertices, anny.carriers.rotations] = anny.carriers.shares
    assert np.array_equal(again, anny.skinning.numpy())
    assert anny.to(dtype=torch.float32).carriers is not anny.carriers
