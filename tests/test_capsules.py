"""Capsules of made-up fingers are those fingers; the default hand's lie at its skin, whatever its shape and pose."""

from dataclasses import replace

import numpy as np
import pytest
import roma
import torch

from fitter.hand.capsules import (
    CAPSULE_NAMES,
    FAR,
    N_CAPSULES,
    NEAR,
    PLACE_OF_CAPSULE,
    ROTATIONS,
    capsules_of,
)
from tests.toy_hand import JOINTS_M, toy_hand

FINGER_BONES = np.flatnonzero(PLACE_OF_CAPSULE > 0)
OUTER_BONES = np.flatnonzero(PLACE_OF_CAPSULE > 1)


def tapered_hand(near_m: float, far_m: float):
    """The toy hand's bones as open cones of 9 rings: radius near_m where a bone begins, far_m where it ends."""
    template, skinning = [], []
    for capsule in range(N_CAPSULES):
        near, far = JOINTS_M[NEAR[capsule]], JOINTS_M[FAR[capsule]]
        axis = (far - near) / np.linalg.norm(far - near)
        side = np.cross(axis, [0.0, 1.0, 0.0])
        side /= np.linalg.norm(side)
        angles = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
        circle = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * np.cross(axis, side)
        for share in np.linspace(0.0, 1.0, 9):
            template.append(near + share * (far - near) + (near_m + share * (far_m - near_m)) * circle)
            skinning.append(np.tile(np.eye(16)[ROTATIONS[capsule]], (12, 1)))
    vertices = torch.from_numpy(np.concatenate(template))
    return replace(
        toy_hand(),
        template=vertices,
        shape_basis=0.05 * vertices.unsqueeze(-1),
        skinning=torch.from_numpy(np.concatenate(skinning)),
    )


def distances(model, ends, radii, vertices, capsule: int):
    """How far the vertices that the capsule's rotation carries lie outside it, metres."""
    own = vertices[model.skinning.argmax(dim=1) == int(ROTATIONS[capsule])]
    near, far = ends[capsule]
    share = ((own - near) @ (far - near) / (far - near).square().sum()).clamp(0.0, 1.0)
    radius = radii[capsule, 0] + share * (radii[capsule, 1] - radii[capsule, 0])
    return (own - near - share.unsqueeze(-1) * (far - near)).norm(dim=-1) - radius


def test_capsules_of_cylinders_are_the_cylinders():
    capsules = capsules_of(tapered_hand(0.009, 0.009))
    for capsule in FINGER_BONES[PLACE_OF_CAPSULE[FINGER_BONES] == 2]:
        torch.testing.assert_close(capsules.rest_radii[capsule], torch.full((2,), 0.009).double(), atol=1e-6, rtol=0)
        bone = torch.from_numpy(JOINTS_M[[NEAR[capsule], FAR[capsule]]])
        torch.testing.assert_close(capsules.rest_ends[capsule], bone, atol=1e-6, rtol=0)


def test_a_taper_is_found_and_a_finger_ends_where_its_skin_does():
    capsules = capsules_of(tapered_hand(0.010, 0.007))
    for capsule in OUTER_BONES:
        near, far = capsules.rest_radii[capsule].tolist()
        # A circle is fitted to rings up to half a bone away: of the taper of 3 mm, a sixth is lost at either end.
        assert near == pytest.approx(0.0095, abs=0.0004)
        assert far < near
        if PLACE_OF_CAPSULE[capsule] == 3:
            bone = JOINTS_M[FAR[capsule]] - JOINTS_M[NEAR[capsule]]
            reach = float((capsules.rest_ends[capsule, 1] - torch.from_numpy(JOINTS_M[NEAR[capsule]])).norm()) + far
            assert reach == pytest.approx(np.linalg.norm(bone), abs=1e-6)


def test_a_hand_that_grows_has_capsules_that_grow_as_much():
    """The toy's one beta makes everything 5 % larger."""
    capsules = capsules_of(tapered_hand(0.010, 0.007))
    torch.testing.assert_close(capsules.radii_basis[..., 0], 0.05 * capsules.rest_radii, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(capsules.ends_basis[..., 0], 0.05 * capsules.rest_ends, atol=1e-8, rtol=1e-6)


def test_the_default_hands_outer_bones_are_their_capsules_to_a_millimetre(anny):
    """At rest and for random people: half of the skin lies within 1 mm of the capsule's, nine tenths within 2."""
    generator = torch.Generator().manual_seed(0)
    for scale in (0.0, 1.0, 1.0):
        betas = scale * torch.randn(anny.n_betas, generator=generator).double()
        ends, radii = anny.capsules.shaped_ends(betas), anny.capsules.radii(betas)
        for capsule in OUTER_BONES:
            if CAPSULE_NAMES[capsule] == "thumb2":  # its flesh is half the palm's
                continue
            off = distances(anny, ends, radii, anny.with_shape(betas).vertices, int(capsule)).abs()
            assert float(off.quantile(0.5)) < 1.0e-3
            assert float(off.quantile(0.9)) < 2.0e-3


def test_a_capsule_moves_rigidly_with_its_rotation(anny):
    generator = torch.Generator().manual_seed(1)
    rotations = roma.rotvec_to_rotmat(0.5 * torch.randn((2, 16, 3), generator=generator).double())
    betas = torch.randn(anny.n_betas, generator=generator).double()
    posed = anny.with_shape(betas).with_pose(rotations, torch.tensor([[0.1, 0.0, 0.4]] * 2).double())
    ends, rest = anny.capsules.ends(posed), anny.capsules.shaped_ends(betas)
    turned = torch.einsum("tcij,cj->tci", posed.bone_rotations[:, ROTATIONS], rest[:, 1] - rest[:, 0])
    torch.testing.assert_close(ends[:, :, 1] - ends[:, :, 0], turned, atol=1e-12, rtol=0)
    straight = anny.with_shape(betas).with_pose(torch.eye(3).double().expand(1, 16, 3, 3), posed.shaped.joints[:1])
    torch.testing.assert_close(anny.capsules.ends(straight)[0], rest, atol=1e-12, rtol=0)


def test_a_batch_of_shapes_equals_a_loop(anny):
    betas = torch.randn((3, anny.n_betas), generator=torch.Generator().manual_seed(2)).double()
    for index in range(3):
        torch.testing.assert_close(anny.capsules.radii(betas)[index], anny.capsules.radii(betas[index]))
        torch.testing.assert_close(anny.capsules.shaped_ends(betas)[index], anny.capsules.shaped_ends(betas[index]))


def test_a_hand_in_manos_numbers_has_capsules(mano_hand):
    model, _ = mano_hand
    capsules = capsules_of(model)
    assert all(bool(torch.isfinite(each).all()) for each in vars(capsules).values())
    assert capsules.radii_basis.shape == (N_CAPSULES, 2, 10)
