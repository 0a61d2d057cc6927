"""A rendered hand has its texture's colour under even light, hides the background, and is darker in hollows."""

import numpy as np
import torch

from fitter.camera import Camera
from fitter.render.shading import directional_light
from priors.synthetic.picture import Surfaces, hollows, visible_box

CAMERA = Camera(100.0, 100.0, 32.0, 24.0, 64, 48)
SQUARE = torch.tensor([[-0.1, -0.1, 0.5], [-0.1, 0.1, 0.5], [0.1, 0.1, 0.5], [0.1, -0.1, 0.5]], dtype=torch.float64)
FACES = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)
UV = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
BACKGROUND = np.full((48, 64, 3), 0.5)


def even_light() -> torch.Tensor:
    """White light from everywhere, with a lamp of no strength for its direction."""
    return directional_light(
        torch.tensor([0.0, 0.0, 1.0]).double(), torch.full((3,), 1e-9).double(), torch.ones(3).double()
    )


def surfaces(textured: bool) -> Surfaces:
    texture = np.zeros((16, 16, 3))
    texture[:8, :, 0], texture[8:, :, 1] = 0.8, 0.6  # red above green
    colours = np.tile([0.1, 0.2, 0.3], (4, 1))
    return Surfaces(FACES, UV, FACES.numpy() if textured else FACES.numpy()[:0], texture, colours)


def test_texture_and_colours_come_through_even_light() -> None:
    textured = surfaces(True).picture(SQUARE, CAMERA, even_light(), BACKGROUND)
    assert np.allclose(textured[8, 32], [0.8, 0.0, 0.0], atol=1e-4)
    assert np.allclose(textured[40, 32], [0.0, 0.6, 0.0], atol=1e-4)
    plain = surfaces(False).picture(SQUARE, CAMERA, even_light(), BACKGROUND)
    assert np.allclose(plain[6:42, 14:50], [0.1, 0.2, 0.3], atol=1e-4)
    assert np.allclose(plain[:3], 0.5) and np.allclose(plain[:, :11], 0.5)


def test_a_hand_partly_or_wholly_outside_the_picture_is_harmless() -> None:
    for shift in ([0.2, 0.0, 0.0], [5.0, 5.0, 0.0], [-5.0, 0.0, 0.0]):
        moved = SQUARE + torch.tensor(shift).double()
        picture = surfaces(True).picture(moved, CAMERA, even_light(), BACKGROUND)
        assert picture.shape == (48, 64, 3) and np.isfinite(picture).all() and np.allclose(picture[:, :10], 0.5)
    left, top, right, bottom = visible_box(torch.tensor([[-50.0, -60.0], [-10.0, -20.0]]), CAMERA)
    assert right > left >= 0 and bottom > top >= 0


def test_what_lies_behind_its_surroundings_is_darker() -> None:
    depth = np.full((60, 60), 0.40, np.float32)
    depth[25:35, 25:35] = 0.43
    coverage = np.ones_like(depth)
    shade = hollows(depth, coverage, 400.0)
    assert shade[30, 30] < 0.8 and shade[5, 5] > 0.99 and (shade <= 1).all()
    assert (hollows(np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 400.0) == 1).all()
