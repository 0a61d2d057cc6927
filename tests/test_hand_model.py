"""The ladder of types itself, on a random hand without meaning and, where geometry matters, on the default one."""

from dataclasses import replace

import pytest
import roma
import torch
from torch import Tensor

from fitter.hand.model import HandModel, compose_chains, place_joints
from fitter.skeleton import (
    FINGERTIPS,
    POINT_OF_ROTATION,
    POINT_PARENTS,
    ROTATION_OF_POINT,
    ROTATION_PARENTS,
)

BATCHES = [(), (1,), (3, 2)]
# Sums of at most 16 float64 products of numbers below 1.
EXACT = 1e-12


@pytest.fixture
def model() -> HandModel:
    """Random constants of 30 vertices and 4 betas, with pose correctives."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return HandModel(
        name="random",
        template=0.1 * random(30, 3),
        shape_basis=0.01 * random(30, 3, 4),
        joints=0.1 * random(21, 3),
        joints_shape_basis=0.01 * random(21, 3, 4),
        pose_basis=0.001 * random(30, 3, 135),
        skinning=torch.softmax(3 * random(30, 16), dim=-1),
        faces=torch.arange(30).reshape(10, 3),
        uv=torch.zeros(1, 2, dtype=torch.float64),
        uv_faces=torch.zeros(10, 3, dtype=torch.int64),
    )


def random_rotations(*batch: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return roma.rotvec_to_rotmat(torch.randn((*batch, 16, 3), generator=generator, dtype=torch.float64))


def random_betas(*batch: int, seed: int = 2) -> Tensor:
    return torch.randn((*batch, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def identity(*batch: int) -> Tensor:
    return torch.eye(3, dtype=torch.float64).expand(*batch, 16, 3, 3)


@pytest.mark.parametrize("batch", BATCHES)
def test_identity_pose_is_the_shaped_rest_pose(model, batch):
    shaped = model.with_shape(random_betas(*batch))
    wrist = torch.randn(*batch, 5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    posed = shaped.with_pose(identity(*batch, 5), wrist)
    shift = wrist.unsqueeze(-2) - shaped.joints[..., None, :1, :]
    assert posed.joints.shape == (*batch, 5, 21, 3)
    torch.testing.assert_close(posed.joints, shaped.joints.unsqueeze(-3) + shift, atol=EXACT, rtol=0)
    torch.testing.assert_close(posed.mesh().vertices, shaped.vertices.unsqueeze(-3) + shift, atol=EXACT, rtol=0)


@pytest.mark.parametrize("batch", [(1,), (3, 2)])
def test_a_batch_equals_the_loop(model, batch):
    betas, rotations = random_betas(*batch), random_rotations(*batch, 4)
    wrist = torch.randn(*batch, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    together = model.with_shape(betas).with_pose(rotations, wrist)
    vertices = together.mesh().vertices
    for index in torch.cartesian_prod(*[torch.arange(n) for n in batch]).reshape(-1, len(batch)).tolist():
        i = tuple(index)
        alone = model.with_shape(betas[i]).with_pose(rotations[i], wrist[i])
        torch.testing.assert_close(together.joints[i], alone.joints, atol=EXACT, rtol=0)
        torch.testing.assert_close(vertices[i], alone.mesh().vertices, atol=EXACT, rtol=0)


def test_shape_is_linear(model):
    one, two = random_betas(seed=4), random_betas(seed=5)

    def offset(betas: Tensor) -> Tensor:
        return model.with_shape(betas).joints - model.joints

    torch.testing.assert_close(offset(2 * one - 3 * two), 2 * offset(one) - 3 * offset(two), atol=EXACT, rtol=0)


def test_rotations_compose_from_the_wrist_outward():
    rotations = random_rotations(7)
    composed = compose_chains(rotations)
    for rotation in range(16):
        expected, here = torch.eye(3, dtype=torch.float64).expand(7, 3, 3), rotation
        while here >= 0:
            expected, here = rotations[:, here] @ expected, int(ROTATION_PARENTS[here])
        torch.testing.assert_close(composed[:, rotation], expected, atol=EXACT, rtol=0)


def test_bones_keep_their_length_and_follow_the_rotation_at_their_near_end(model):
    rotations, wrist = random_rotations(6), torch.zeros(6, 3, dtype=torch.float64)
    composed = compose_chains(rotations)
    joints = place_joints(composed, model.joints.expand(6, 21, 3), wrist)
    for point in range(1, 21):
        parent = int(POINT_PARENTS[point])
        turned = composed[:, ROTATION_OF_POINT[parent]] @ (model.joints[point] - model.joints[parent])
        torch.testing.assert_close(joints[:, point] - joints[:, parent], turned, atol=EXACT, rtol=0)


def test_one_joint_moves_only_what_hangs_on_it(model):
    rest = model.with_shape(random_betas())
    rotations = identity(1).clone()
    rotations[0, 2] = random_rotations()[2]  # the index finger's second joint, point 6
    moved = (rest.with_pose(rotations, rest.joints[:1]).joints[0] - rest.joints).norm(dim=-1)
    assert moved[[7, 8]].min() > 1e-3
    assert moved[[p for p in range(21) if p not in (7, 8)]].max() < EXACT


def test_a_vertex_bound_to_one_bone_moves_rigidly_with_it(model):
    one_hot = torch.eye(16, dtype=torch.float64)[torch.arange(30) % 16]
    rigid = replace(model, skinning=one_hot, pose_basis=None)
    rotations, wrist = random_rotations(5), torch.ones(5, 3, dtype=torch.float64)
    shaped = rigid.with_shape(random_betas())
    posed = shaped.with_pose(rotations, wrist)
    vertices, bone_rotations = posed.mesh().vertices, compose_chains(rotations)
    for vertex in range(30):
        bone = vertex % 16
        joint = int(POINT_OF_ROTATION[bone])
        offset = shaped.vertices[vertex] - shaped.joints[joint]
        expected = posed.joints[:, joint] + bone_rotations[:, bone] @ offset
        torch.testing.assert_close(vertices[:, vertex], expected, atol=EXACT, rtol=0)


def test_attached_rest_joints_are_the_joints(model):
    posed = model.with_shape(random_betas(3)).with_pose(random_rotations(3, 2), torch.zeros(3, 2, 3).double())
    torch.testing.assert_close(posed.attached(posed.shaped.joints), posed.joints, atol=EXACT, rtol=0)


def test_pose_correctives_follow_the_rotations_minus_identity(model):
    posed = model.with_shape(random_betas()).with_pose(random_rotations(1), torch.zeros(1, 3).double())
    plain = replace(model, pose_basis=torch.zeros_like(model.pose_basis))
    bare = plain.with_shape(random_betas()).with_pose(random_rotations(1), torch.zeros(1, 3).double())
    feature = (random_rotations(1)[0, 1:] - torch.eye(3, dtype=torch.float64)).reshape(135)
    blended = torch.einsum("vr,rij->vij", model.skinning, posed.bone_rotations[0])
    expected = torch.einsum("vij,vj->vi", blended, model.pose_basis @ feature)
    torch.testing.assert_close(posed.mesh().vertices[0] - bare.mesh().vertices[0], expected, atol=EXACT, rtol=0)


def test_gradients(model):
    few = replace(
        model,
        template=model.template[:4],
        shape_basis=model.shape_basis[:4],
        pose_basis=model.pose_basis[:4],
        skinning=model.skinning[:4],
    )

    def forward(betas: Tensor, rotation_vectors: Tensor, wrist: Tensor) -> tuple[Tensor, Tensor]:
        posed = few.with_shape(betas).with_pose(roma.rotvec_to_rotmat(rotation_vectors), wrist)
        return posed.joints, posed.mesh().vertices

    generator = torch.Generator().manual_seed(6)
    vectors = torch.randn((1, 16, 3), generator=generator, dtype=torch.float64)
    inputs = (random_betas(), vectors, torch.zeros(1, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(forward, [tensor.requires_grad_() for tensor in inputs])


def test_hand_length_is_the_middle_finger_along_its_bones_and_its_deviation_to_first_order(model):
    chain = model.joints[[0, 9, 10, 11, 12]]
    expected = sum(float((chain[i + 1] - chain[i]).norm()) for i in range(4))
    betas = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    length = model.hand_length(betas)
    assert float(length.detach()) == pytest.approx(expected, abs=EXACT)
    (gradient,) = torch.autograd.grad(length, betas)
    torch.testing.assert_close(model.hand_length_deviation(), gradient.norm(), atol=EXACT, rtol=0)


def test_dtype_moves_floats_and_leaves_indices(model):
    single = model.to(dtype=torch.float32)
    assert single.template.dtype == single.skinning.dtype == torch.float32
    assert single.faces.dtype == torch.int64
    assert single.name == model.name


def test_tips_of_the_default_hand_move_with_their_last_bones(anny):
    rotations, wrist = random_rotations(3), torch.zeros(3, 3, dtype=torch.float64)
    posed = anny.with_shape(torch.zeros(anny.n_betas, dtype=torch.float64)).with_pose(rotations, wrist)
    for tip in FINGERTIPS:
        last = int(POINT_PARENTS[tip])
        expected = posed.bone_rotations[:, ROTATION_OF_POINT[tip]] @ (anny.joints[tip] - anny.joints[last])
        torch.testing.assert_close(posed.joints[:, tip] - posed.joints[:, last], expected, atol=EXACT, rtol=0)
