"""The finer surface lies on the coarse one and has the texture's colours where the texture has them."""

import numpy as np
import pytest

from fitter.visualize.viewer.fine_skin import DIVISIONS, divided, fine_skin, sampled
from fitter.visualize.viewer.light import to_linear

SQUARE = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def area(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return 0.5 * np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])[:, 2]


def test_division_keeps_the_surface_and_its_side() -> None:
    blend, faces = divided(4, FACES)
    points = blend @ SQUARE
    assert blend.shape == (9, 4) and faces.shape == (8, 3)
    assert np.allclose(np.asarray(blend.sum(axis=1)), 1.0)
    assert np.allclose(area(points, faces), 0.125)


def test_points_have_the_colours_below_them() -> None:
    """A texture that is a ramp of u in red and of v in green; v points up."""
    size = 64
    u = (np.arange(size) + 0.5) / size
    texture = np.zeros((size, size, 3), np.uint8)
    texture[..., 0] = np.round(255 * u)[None]
    texture[..., 1] = np.round(255 * (1.0 - u))[:, None]
    skin = fine_skin(4, FACES, SQUARE[:, :2], FACES, texture)
    place = np.clip((skin.blend @ SQUARE)[:, :2], u[0], u[-1])
    expected = to_linear(np.concatenate([place, np.zeros((len(place), 1))], axis=1))
    assert np.abs(skin.albedo - expected).max() < 0.01
    assert len(skin.faces) == 2 * 4**DIVISIONS


def test_a_seam_doubles_points_and_keeps_both_colours() -> None:
    """The two triangles lie at opposite ends of the texture."""
    uv = np.array([[0.1, 0.1], [0.1, 0.2], [0.2, 0.2], [0.8, 0.8], [0.9, 0.9], [0.8, 0.9]])
    texture = np.zeros((32, 32, 3), np.uint8)
    texture[:, 16:] = 255
    skin = fine_skin(4, FACES, uv, np.array([[0, 1, 2], [3, 4, 5]]), texture)
    assert set(np.unique(skin.albedo).round(6)) == {0.0, 1.0}
    points = skin.blend @ SQUARE
    diagonal = np.isclose(points[:, 0], points[:, 1])
    assert diagonal.sum() == 2 * (2**DIVISIONS + 1)


@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 40000])
def test_any_number_of_points_is_sampled(count: int) -> None:
    texture = np.full((8, 8, 3), 51, np.uint8)
    assert np.allclose(sampled(texture, np.random.default_rng(0).random((count, 2))), 0.2)
