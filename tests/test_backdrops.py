"""Backdrops are many different pictures; parts of them come back as light."""

import numpy as np

from priors.synthetic.backdrops import LIGHT, SIZE, backdrops, cut, shown, texture


def test_equal_seeds_give_equal_banks_of_different_pictures() -> None:
    first, again = (backdrops(np.random.default_rng(3), 8) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (8, SIZE, SIZE, 3) and first.dtype == np.uint8
    apart = np.abs(first[:, None].astype(float) - first[None]).mean((2, 3, 4))
    assert (apart[~np.eye(8, dtype=bool)] > 2.0).all()


def test_light_and_display_values_undo_each_other() -> None:
    grey = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 1, 3))
    back = shown(LIGHT[grey]).astype(int)
    assert np.abs(back - grey).max() <= 1
    assert LIGHT[0] == 0.0 and 0.99 < LIGHT[255] <= 1.0 and (np.diff(LIGHT) > 0).all()


def test_cuts_are_light_of_the_wanted_size_and_differ() -> None:
    bank = backdrops(np.random.default_rng(0), 8)
    cuts = [cut(np.random.default_rng(seed), bank, 64) for seed in range(12)]
    assert all(one.shape == (64, 64, 3) and one.dtype == np.float32 for one in cuts)
    assert min(one.min() for one in cuts) >= 0.0 and max(one.max() for one in cuts) <= 1.0
    assert len({one.tobytes() for one in cuts}) == 12
    np.testing.assert_array_equal(cut(np.random.default_rng(4), bank, 64), cuts[4])


def test_noise_has_unit_variance_and_steeper_noise_is_smoother() -> None:
    rough, smooth = (texture(np.random.default_rng(1), steepness) for steepness in (0.8, 2.0))
    for one in (rough, smooth):
        assert abs(one.mean()) < 1e-9 and abs(one.std() - 1.0) < 1e-9
    assert np.abs(np.diff(smooth)).mean() < 0.2 * np.abs(np.diff(rough)).mean()
