"""Desks are linear light, seeded, structured, and as warm in colour as skin is."""

import numpy as np
import pytest

from priors.synthetic.background import room
from priors.synthetic.desk import desk


@pytest.mark.parametrize("size", [(64, 48), (33, 71), (320, 240)])
def test_a_desk_is_linear_light_of_the_right_size(size: tuple[int, int]) -> None:
    picture = desk(np.random.default_rng(0), size)
    assert picture.shape == (size[1], size[0], 3)
    assert 0.01 <= picture.min() and picture.max() <= 1.0


def test_desks_differ_and_follow_from_the_seed() -> None:
    desks = [desk(np.random.default_rng(seed), (160, 120)) for seed in range(6)]
    assert all(picture.std() > 0.05 for picture in desks)
    assert min(np.abs(a - b).mean() for a, b in zip(desks[:-1], desks[1:], strict=True)) > 0.05
    assert (desk(np.random.default_rng(2), (160, 120)) == desks[2]).all()


def test_a_desk_is_busier_and_nearer_to_skin_than_a_room() -> None:
    desks, rooms = (
        np.stack([make(np.random.default_rng(seed), (160, 120)) for seed in range(20)]) for make in (desk, room)
    )
    assert np.abs(np.diff(desks, axis=2)).mean() > 1.5 * np.abs(np.diff(rooms, axis=2)).mean()
    # Skin: red well above green, green above blue.
    warm_desks, warm_rooms = (
        ((made[..., 0] > 1.15 * made[..., 1]) & (made[..., 1] > 1.1 * made[..., 2])).mean() for made in (desks, rooms)
    )
    assert warm_desks > 0.3 and warm_desks > 2.0 * warm_rooms
