"""Cameras add the noise they say, show light as sRGB does, and blur along a line; frames end somewhere."""

import math

import numpy as np
import pytest

from priors.synthetic.film import (
    BRIGHTEST,
    DIMMEST,
    cropped_at_borders,
    digitize,
    exposure,
    filmed,
    motion_kernel,
)
from priors.synthetic.sensor import DISPLAY

GRAIN = np.random.default_rng(0).standard_normal((160, 160, 3), dtype=np.float32)
SIZE = 96


def digitized(level: float, shot: float, read: float) -> np.ndarray:
    picture = np.empty((160, 160, 3), np.uint8)
    light = np.full((160, 160, 3), level, np.float32)
    digitize(light, GRAIN, np.float32(shot), np.float32(read), DISPLAY, picture)
    return picture


@pytest.mark.parametrize("level", [0.0, 0.2, 0.5, 1.0])
def test_light_without_noise_is_shown_as_srgb(level: float) -> None:
    srgb = 12.92 * level if level <= 0.0031308 else 1.055 * level ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(digitized(level, 0.0, 0.0), 255.0 * srgb, atol=0.6)


def test_noise_has_its_variance() -> None:
    """Mid grey: the slope of sRGB at 0.2 turns a deviation of light into display values."""
    shot, read, level = 4e-4, 1e-5, 0.2
    slope = 255.0 * 1.055 / 2.4 * level ** (1 / 2.4 - 1)
    wanted = slope * math.sqrt(read + shot * level)
    assert digitized(level, shot, read).std() == pytest.approx(wanted, rel=0.05)  # 77 k samples, rounded to 8 bits


def test_exposure_brings_dark_and_bright_scenes_together() -> None:
    gains = {}
    for level in (0.02, 0.9):
        light = np.full((SIZE, SIZE, 3), level, np.float32)
        gains[level] = np.stack([exposure(np.random.default_rng(seed), light) for seed in range(200)])
        assert gains[level].shape == (200, 3)
        assert gains[level][:, 1].min() >= DIMMEST - 1e-6 and gains[level][:, 1].max() <= BRIGHTEST + 1e-6
    assert gains[0.02][:, 1].mean() > 2.0 * gains[0.9][:, 1].mean()


def test_films_are_8_bit_and_repeat_with_their_seed() -> None:
    light = np.random.default_rng(1).random((SIZE, SIZE, 3), dtype=np.float32)
    films = [filmed(light, GRAIN, np.random.default_rng(seed)) for seed in range(40)]
    assert all(one.shape == (SIZE, SIZE, 3) and one.dtype == np.uint8 for one in films)
    assert len({one.tobytes() for one in films}) == 40
    np.testing.assert_array_equal(films[7], filmed(light, GRAIN, np.random.default_rng(7)))
    grey = [one for one in films if (one[..., 0] == one[..., 2]).all()]
    assert 0 < len(grey) < 10


def test_colours_stay_in_their_channels() -> None:
    """JPEG libraries take blue first: a red picture must come back red."""
    light = np.zeros((SIZE, SIZE, 3), np.float32)
    light[..., 0] = 0.5
    for seed in range(20):
        picture = filmed(light, GRAIN, np.random.default_rng(seed)).astype(float).mean((0, 1))
        assert picture[0] >= picture[2] - 1e-9
        if picture[0] != picture[2]:
            assert picture[0] > picture[2] + 30


def test_motion_goes_along_a_line_of_at_most_the_wanted_length() -> None:
    for seed in range(30):
        kernel = motion_kernel(np.random.default_rng(seed), 10.0)
        assert kernel.sum() == pytest.approx(1.0, abs=1e-5) and kernel.min() >= 0.0
        y, x = np.nonzero(kernel > 0.02)
        assert np.hypot(np.ptp(x), np.ptp(y)) <= 12.0
        spread = np.linalg.eigvalsh(np.cov(np.stack([x, y]), aweights=kernel[y, x])) if len(x) > 2 else [0.0, 1.0]
        assert spread[0] < spread[1]


def test_frames_end_in_black_and_only_there() -> None:
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    ends = 0
    for seed in range(200):
        picture, inside = cropped_at_borders(white, np.random.default_rng(seed), roll_rad=0.3)
        np.testing.assert_array_equal(picture, np.repeat(np.where(inside, 255, 0)[..., None], 3, -1))
        assert inside[SIZE // 2, SIZE // 2]
        ends += not inside.all()
    assert 10 < ends < 50
