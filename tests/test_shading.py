"""Normals and harmonics have known values; the colour curves invert each other and have finite gradients."""

import math

import pytest
import torch

from fitter.render.shading import (
    directional_light,
    headlight,
    irradiance,
    linear_to_srgb,
    sh_basis,
    srgb_to_linear,
    vertex_normals,
)

CUBE = torch.tensor([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)], dtype=torch.float64)
CUBE_FACES = torch.tensor(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
    + [[1, 5, 7], [1, 7, 3]]
)


def sphere_points(count: int) -> torch.Tensor:
    """Even points on the unit sphere (a Fibonacci lattice), whose mean integrates smooth functions well."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z, angle = 1.0 - 2.0 * k / count, math.pi * (1.0 + math.sqrt(5.0)) * k
    radius = (1.0 - z * z).sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin(), z], dim=-1)


@pytest.mark.parametrize("batch", [(), (2,), (3, 1, 2)])
def test_normals_of_a_cube_point_away_from_its_centre_for_any_batch(batch: tuple[int, ...]) -> None:
    normals = vertex_normals(CUBE.expand(*batch, 8, 3), CUBE_FACES)
    assert normals.shape == (*batch, 8, 3)
    assert torch.allclose(normals.norm(dim=-1), torch.ones(batch + (8,), dtype=torch.float64))
    assert ((normals * CUBE).sum(-1) > 1.5).all()  # a corner's direction within 30 degrees of its normal


def test_a_vertex_without_a_face_has_a_zero_normal_and_a_finite_gradient() -> None:
    vertices = torch.cat([CUBE, torch.zeros(1, 3, dtype=torch.float64)]).requires_grad_()
    normals = vertex_normals(vertices, CUBE_FACES)
    assert (normals[8] == 0).all()
    normals.sum().backward()
    assert vertices.grad is not None and vertices.grad.isfinite().all()


def test_normals_gradient() -> None:
    assert torch.autograd.gradcheck(lambda v: vertex_normals(v, CUBE_FACES), CUBE.clone().requires_grad_())


def test_harmonics_are_orthonormal() -> None:
    points = sphere_points(20000)
    basis = sh_basis(points)
    gram = 4.0 * math.pi * basis.T @ basis / len(points)
    assert torch.allclose(gram, torch.eye(9, dtype=torch.float64), atol=1e-5)  # the lattice's own error


def test_an_even_light_is_even_and_a_lamp_lights_the_side_that_faces_it() -> None:
    one, none = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    normals = sphere_points(500)
    even = irradiance(normals, directional_light(torch.tensor([0.0, 0.0, 1.0]).double(), none, one))
    assert torch.allclose(even, torch.ones_like(even))
    lamp = torch.tensor([0.6, 0.0, -0.8], dtype=torch.float64)
    lit = irradiance(normals, directional_light(lamp, one, none))
    cosine = (normals @ lamp).clamp_min(0.0).unsqueeze(-1)
    assert (lit - cosine).abs().max() < 0.1  # what the second order leaves out of the clamped cosine is 0.09


def test_headlight_is_brightest_towards_eye_and_lamp_and_never_black() -> None:
    eye = torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64)
    brightness = headlight(sphere_points(500), eye, eye)
    assert brightness.argmax() == 499 - sphere_points(500).flip(0)[:, 2].argmin()
    seen = sphere_points(500) @ eye > 0
    assert 0.1 < brightness[seen].min() and brightness.max() <= 1.0


def test_colour_curves_invert_and_have_known_values_and_finite_gradients() -> None:
    srgb = torch.linspace(0.0, 1.0, 256, dtype=torch.float64).requires_grad_()
    assert torch.allclose(linear_to_srgb(srgb_to_linear(srgb)), srgb, atol=1e-6)  # the standard's own constants
    assert srgb_to_linear(torch.tensor(0.5, dtype=torch.float64)).item() == pytest.approx(0.2140, abs=1e-4)
    (srgb_to_linear(srgb).sum() + linear_to_srgb(srgb).sum()).backward()
    assert srgb.grad is not None and srgb.grad.isfinite().all()
