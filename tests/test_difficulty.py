"""Difficulties are checked, seeded, and say which moments make a frame."""

import numpy as np
import pytest

from fitter.errors import InputError
from priors.synthetic.difficulty import LONGEST_SHUTTER, MOMENTS, Difficulty


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"shutter": -0.1}, "shutter is -0.1"),
        ({"shutter": float("nan")}, "shutter is nan"),
        ({"occluded": 0.9}, "occluded is 0.9"),
        ({"background": "beach"}, "expected one of room, desk"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        Difficulty(**wrong)  # pyright: ignore[reportArgumentType] (wrong on purpose)


def test_moments_lie_around_the_frames_own() -> None:
    time_s = np.array([0.0, 0.1, 0.2])
    np.testing.assert_array_equal(Difficulty().moments(time_s, 10.0), time_s[:, None])
    moments = Difficulty(shutter=0.5).moments(time_s, 10.0)
    assert moments.shape == (3, MOMENTS)
    np.testing.assert_allclose(moments.mean(1), time_s, atol=1e-15)
    np.testing.assert_array_equal(moments[:, MOMENTS // 2], time_s)
    # Each moment stands for an equal part of the shutter's 50 ms.
    np.testing.assert_allclose(np.diff(moments, axis=1), 0.05 / MOMENTS)


def test_random_ones_vary_within_their_range() -> None:
    drawn = [Difficulty.random(np.random.default_rng(seed), occluded=0.3) for seed in range(40)]
    shutters = [each.shutter for each in drawn]
    assert 0.0 <= min(shutters) < 0.1 < 0.4 < max(shutters) <= LONGEST_SHUTTER
    assert {each.background for each in drawn} == {"room", "desk"}
    assert {each.occluded for each in drawn} == {0.3}
    assert drawn[5] == Difficulty.random(np.random.default_rng(5), occluded=0.3)
