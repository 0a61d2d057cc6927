"""Things are layers around the place they are put, and repeat with their seed."""

import numpy as np
import pytest

from priors.synthetic.things import limb, random_thing, shape, stranger
from tests.small_bank import small_bank

SIZE = 96


@pytest.mark.parametrize("make", [shape, limb])
def test_things_cover_the_place_they_are_put(make) -> None:
    for seed in range(10):
        layer = make(np.random.default_rng(seed), small_bank(), (40.0, 50.0), SIZE)
        assert layer.shape == (SIZE, SIZE, 4) and layer.dtype == np.float32
        assert layer[49:52, 39:42, 3].max() == pytest.approx(1.0)
        assert layer[..., 3].min() >= 0.0 and layer[..., 3].max() <= 1.0
        assert (layer[..., :3][layer[..., 3] == 0.0] == 0.0).all()
        assert layer[..., :3].max() > 0.0


def test_strangers_are_hands_of_the_bank() -> None:
    layers = [stranger(np.random.default_rng(seed), small_bank(), (48.0, 48.0), SIZE) for seed in range(10)]
    for layer in layers:
        assert 0.0 < layer[..., 3].mean() < 0.9 and layer[..., 3].max() <= 1.0
        assert layer[..., :3].max(-1)[layer[..., 3] == 0.0].max() < 1e-3  # 8 bits, interpolated
    assert len({layer.tobytes() for layer in layers}) == 10


def test_equal_seeds_give_equal_things() -> None:
    one, again = (random_thing(np.random.default_rng(11), small_bank(), (30.0, 30.0), SIZE) for _ in range(2))
    np.testing.assert_array_equal(one, again)
