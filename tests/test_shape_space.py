"""The default hand's shapes: orthogonal, ordered, as varied as people are, and never inside out."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter.hand import HandModel
from fitter.hand.anny_rest import RestPose
from fitter.hand.anthropometry import (
    GIRTH_DEVIATION,
    SIZE_DEVIATION,
    bone_deviations,
    bone_lengths,
    length_covariance,
)
from fitter.hand.shape_space import Field, girth_fields, length_fields, principal_shapes, size_field
from fitter.skeleton import BONES, POINT_PARENTS
from tests.test_anny import face_normals, flat


def bones(points: np.ndarray) -> np.ndarray:
    return points[BONES] - points[POINT_PARENTS[BONES]]


def stick_hand() -> RestPose:
    """Four vertices around every bone's middle and its far end, bound to it; bones of mean length along -x, fanned."""
    lengths, angles = bone_lengths(), np.radians([-40, -10, 0, 10, 25])
    points = np.zeros((21, 3))
    for point in BONES:
        angle = angles[(point - 1) // 4]
        points[point] = points[POINT_PARENTS[point]] + lengths[point] * np.array([-np.cos(angle), 0, -np.sin(angle)])
    vertices, weights = [], []
    for point in BONES:
        bone = points[point] - points[POINT_PARENTS[point]]
        side = np.cross(bone, [0, 1, 0]) / np.linalg.norm(bone)
        for along in (0.5, 1.0):
            for offset in ([0, 0.005, 0], [0, -0.01, 0], 0.008 * side, -0.008 * side):
                vertices.append(points[POINT_PARENTS[point]] + along * bone + offset)
                weights.append(np.eye(21)[point])
    return RestPose(np.array(vertices)[None], points[None], np.array(weights))


def test_size_is_uniform():
    hand = stick_hand()
    field = size_field(hand)
    np.testing.assert_allclose(field.vertices, SIZE_DEVIATION * hand.vertices[0])
    np.testing.assert_allclose(field.points, SIZE_DEVIATION * hand.points[0])


def test_length_fields_have_the_tables_covariance_and_keep_directions():
    hand = stick_hand()
    rest = bones(hand.points[0])
    length = np.linalg.norm(rest, axis=1)
    stretch = []
    for field in length_fields(hand):
        change = bones(field.points)
        assert np.abs(np.cross(change, rest)).max() < 1e-12  # along the bone only
        stretch.append(np.einsum("bc,bc->b", change, rest) / length**2)
    np.testing.assert_allclose(np.transpose(stretch) @ np.array(stretch), length_covariance(), atol=1e-12)


def test_skin_at_a_bones_far_end_moves_with_the_point_there():
    hand = stick_hand()
    for field in length_fields(hand):
        for index, point in enumerate(BONES):
            at_end = field.vertices[8 * index + 4 : 8 * index + 8]
            np.testing.assert_allclose(at_end, np.broadcast_to(field.points[point], (4, 3)), atol=1e-12)


def test_girth_has_its_deviation_and_moves_no_bone_of_a_digit():
    hand = stick_hand()
    fields = girth_fields(hand)
    index = np.flatnonzero(BONES == 7)[0]
    middle = hand.vertices[0, 8 * index : 8 * index + 4]
    offsets = np.stack([field.vertices[8 * index : 8 * index + 4] - field.points[6] for field in fields])
    axis = bones(hand.points[0])[index] / np.linalg.norm(bones(hand.points[0])[index])
    radial = middle - hand.points[0, 6]
    radial = radial - (radial @ axis)[:, None] * axis
    relative = np.einsum("fvc,vc->fv", offsets, radial) / (radial**2).sum(-1)
    np.testing.assert_allclose(np.sqrt((relative**2).sum(0)), GIRTH_DEVIATION, atol=1e-9)
    for field in fields:
        for point in BONES[BONES % 4 != 1]:  # all but the palm's
            np.testing.assert_allclose(field.points[point], field.points[POINT_PARENTS[point]], atol=1e-12)


def test_principal_shapes_of_known_fields():
    """Two fields that move disjoint points: the larger first, unchanged; a third, a multiple, adds its variance."""
    vertices = np.zeros((2, 3))
    one, two = np.zeros((21, 3)), np.zeros((21, 3))
    one[3, 0], two[5, 1] = -0.002, 0.001
    space = principal_shapes([Field(vertices, two), Field(vertices, one), Field(vertices, 2 * two)], limit=3)
    expected = np.zeros((21, 3, 2))
    expected[5, 1, 0], expected[3, 0, 1] = np.sqrt(5) * 0.001, -0.002
    np.testing.assert_allclose(space.points[..., :2], expected, atol=1e-15)
    np.testing.assert_allclose(space.kept, [5 / 9, 1, 1])


# --- the default hand


def metric_product(model: HandModel) -> Tensor:
    """Inner products (B, B) of the components, vertices together as heavy as the 21 points."""
    surface = model.shape_basis.flatten(0, 1) * (21 / len(model.template)) ** 0.5
    points = model.joints_shape_basis.flatten(0, 1)
    return surface.T @ surface + points.T @ points


def test_components_are_orthogonal_and_ordered(anny):
    product = metric_product(anny)
    variance = product.diagonal()
    scaled = product / torch.sqrt(variance[:, None] * variance[None, :])
    # The cap's one vertex joins after the principal components are found only in rounding.
    torch.testing.assert_close(scaled, torch.eye(anny.n_betas, dtype=torch.float64), atol=1e-9, rtol=0)
    assert bool((variance[1:] <= variance[:-1]).all())


def test_the_first_component_is_size(anny):
    first = anny.joints_shape_basis[..., 0].numpy()
    growth = np.einsum("bc,bc->b", bones(first), bones(anny.joints.numpy()))
    assert growth.min() > 0  # every bone longer
    variance = metric_product(anny).diagonal()
    assert float(variance[0] / variance.sum()) > 0.7


def test_bone_lengths_vary_as_in_the_table(anny):
    """99 % of the joints' variance is kept, so deviations agree to a few tenths of a percent of a bone's length."""
    rest = bones(anny.joints.numpy())
    length = np.linalg.norm(rest, axis=1)
    change = np.einsum("bcs,bc->bs", bones(anny.joints_shape_basis.numpy()), rest) / length[:, None] ** 2
    np.testing.assert_allclose(np.linalg.norm(change, axis=1), bone_deviations()[BONES], atol=0.007)


def test_hand_length_varies_as_in_people(anny):
    """ANSUR II: 10 mm within each sex, 11 mm over both; the table's bones give a little more."""
    assert float(anny.hand_length_deviation()) == pytest.approx(0.0115, abs=0.001)
    betas = flat(anny).requires_grad_()
    (gradient,) = torch.autograd.grad(anny.hand_length(betas), betas)
    assert float(gradient[0]) > 0.009
    step = flat(anny)
    step[0] = 1e-6
    finite = (anny.hand_length(step) - anny.hand_length(-step)) / 2e-6
    assert float(finite) == pytest.approx(float(gradient[0]), rel=1e-6)


def test_joints_are_linear_in_betas(anny):
    betas = torch.randn(5, anny.n_betas, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    offset = anny.with_shape(betas).joints - anny.joints
    torch.testing.assert_close(anny.with_shape(2 * betas).joints - anny.joints, 2 * offset, atol=1e-15, rtol=1e-12)


def test_the_wrist_stays_at_the_origin(anny):
    assert float(anny.joints_shape_basis[0].abs().max()) < 1e-12


@pytest.mark.parametrize("deviations", [-2.0, 2.0])
def test_no_face_turns_over_within_two_deviations(anny, deviations):
    rest = face_normals(anny.template, anny.faces)
    vertices = anny.with_shape(deviations * torch.eye(anny.n_betas, dtype=torch.float64)).vertices
    for component in range(anny.n_betas):
        turned = face_normals(vertices[component], anny.faces)
        cosine = (turned * rest).sum(1) / (turned.norm(dim=1) * rest.norm(dim=1))
        assert float(cosine.min()) > 0, component
        assert float(turned.norm(dim=1).min()) > 0.1 * float(rest.norm(dim=1).min()), component


def test_random_hands_are_hands(anny):
    """Hands drawn from the prior: positive volume, plausible length, at most a few tiny faces of the webs turned."""
    betas = torch.randn(50, anny.n_betas, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shaped = anny.with_shape(betas)
    rest = face_normals(anny.template, anny.faces)
    turned = sum(int(((face_normals(vertices, anny.faces) * rest).sum(1) <= 0).sum()) for vertices in shaped.vertices)
    assert turned <= 10
    lengths = anny.hand_length(betas)
    assert float(lengths.min()) > 0.14 and float(lengths.max()) < 0.23
    volumes = torch.linalg.det(shaped.vertices[:, anny.faces]).sum(dim=1) / 6
    assert float(volumes.min()) > 1e-4
