"""Averaged samples have known values, and depth steps, not creases, get a line."""

import numpy as np
import torch

from fitter.render.paint import OCCLUSION_SHADE, blend, paint

QUAD = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)


def rectangle(left: float, top: float, right: float, bottom: float, depth: float) -> torch.Tensor:
    """Facing the camera: counter-clockwise seen from it, with y pointing down."""
    corners = [[left, top], [left, bottom], [right, bottom], [right, top]]
    return torch.tensor([[x, y, depth] for x, y in corners], dtype=torch.float64)


def test_coverage_is_the_share_of_a_pixels_samples_and_colour_is_multiplied_by_alpha() -> None:
    colours = torch.tensor([[0.8, 0.4, 0.2, 0.5]] * 4)
    layer = paint(rectangle(2.0, 1.0, 5.5, 4.0, 1.0), QUAD, colours, (9, 7))
    assert layer.shape == (7, 9, 4)
    inside = np.array([0.4, 0.2, 0.1, 0.5], np.float32)
    assert np.allclose(layer[1:4, 2:5], inside, atol=1e-6)
    assert np.allclose(layer[1:4, 5], inside / 2, atol=1e-6)  # the edge halves these pixels
    assert (layer[:1] == 0).all() and (layer[4:] == 0).all() and (layer[:, 6:] == 0).all()


def test_only_the_far_side_of_an_occlusion_is_darkened() -> None:
    near, far = rectangle(0.0, 0.0, 8.0, 16.0, 0.45), rectangle(0.0, 0.0, 16.0, 16.0, 0.5)
    colours = torch.ones(8, 4)
    faces = torch.cat([QUAD, QUAD + 4])
    plain = paint(torch.cat([near, far]), faces, colours, (16, 16))
    lined = paint(torch.cat([near, far]), faces, colours, (16, 16), occlusion_lines=True)
    assert np.allclose(plain, 1.0)
    assert np.allclose(lined[:, 8, :3], OCCLUSION_SHADE) and np.allclose(lined[:, 9:], 1.0)
    assert np.allclose(lined[:, :8], 1.0) and np.allclose(lined[..., 3], 1.0)


def test_blend_keeps_untouched_pixels_and_mixes_by_alpha() -> None:
    picture = np.full((2, 2, 3), 100, np.uint8)
    layer = np.zeros((2, 2, 4), np.float32)
    layer[0, 0] = [0.25, 0.5, 0.0, 0.5]
    layer[1, 1] = [1.1, 1.0, 1.0, 1.0]  # slightly above white, as interpolation can be
    blend(picture, layer)
    assert picture[0, 0].tolist() == [114, 178, 50]
    assert picture[1, 1].tolist() == [255, 255, 255]
    assert (picture[0, 1] == 100).all() and (picture[1, 0] == 100).all()
