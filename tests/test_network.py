"""The per-frame network: what it says has the right form, and is the same alone and among others."""

import pytest
import torch

from fitter.hand import HandModel
from priors.network.guess import in_camera, in_crop, place_of, wrist_of
from priors.network.network import LEAST_SIGMA, MOST_SIGMA, Architecture, HandNetwork, rotation_of, soft_argmax
from priors.network.sight import Sight
from priors.synthetic.hands import RandomHands

SMALL = Architecture(width=32, blocks=1, channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def model(anny: HandModel) -> HandModel:
    return anny.to(dtype=torch.float32)


def network_of(model: HandModel) -> HandNetwork:
    torch.manual_seed(0)
    return HandNetwork(SMALL, model.joint_axes).eval()


def sight_of(model: HandModel, count: int = 6, pictures: bool = False) -> Sight:
    sight = RandomHands(model, model.landmarks).batch(0, count).sight
    if not pictures:
        return sight
    crops = torch.rand(count, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    return Sight(**{**sight.__dict__, "pictures": crops})


def test_rotations_are_rotations_and_start_at_the_mean_pose(model: HandModel) -> None:
    network = network_of(model)
    rotations = network(sight_of(model)).rotations.detach()
    assert torch.allclose(rotations @ rotations.mT, torch.eye(3).expand_as(rotations), atol=1e-5)
    assert torch.allclose(rotation_of(torch.zeros(6)), torch.eye(3))
    assert float((rotations[..., 1:, :, :] - network.mean_pose[1:]).abs().max()) < 0.5


@pytest.mark.parametrize("pictures", [False, True])
def test_a_hand_among_others_is_guessed_as_alone(model: HandModel, pictures: bool) -> None:
    network, sight = network_of(model), sight_of(model, pictures=pictures)
    together, alone = network(sight), network(sight[2:3])
    assert torch.allclose(together.rotations[2], alone.rotations[0], atol=1e-5)
    assert torch.allclose(together.wrist[2], alone.wrist[0], atol=1e-5)
    assert (together.albedo is None) == (not pictures)


def test_pictures_change_the_guess_and_what_is_unseen_does_not(model: HandModel) -> None:
    network, sight = network_of(model), sight_of(model, pictures=True)
    assert not torch.equal(network(sight).rotations, network(Sight(**{**sight.__dict__, "pictures": None})).rotations)
    hidden = sight.without_depth()
    assert bool((sight.depth_weight > 0).any())
    assert torch.equal(hidden.depth, torch.zeros_like(hidden.depth))
    assert not torch.equal(network(sight).rotations, network(hidden).rotations)


def test_deviations_are_bounded(model: HandModel) -> None:
    guess = network_of(model)(sight_of(model))
    for sigma in (guess.depth_sigma, guess.bone_sigma):
        assert bool((sigma > LEAST_SIGMA).all()) and bool((sigma < MOST_SIGMA).all())


def test_soft_argmax_finds_a_peak() -> None:
    heat = torch.full((1, 1, 16, 16), -50.0)
    heat[0, 0, 3, 12] = 50.0
    assert torch.allclose(soft_argmax(heat)[0, 0], torch.tensor([(12.5 / 8) - 1.0, (3.5 / 8) - 1.0]))


def test_place_and_wrist_are_inverse() -> None:
    wrist, half = torch.tensor([[0.1, -0.2, 0.7], [0.0, 0.05, 0.3]]), torch.tensor([0.2, 0.4])
    assert torch.allclose(wrist_of(place_of(wrist, half), half), wrist)


def test_crop_and_camera_axes_are_inverse(model: HandModel) -> None:
    batch = RandomHands(model, model.landmarks).batch(1, 4)
    there = in_camera(batch.crops, batch.truth.rotations, batch.truth.wrist)
    back = in_crop(batch.crops, *there)
    assert torch.allclose(back[0], batch.truth.rotations, atol=1e-6)
    assert torch.allclose(back[1], batch.truth.wrist, atol=1e-6)
