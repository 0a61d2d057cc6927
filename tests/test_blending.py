"""Layers cover what is behind them, and hollows are dark."""

import numpy as np

from priors.synthetic.blending import over, with_hollows
from priors.synthetic.picture import HOLLOW_SHADE, hollows

SIZE = 40


def test_a_layer_covers_by_its_coverage() -> None:
    light = np.full((SIZE, SIZE, 3), 0.8, np.float32)
    layer = np.zeros((SIZE, SIZE, 4), np.float32)
    layer[5] = [0.1, 0.2, 0.3, 1.0]
    layer[6] = [0.05, 0.1, 0.15, 0.5]
    over(light, layer)
    np.testing.assert_allclose(light[5, 3], [0.1, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(light[6, 3], [0.45, 0.5, 0.55], atol=1e-6)
    np.testing.assert_array_equal(light[7], np.float32(0.8))


def test_a_flat_layer_keeps_its_light() -> None:
    layer = np.zeros((SIZE, SIZE, 5), np.float32)
    layer[10:30, 10:30] = [0.2, 0.3, 0.4, 1.0, 0.5]
    np.testing.assert_allclose(with_hollows(layer, 6.0), layer[..., :4], atol=1e-5)


def test_hollows_are_as_dark_as_with_the_wide_gaussian() -> None:
    """In the middle of a pit 30 mm deep, and nowhere darker than a hollow gets."""
    layer = np.zeros((SIZE, SIZE, 5), np.float32)
    layer[...] = [1.0, 1.0, 1.0, 1.0, 0.5]
    layer[17:23, 17:23, 4] = 0.53
    # Focal length 300 px at 0.5 m: picture.hollows reaches 0.014 m * 300 / 0.5 m = 8.4 px.
    wanted = hollows(layer[..., 4], layer[..., 3], 300.0)
    found = with_hollows(layer, 8.4)[..., 0]
    assert wanted[20, 20] < 0.6
    np.testing.assert_allclose(found[12:28, 12:28], wanted[12:28, 12:28], atol=0.05)
    assert found.min() >= 1.0 - HOLLOW_SHADE - 1e-6
    np.testing.assert_array_equal(found[0], 1.0)
