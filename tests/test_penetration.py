"""Spheres of known overlap, then the default hand in poses that pass through themselves and in poses that do not."""

import numpy as np
import pytest
import roma
import torch
from torch import Tensor

from fitter.hand.inside import depths_inside, distance, longest_edge, winding
from fitter.hand.joint_axes import MEAN_RAD
from fitter.hand.penetration import PART_NAMES, Parts, between_hands
from tests.toy_hand import capsule, toy_hand

RADIUS_M = 0.010


def sphere(x: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """An icosphere of 642 vertices, RADIUS_M, moved along x."""
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS_M)
    return np.asarray(ball.vertices) + [x, 0.0, 0.0], np.asarray(ball.faces)


def pose(model, degrees: dict[tuple[str, int], float]) -> np.ndarray:
    """Vertices (1, V, 3) of joints bent by angles: {('index', 0): 90} flexes the index finger's knuckle."""
    chains = ("index", "middle", "pinky", "ring", "thumb")
    angles = torch.zeros(1, 15, 3, dtype=torch.float64)
    for (finger, place), flexion in degrees.items():
        angles[0, 3 * chains.index(finger) + place, 2] = np.radians(flexion)
    return posed_vertices(model, angles)


def posed_vertices(model, angles: Tensor) -> np.ndarray:
    vectors = torch.einsum("jca,tja->tjc", model.joint_axes, angles)
    rotations = roma.rotvec_to_rotmat(torch.cat([torch.zeros_like(vectors[:, :1]), vectors], dim=1))
    wrist = torch.zeros(len(angles), 3, dtype=torch.float64)
    shaped = model.with_shape(torch.zeros(model.n_betas, dtype=torch.float64))
    return shaped.with_pose(rotations, wrist).mesh().vertices.numpy()


def test_winding_counts_the_closed_surfaces_around_a_point():
    vertices, faces = sphere()
    once = vertices[faces]
    twice = np.concatenate([once, 1.5 * once])
    inside_out = once[:, ::-1].copy()
    for point, expected in ((np.zeros(3), 1), (np.array([0.012, 0.0, 0.0]), 0), (np.array([0.0, 0.0, -0.02]), 0)):
        assert winding(point, once) == expected
        assert winding(point, inside_out) == -expected
    assert winding(np.zeros(3), twice) == 2
    assert winding(np.array([0.012, 0.0, 0.0]), twice) == 1


def test_winding_is_right_where_the_ray_meets_vertices_and_edges():
    """Below the corners and edges of an octahedron, whose faces meet there, and beside it."""
    corners = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
    faces = [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4), (1, 0, 5), (2, 1, 5), (3, 2, 5), (0, 3, 5)]
    triangles = corners[np.array(faces)]
    assert winding(np.array([0.0, 0.0, 0.0]), triangles) == 1
    assert winding(np.array([0.5, 0.0, 0.0]), triangles) == 1
    assert winding(np.array([0.0, 0.0, -2.0]), triangles) == 0
    assert winding(np.array([0.5, 0.0, -2.0]), triangles) == 0


