"""Texture and light have known values in every pixel, light is added as light, and surfaces hide each other."""

import numpy as np
import pytest
import torch

from fitter.render.shading import srgb_to_linear
from fitter.render.textured import TexturedMesh, blend_light, joined, paint_textured

SIDE = 8
QUAD = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
# Upper left, lower left, lower right, upper right: v points up.
QUAD_UV = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
WHITE_LIGHT = torch.ones(4, 3)


def square(depth: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    """It fills SIDE x SIDE pixels, facing the camera."""
    corners = [[0.0, 0.0], [0.0, SIDE], [SIDE, SIDE], [SIDE, 0.0]]
    return torch.tensor([[x + shift, y, depth] for x, y in corners], dtype=torch.float64)


def quad(albedo: np.ndarray) -> TexturedMesh:
    return TexturedMesh.of(4, QUAD, QUAD_UV, QUAD, albedo)


def ramp() -> np.ndarray:
    """Red is u, green is v, blue is a half: bilinear lookups between texel centres are exact."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    albedo = np.full((SIDE, SIDE, 3), 0.5)
    albedo[..., 0], albedo[..., 1] = centres, 1.0 - centres[:, None]
    return albedo


def test_a_pixel_shows_the_texel_at_its_uv() -> None:
    layer = paint_textured(square(), quad(ramp()), WHITE_LIGHT, (SIDE, SIDE))
    inner = slice(1, -1)  # beyond the outermost centres the texture is constant
    assert np.allclose(layer[inner, inner, :3], ramp()[inner, inner], atol=1e-6)
    assert (layer[..., 3] == 1.0).all()
    # The outermost samples lie a quarter of a texel beyond the last centres: half of each pixel's there are clamped.
    assert layer[0, 4, 1] == pytest.approx(ramp()[0, 4, 1] - 0.125 / SIDE, abs=1e-6)


def test_a_flipped_texture_is_not_taken_for_the_same() -> None:
    layer = paint_textured(square(), quad(ramp()[::-1]), WHITE_LIGHT, (SIDE, SIDE))
    assert np.abs(layer[..., 1] - ramp()[..., 1]).max() > 0.5


def test_light_is_interpolated_and_multiplies_the_albedo() -> None:
    light = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0], [1.0, 0.5, 1.0], [1.0, 0.5, 1.0]])
    layer = paint_textured(square(), quad(np.full((SIDE, SIDE, 3), 0.8)), light, (SIDE, SIDE))
    across = 0.8 * (np.arange(SIDE) + 0.5) / SIDE
    assert np.allclose(layer[..., 0], across, atol=1e-6)
    assert np.allclose(layer[..., 1:3], [0.4, 0.8], atol=1e-6)


def test_colour_is_multiplied_by_the_covered_share() -> None:
    layer = paint_textured(square(shift=4.5), quad(np.full((2, 2, 3), 0.6)), WHITE_LIGHT, (SIDE, SIDE))
    assert (layer[:, :4] == 0.0).all()
    assert np.allclose(layer[:, 4], [0.3, 0.3, 0.3, 0.5], atol=1e-6)
    assert np.allclose(layer[:, 5:], [0.6, 0.6, 0.6, 1.0], atol=1e-6)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_of_two_surfaces_is_seen_in_its_own_texture(order: tuple[int, int]) -> None:
    red, blue = (quad(np.broadcast_to(np.eye(3)[k], (4, 4, 3))) for k in (0, 2))
    near, far = (square(0.5, shift=-4.0), red), (square(1.0), blue)
    parts = [(near, far)[k] for k in order]
    screen = torch.cat([part[0] for part in parts])
    layer = paint_textured(screen, joined([part[1] for part in parts]), torch.ones(8, 3), (SIDE, SIDE))
    assert np.allclose(layer[:, :4], [1, 0, 0, 1], atol=1e-6) and np.allclose(layer[:, 4:], [0, 0, 1, 1], atol=1e-6)


def test_vertices_that_are_nan_take_only_their_triangles_along() -> None:
    screen = square()
    screen[3] = torch.nan
    layer = paint_textured(screen, quad(np.full((4, 4, 3), 0.6)), WHITE_LIGHT, (SIDE, SIDE))
    assert layer[6, 1, 3] == 1.0 and layer[1, 6, 3] == 0.0 and np.isfinite(layer).all()


def test_every_display_level_comes_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    layer = np.ones((16, 16, 4), np.float32)
    layer[..., :3] = srgb_to_linear(torch.from_numpy(levels / 255.0)).numpy()
    picture = np.zeros((16, 16, 3), np.uint8)
    blend_light(picture, layer)
    assert (picture == levels).all()


def test_light_is_mixed_as_light() -> None:
    picture = np.zeros((1, 4, 3), np.uint8)
    picture[0, 1:] = 137
    layer = np.zeros((1, 4, 4), np.float32)
    layer[0, 0] = [0.5, 0.5, 0.5, 0.5]  # half white over black
    layer[0, 1] = [0.0, 0.0, 0.0, 0.5]  # half black over a mid grey
    layer[0, 2] = [7.0, -3.0, 0.0, 1.0]  # more than white, less than black
    blend_light(picture, layer)
    assert picture[0, 0].tolist() == [188] * 3  # sRGB of 0.5
    assert picture[0, 1].tolist() == [99] * 3  # 137 is 0.25 of the light, of which a half is sRGB 99
    assert picture[0, 2].tolist() == [255, 0, 0]
    assert picture[0, 3].tolist() == [137] * 3
