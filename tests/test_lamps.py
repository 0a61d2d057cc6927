"""Light turns with the camera's axes, and is what its lamps add up to."""

import numpy as np
import roma
import torch

from fitter.render.shading import irradiance
from priors.synthetic.lamps import Lamps, harmonics

N = 5


def lamps() -> list[Lamps]:
    return [Lamps.random(np.random.default_rng(seed)) for seed in range(N)]


def test_a_turned_surface_in_turned_axes_is_as_bright() -> None:
    turn = roma.random_rotmat(N, dtype=torch.float64)
    normals = torch.nn.functional.normalize(torch.randn(N, 7, 3, dtype=torch.float64), dim=-1)
    before, lamp_before = harmonics(lamps(), np.broadcast_to(np.eye(3), (N, 3, 3)))
    after, lamp_after = harmonics(lamps(), turn.numpy())
    wanted = irradiance(normals, torch.from_numpy(before))
    found = irradiance(normals @ turn.mT, torch.from_numpy(after))
    torch.testing.assert_close(found, wanted)
    np.testing.assert_allclose(lamp_after, (turn.numpy() @ lamp_before[..., None])[..., 0], atol=1e-12)


def test_a_surface_that_faces_a_lone_lamp_gets_its_strength_and_the_even_light() -> None:
    direction = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    strength = np.array([[0.8, 0.7, 0.6], [0.0] * 3, [0.0] * 3])
    lighting, brightest = harmonics([Lamps(direction, strength, np.array([0.2, 0.3, 0.4]))], np.eye(3)[None])
    np.testing.assert_array_equal(brightest[0], direction[0])
    towards, away = torch.tensor([[0.0, 0.0, -1.0]]).double(), torch.tensor([[0.0, 0.0, 1.0]]).double()
    bright = irradiance(towards, torch.from_numpy(lighting[0]))[0].numpy()
    # Second order keeps a clamped cosine to within 0.09 of its strength.
    np.testing.assert_allclose(bright, [1.0, 1.0, 1.0], atol=0.09 * 0.8)
    dark = irradiance(away, torch.from_numpy(lighting[0]))[0].numpy()
    np.testing.assert_allclose(dark, [0.2, 0.3, 0.4], atol=0.09 * 0.8)


def test_lamps_differ() -> None:
    some = [Lamps.random(np.random.default_rng(seed)) for seed in range(200)]
    lit = np.array([(one.strengths.mean(1) > 0).sum() for one in some])
    assert {1, 2, 3} == set(lit.tolist())
    above = np.mean([one.directions[0, 1] < 0 for one in some])
    assert 0.6 < above < 0.95