def test_distance_to_a_triangle_in_every_region_of_its_plane():
    triangle = np.array([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    longest = longest_edge(triangle)
    assert longest == pytest.approx(2**0.5)
    for point, expected in (
        ((0.2, 0.2, 0.7), 0.7),
        ((-3.0, -4.0, 0.0), 5.0),
        ((4.0, -4.0, 0.0), 5.0),
        ((-4.0, 4.0, 0.0), 5.0),
        ((0.5, -2.0, 0.0), 2.0),
        ((-2.0, 0.5, 0.0), 2.0),
        ((1.0, 1.0, 0.0), 0.5**0.5),
    ):
        assert distance(np.array(point), triangle, longest) == pytest.approx(expected)


def test_depth_in_a_sphere_is_the_radius_less_the_distance_from_its_middle():
    vertices, faces = sphere()
    points = np.array([[0.0, 0.0, 0.0], [0.004, 0.0, 0.0], [0.0, -0.007, 0.0], [0.0101, 0.0, 0.0]])
    depths = depths_inside(points, vertices[faces], vertices[faces])
    # The faces of the polyhedron lie up to 0.6 % of the radius inside the sphere.
    np.testing.assert_allclose(depths, [0.010, 0.006, 0.003, 0.0], atol=0.007 * RADIUS_M)


@pytest.mark.parametrize("overlap_m", [0.002, 0.006])
def test_two_spheres_pass_into_each_other_by_what_they_overlap(overlap_m):
    (first, faces), (second, _) = sphere(), sphere(2 * RADIUS_M - overlap_m)
    found = between_hands(first[None], faces, second[None], faces)
    assert found.deepest_mm[0] == pytest.approx(1000 * overlap_m, abs=0.07)
    assert 0 < found.mean_mm[0] < found.deepest_mm[0]
    apart, _ = sphere(2 * RADIUS_M + 0.001)
    assert between_hands(first[None], faces, apart[None], faces).deepest_mm[0] == 0


def test_an_open_wrist_is_closed():
    """A capsule without one end still has an inside."""
    vertices, faces = capsule(np.zeros(3), np.array([0.05, 0.0, 0.0]), RADIUS_M)
    opened = faces[(vertices[faces][:, :, 0] > -0.6 * RADIUS_M).all(axis=1)]
    assert len(opened) < len(faces)
    ball, ball_faces = sphere(0.025)
    found = between_hands(vertices[None], opened, 0.5 * ball[None] + [0.0125, 0.0, 0.0], ball_faces)
    assert found.deepest_mm[0] > 0.3 * 1000 * RADIUS_M


FIST = {
    (finger, place): bend for finger in ("index", "middle", "ring") for place, bend in enumerate((85.0, 95.0, 55.0))
}


@pytest.mark.parametrize(
    "degrees",
    [{}, FIST, {("index", 0): 90.0}, {("thumb", 1): 50.0, ("thumb", 2): 70.0}],
    ids=["flat", "three fingers of a fist", "one knuckle", "thumb bent"],
)
def test_natural_poses_pass_through_nothing(anny, degrees):
    found = Parts.of(anny).within(pose(anny, degrees))
    assert found.deepest_mm[0] == 0.0


def test_the_relaxed_hand_passes_through_nothing(anny):
    found = Parts.of(anny).within(posed_vertices(anny, torch.from_numpy(MEAN_RAD)[None]))
    assert found.deepest_mm[0] == 0.0
    assert found.parts[0].tolist() == [-1, -1]


def test_a_finger_bent_too_far_is_in_the_palm(anny):
    found = Parts.of(anny).within(pose(anny, {("pinky", 0): 90.0, ("pinky", 1): 115.0, ("pinky", 2): 80.0}))
    assert found.deepest_mm[0] > 3.0
    assert {PART_NAMES[part] for part in found.parts[0]} == {"pinky", "palm"}


def test_two_fingers_crossed_in_a_plane_are_in_each_other(anny):
    angles = torch.zeros(2, 15, 3, dtype=torch.float64)
    angles[1, 0, 1], angles[1, 3, 1] = np.radians(-12), np.radians(12)
    found = Parts.of(anny).within(posed_vertices(anny, angles))
    assert found.deepest_mm[0] == 0.0
    assert found.deepest_mm[1] > 3.0
    assert {PART_NAMES[part] for part in found.parts[1]} == {"index", "middle"}
    assert 0 < found.mean_mm[1] <= found.deepest_mm[1]


def test_a_hand_of_separate_shells_is_cut_without_error():
    """The toy hand's capsules are closed one by one: nothing has to be capped."""
    model = toy_hand()
    found = Parts.of(model).within(model.template[None].numpy())
    assert found.deepest_mm.shape == (1,)
    assert np.isfinite(found.deepest_mm).all()
