"""Exposure has known values and noise of the stated size."""

import numpy as np
import pytest

from priors.synthetic.sensor import Sensor


def test_without_noise_the_curve_is_srgb() -> None:
    light = np.full((8, 8, 3), ((128 / 255 + 0.055) / 1.055) ** 2.4)
    frame = Sensor(gain=1.0, shot=0.0, read=0.0).expose(light, np.random.default_rng(0))
    assert frame.dtype == np.uint8 and (frame == 128).all()
    assert (Sensor(gain=2.0, shot=0.0, read=0.0).expose(light, np.random.default_rng(0)) > 170).all()


@pytest.mark.parametrize(("light", "shot", "read"), [(0.5, 4e-4, 0.0), (0.5, 0.0, 0.01)])
def test_noise_has_the_stated_deviation(light: float, shot: float, read: float) -> None:
    sensor = Sensor(gain=1.0, shot=shot, read=read)
    frame = sensor.expose(np.full((200, 200, 3), light), np.random.default_rng(0)) / 255.0
    linear = ((frame + 0.055) / 1.055) ** 2.4
    assert linear.std() == pytest.approx(np.sqrt(read**2 + shot * light), rel=0.05)


def test_light_beyond_white_saturates_and_equal_generators_give_equal_frames() -> None:
    light = np.linspace(0.0, 3.0, 300).reshape(10, 10, 3)
    sensor = Sensor.random(np.random.default_rng(1))
    one, two = (sensor.expose(light, np.random.default_rng(5)) for _ in range(2))
    assert (one == two).all() and one.max() == 255
