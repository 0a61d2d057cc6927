"""Random hands for training: true to themselves, plausible, and the same for the same seed."""

import numpy as np
import pytest
import torch

from fitter.hand import HandModel
from fitter.hand.model import compose_chains
from priors.network.guess import place_of
from priors.synthetic.gestures import HIGHEST_DEG, LOWEST_DEG
from priors.synthetic.hands import Batch, Noise, RandomHands
from priors.synthetic.poses import random_angles, random_orientations

SILENT = Noise(keypoints=0.0, depth=0.0, depth_tilt=0.0, bones=0.0, gross=0.0, measured=0.0)


@pytest.fixture(scope="module")
def model(anny: HandModel) -> HandModel:
    return anny.to(dtype=torch.float32)


def silent_batch(model: HandModel) -> Batch:
    return RandomHands(model, model.landmarks, SILENT).batch(3, 200)


def test_equal_seeds_give_equal_batches_and_others_do_not(model: HandModel) -> None:
    source = RandomHands(model, model.landmarks)
    one, same, other = source.batch(0, 8), source.batch(0, 8), source.batch(1, 8)
    assert torch.equal(one.sight.keypoints, same.sight.keypoints) and torch.equal(one.truth.joints, same.truth.joints)
    assert not torch.equal(one.truth.joints, other.truth.joints)


def test_truth_in_the_crop_makes_the_sight(model: HandModel) -> None:
    batch = silent_batch(model)
    points, half = batch.truth.points, batch.sight.half
    flat = points[..., :2] / points[..., 2:] / half[:, None, None]
    seen = batch.sight.confidence > 0
    assert torch.allclose(flat[seen], batch.sight.keypoints[seen], atol=1e-4)
    depth = (points[..., 2] / points[:, :1, 2] - 1.0) / half[:, None]
    known = batch.sight.depth_weight > 0
    assert torch.allclose(depth[known], batch.sight.depth[known], atol=1e-4)
    posed = model.with_shape(batch.truth.betas).with_pose(batch.truth.rotations[:, None], batch.truth.wrist[:, None])
    assert torch.allclose(posed.joints[:, 0], batch.truth.joints, atol=1e-5)


def test_bones_are_in_the_palms_axes(model: HandModel) -> None:
    """The bone from the wrist to the middle knuckle lies along -x there, whatever the orientation."""
    batch = silent_batch(model)
    seen = batch.sight.bone_weight[:, 8] > 0
    assert int(seen.sum()) > 30
    assert bool((batch.sight.bones[seen, 8, 0] < -0.9).all())


def test_some_sources_have_no_depth_and_some_joints_are_missing(model: HandModel) -> None:
    sight = RandomHands(model, model.landmarks).batch(0, 400).sight
    share = (sight.depth_weight > 0).any(1).float().mean()
    assert 0.3 < float(share) < 0.5
    assert 0.05 < float((sight.confidence == 0).float().mean()) < 0.14


def test_places_are_near_zero_for_every_distance(model: HandModel) -> None:
    batch = silent_batch(model)
    place = place_of(batch.truth.wrist, batch.sight.half)
    assert float(place[:, 2].abs().max()) < 1.5 and float(batch.truth.wrist[:, 2].max()) > 1.0


def test_angles_stay_within_the_ranges_and_reach_their_ends() -> None:
    angles = random_angles(torch.Generator().manual_seed(0), 4000).numpy()
    assert (angles >= LOWEST_DEG - 1e-4).all() and (angles <= HIGHEST_DEG + 1e-4).all()
    reach = (angles.max(0) - angles.min(0)) / np.maximum(HIGHEST_DEG - LOWEST_DEG, 1.0)
    assert (reach[HIGHEST_DEG > LOWEST_DEG] > 0.95).all()


def test_orientations_are_uniform() -> None:
    orientations = random_orientations(torch.Generator().manual_seed(0), 20000)
    assert torch.allclose(orientations @ orientations.mT, torch.eye(3).expand_as(orientations), atol=1e-5)
    assert torch.allclose(torch.linalg.det(orientations), torch.ones(20000), atol=1e-5)
    assert float(orientations.mean(0).abs().max()) < 0.02  # 1 / sqrt(3 * 20000) = 0.004 is one standard deviation
    assert torch.allclose(compose_chains(torch.eye(3).expand(16, 3, 3)), torch.eye(3).expand(16, 3, 3))
