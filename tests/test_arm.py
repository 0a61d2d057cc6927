"""The forearm is an outward tube that starts inside the hand and bends no further than a wrist."""

import math

import numpy as np
import pytest
import torch
import trimesh

from fitter.rotation import exp, log
from priors.synthetic.arm import AROUND, STIFFEST_DEG, Arm
from priors.synthetic.motion import UPRIGHT_PALM
from tests.toy_hand import toy_hand

SHAPED = toy_hand().with_shape(torch.zeros(1, dtype=torch.float64))


def posed(tilt_deg: float, seed: int = 0) -> tuple[Arm, torch.Tensor, torch.Tensor]:
    """An arm, its vertices (rings, around, 3) and the hand's backward direction, the hand tilted in the picture."""
    arm = Arm.random(np.random.default_rng(seed), SHAPED)
    rotation = exp(torch.tensor([[0.0, 0.0, math.radians(tilt_deg)]], dtype=torch.float64)) @ UPRIGHT_PALM
    vertices = arm.posed(rotation, torch.tensor([[0.02, 0.05, 0.5]], dtype=torch.float64))
    return arm, vertices[0].unflatten(0, (-1, AROUND)), rotation[0, :, 0]


def angle_deg(a: torch.Tensor, b: torch.Tensor) -> float:
    return math.degrees(math.acos(float((a @ b / (a.norm() * b.norm())).clamp(-1, 1))))


@pytest.mark.parametrize("tilt_deg", [0.0, 40.0, -100.0, 180.0])
def test_the_arm_leaves_the_hand_straight_and_bends_towards_the_elbow(tilt_deg: float) -> None:
    arm, rings, backwards = posed(tilt_deg)
    centres = rings.mean(1)
    assert angle_deg(centres[1] - centres[0], backwards) < 1.0
    outer = centres[-1] - centres[-5]
    wanted = min(STIFFEST_DEG, angle_deg(backwards, arm.elbow))
    assert angle_deg(outer, backwards) == pytest.approx(wanted, abs=1.0)
    assert angle_deg(outer, arm.elbow) == pytest.approx(angle_deg(backwards, arm.elbow) - wanted, abs=1.0)
    length = (centres[arm.sleeve :].diff(dim=0)).norm(dim=-1).sum()
    assert float(length) == pytest.approx(float(arm.distance[-1] - arm.distance[arm.sleeve]), rel=0.01)


def test_faces_point_outwards_and_start_inside_the_hand() -> None:
    arm, rings, _ = posed(20.0)
    tube = trimesh.Trimesh(rings.flatten(0, 1).numpy(), arm.faces.numpy(), process=False)
    outwards = (rings - rings.mean(1, keepdim=True)).flatten(0, 1)[arm.faces.long()].mean(1).numpy()
    assert ((tube.face_normals * outwards).sum(1) > 0).all()
    straight = arm.sections + arm.start
    straight[..., 0] += arm.distance[:, None]
    assert straight[0, 0, 0] < SHAPED.vertices[:, 0].max() - 0.01 and straight[-1, 0, 0] > 0.3


def test_a_motion_of_the_hand_moves_the_arm_without_jumps() -> None:
    arm = Arm.random(np.random.default_rng(1), SHAPED)
    turn = torch.zeros(200, 3, dtype=torch.float64)
    turn[:, 2] = torch.linspace(0.0, 2.0 * math.pi, 200)
    vertices = arm.posed(exp(turn) @ UPRIGHT_PALM, torch.zeros(200, 3, dtype=torch.float64))
    assert log(exp(turn)).isfinite().all() and vertices.isfinite().all()
    near = vertices[:, : 6 * AROUND]
    assert near.diff(dim=0).norm(dim=-1).max() < 0.01
