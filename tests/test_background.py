"""Rooms are light, soft, seeded, and not all the same."""

import numpy as np
import pytest

from priors.synthetic.background import room


@pytest.mark.parametrize("size", [(64, 48), (33, 71), (320, 240)])
def test_a_room_is_linear_light_of_the_right_size(size: tuple[int, int]) -> None:
    picture = room(np.random.default_rng(0), size)
    assert picture.shape == (size[1], size[0], 3)
    assert 0.01 <= picture.min() and picture.max() <= 1.0


def test_rooms_differ_have_structure_and_are_out_of_focus() -> None:
    rooms = [room(np.random.default_rng(seed), (160, 120)) for seed in range(6)]
    assert all(picture.std() > 0.03 for picture in rooms)
    assert all(np.abs(np.diff(picture, axis=1)).max() < 0.2 for picture in rooms)
    assert min(np.abs(a - b).mean() for a, b in zip(rooms[:-1], rooms[1:], strict=True)) > 0.03
    assert (room(np.random.default_rng(2), (160, 120)) == rooms[2]).all()
