"""A bank of people is the same for the same seed, small, and has hands in its surroundings."""

from dataclasses import fields

import numpy as np
import torch

from priors.synthetic.people import ALBEDO_TEXELS, People
from tests.small_bank import N_PEOPLE, model, small_bank, some_hands


def test_equal_seeds_give_equal_banks() -> None:
    people, again = small_bank(), People.random(seed=5, model=model(), n=N_PEOPLE)
    for field in fields(People):
        one, other = getattr(people, field.name), getattr(again, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=field.name)
        elif isinstance(one, torch.Tensor):
            assert torch.equal(one, other)


def test_the_albedo_is_the_textures_made_small() -> None:
    people = small_bank()
    assert people.albedo.shape == (N_PEOPLE, ALBEDO_TEXELS, ALBEDO_TEXELS, 3)
    linear = (people.textures / 255.0) ** 2
    step = linear.shape[1] // ALBEDO_TEXELS
    small = linear.reshape(N_PEOPLE, ALBEDO_TEXELS, step, ALBEDO_TEXELS, step, 3).mean((2, 4))
    np.testing.assert_allclose(people.albedo.numpy(), small, atol=4e-3)  # square roots in 8 bits


def test_strangers_are_hands() -> None:
    coverage = small_bank().strangers[..., 3].mean((1, 2)) / 255.0
    assert (coverage > 0.03).all() and coverage.mean() < 0.5


def test_hands_are_in_the_middle_of_their_pictures() -> None:
    hands = some_hands(5)
    pixels = hands.vertices_m @ hands.cameras.swapaxes(1, 2)
    pixels = pixels[..., :2] / pixels[..., 2:]
    assert (pixels > 0.0).all() and (pixels < 128.0).all()
    assert (hands.who < N_PEOPLE).all()
