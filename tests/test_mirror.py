"""The mirror: an involution that commutes with everything a hand does."""

import pytest
import roma
import torch

from fitter.hand.mirror import mirror_axis_angle, mirror_faces, mirror_lighting, mirror_points, mirror_rotations
from fitter.render.shading import directional_light, irradiance

BATCHES = [(), (1,), (3, 1, 2)]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_known_values():
    torch.testing.assert_close(mirror_points(torch.tensor([1.0, 2.0, 3.0])), torch.tensor([-1.0, 2.0, 3.0]))
    torch.testing.assert_close(mirror_axis_angle(torch.tensor([1.0, 2.0, 3.0])), torch.tensor([1.0, -2.0, -3.0]))
    assert mirror_faces(torch.tensor([[0, 1, 2], [3, 4, 5]])).tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize("batch", BATCHES)
def test_twice_is_nothing(batch):
    points, rotations = random(*batch, 3), roma.random_rotmat(batch, dtype=torch.float64)
    torch.testing.assert_close(mirror_points(mirror_points(points)), points)
    torch.testing.assert_close(mirror_axis_angle(mirror_axis_angle(points)), points)
    torch.testing.assert_close(mirror_rotations(mirror_rotations(rotations)), rotations)


@pytest.mark.parametrize("batch", BATCHES)
def test_turning_and_mirroring_commute(batch):
    axis_angle, points = random(*batch, 3), random(*batch, 3, seed=1)
    rotations = roma.rotvec_to_rotmat(axis_angle)
    torch.testing.assert_close(roma.rotvec_to_rotmat(mirror_axis_angle(axis_angle)), mirror_rotations(rotations))
    turned = torch.einsum("...ij,...j->...i", rotations, points)
    of_mirrored = torch.einsum("...ij,...j->...i", mirror_rotations(rotations), mirror_points(points))
    torch.testing.assert_close(of_mirrored, mirror_points(turned))
    torch.testing.assert_close(torch.linalg.det(mirror_rotations(rotations)), torch.ones(batch, dtype=torch.float64))


def test_mirrored_faces_point_outwards_again():
    triangle = random(3, 3)

    def normal(points: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        a, b, c = points[face]
        return torch.linalg.cross(b - a, c - a)

    face = torch.tensor([[0, 1, 2]])
    mirrored = normal(mirror_points(triangle), mirror_faces(face)[0])
    torch.testing.assert_close(mirrored, mirror_points(normal(triangle, face[0])))


@pytest.mark.parametrize("batch", BATCHES)
def test_mirrored_light_on_mirrored_normals_is_the_same_light(batch):
    normals = torch.nn.functional.normalize(random(*batch, 50, 3), dim=-1)
    lighting = random(*batch, 9, 3, seed=1)
    reflected = irradiance(mirror_points(normals), mirror_lighting(lighting))
    torch.testing.assert_close(reflected, irradiance(normals, lighting))
    torch.testing.assert_close(mirror_lighting(mirror_lighting(lighting)), lighting)
    assert (mirror_lighting(lighting) != lighting).any()


def test_a_lamp_on_the_left_is_on_the_right_in_the_mirror():
    lamp, one = torch.tensor([-0.6, 0.64, -0.48], dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    mirrored = directional_light(mirror_points(lamp), one, 0.2 * one)
    torch.testing.assert_close(mirror_lighting(directional_light(lamp, one, 0.2 * one)), mirrored)
