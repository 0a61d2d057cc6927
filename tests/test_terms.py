"""Training's own terms: nothing to complain of at agreement, known values off it, batches equal to loops."""

from dataclasses import replace

import pytest
import torch

from fitter import rotation
from fitter.energy.term import robust_loss
from fitter.scene import Scene
from fitter.state import State
from priors.train.terms import (
    Agreement,
    LikelySkin,
    MeanColour,
    Motion,
    OwnKeypoints,
    Said,
    SameShape,
    SameTexture,
    SnippetTerm,
    snippet_energy,
)
from tests.training_clip import scene_of_clip

SNIPPETS, FRAMES = 3, 4
TERMS: list[SnippetTerm] = [Agreement(), OwnKeypoints(), Motion(), SameShape(), SameTexture(), LikelySkin()]


def still() -> Said:
    """Snippets of hands that do not move and of which everything agrees."""
    scene = scene_of_clip(SNIPPETS)
    every = scene.state.rotations[:, None].expand(-1, FRAMES, -1, -1, -1).float()
    place = scene.state.trajectory[:, None].expand(-1, FRAMES, -1).float()
    betas = 0.1 * torch.arange(18.0).reshape(SNIPPETS, 6)
    state = State(every, place, betas, torch.zeros(SNIPPETS))
    points = torch.randn(SNIPPETS, FRAMES, 21, 2)
    return Said(
        scene=Scene(scene.model.to(dtype=torch.float32), scene.landmarks, scene.camera, state),
        betas=betas[:, None].expand(-1, FRAMES, -1),
        projected=points,
        detected=points,
        confidence=torch.ones(SNIPPETS, FRAMES, 21),
        time_s=torch.arange(FRAMES).expand(SNIPPETS, -1) / 30.0,
        image_keypoints=points,
        albedo=torch.zeros(SNIPPETS, FRAMES, 5),
    )


def restless() -> Said:
    """The same with everything off."""
    said = still()
    turns = rotation.exp(0.3 * torch.randn(SNIPPETS, FRAMES, 16, 3))
    state = replace(said.scene.state, rotations=said.scene.state.rotations @ turns)
    return replace(
        said,
        scene=replace(said.scene, state=state),
        betas=said.betas + torch.randn(SNIPPETS, FRAMES, 6),
        projected=said.projected + 0.1 * torch.randn(SNIPPETS, FRAMES, 21, 2),
        detected=said.detected + 0.1 * torch.randn(SNIPPETS, FRAMES, 21, 2),
        confidence=torch.rand(SNIPPETS, FRAMES, 21),
        albedo=torch.randn(SNIPPETS, FRAMES, 5),
    )


def part(said: Said, one: slice) -> Said:
    cut = {name: value[one] for name, value in vars(said).items() if isinstance(value, torch.Tensor)}
    state = State(*(value[one] for value in vars(said.scene.state).values()))
    return replace(said, scene=replace(said.scene, state=state), **cut)


def energy_of(term: SnippetTerm, said: Said) -> torch.Tensor:
    energy = snippet_energy(term, said)
    assert energy is not None
    return energy


@pytest.mark.parametrize("term", TERMS, ids=lambda term: type(term).__name__)
def test_a_still_hand_on_which_all_agree_costs_nothing(term: SnippetTerm) -> None:
    assert float(energy_of(term, still()).max()) < 1e-9
    assert float(energy_of(term, restless()).min()) > 0.01


@pytest.mark.parametrize("term", TERMS, ids=lambda term: type(term).__name__)
def test_a_batch_equals_a_loop(term: SnippetTerm) -> None:
    said = restless()
    alone = torch.cat([energy_of(term, part(said, slice(k, k + 1))) for k in range(SNIPPETS)])
    assert torch.allclose(energy_of(term, said), alone, rtol=1e-5)


@pytest.mark.parametrize("term", [Motion(), SameShape(), SameTexture()], ids=lambda term: type(term).__name__)
def test_single_frames_have_nothing_to_be_compared_with(term: SnippetTerm) -> None:
    said = restless()
    state = said.scene.state
    one = replace(state, rotations=state.rotations[:, :1], trajectory=state.trajectory[:, :1])
    single = {name: value[:, :1] for name, value in vars(said).items() if isinstance(value, torch.Tensor)}
    assert snippet_energy(term, replace(said, scene=replace(said.scene, state=one), **single)) is None


@pytest.mark.parametrize("term", [Agreement(), OwnKeypoints(), SameTexture(), LikelySkin()])
def test_without_pictures_there_is_nothing_of_theirs_to_judge(term: SnippetTerm) -> None:
    assert snippet_energy(term, replace(restless(), image_keypoints=None, albedo=None)) is None


def test_keypoints_count_standard_deviations_by_the_root_of_their_confidence() -> None:
    said = still()
    off = replace(said, detected=said.detected - torch.tensor([0.06, 0.0]), confidence=torch.full((3, 4, 21), 0.25))
    # Two standard deviations at half a root: 21 points of squared norm 1.
    wanted = 0.5 * 21 * float(robust_loss(torch.tensor(1.0), 3.0))
    assert torch.allclose(energy_of(OwnKeypoints(sigma=0.03), off), torch.full((3,), wanted), rtol=1e-5)
    agreement = energy_of(Agreement(sigma=0.03, robust_width=None), replace(said, projected=said.detected + 0.03))
    assert torch.allclose(agreement, torch.full((3,), 0.5 * 21 * 2.0), rtol=1e-4)


def test_motion_measures_angular_speed() -> None:
    said = still()
    speed = torch.tensor([0.0, 0.0, 0.5])  # rad/s, about every joint's third axis
    turns = rotation.exp(said.time_s[..., None, None] * speed.expand(16, 3))
    state = replace(said.scene.state, rotations=said.scene.state.rotations @ turns)
    residual = Motion(sigma_deg_s=90.0).residual(replace(said, scene=replace(said.scene, state=state)))
    assert residual is not None
    # rtol: a quaternion's difference is the chord of half the angle; float32 rounds it.
    assert torch.allclose(residual.norm(dim=-1), torch.full((3, 3, 16), 0.5 / (torch.pi / 2.0)), rtol=1e-3)


def test_a_quaternion_and_its_negative_are_one_rotation() -> None:
    """Through a half turn the quaternion's last component changes its sign; the motion does not."""
    said = still()
    angle = torch.pi + torch.linspace(-0.06, 0.06, FRAMES)
    turns = rotation.exp(angle[:, None, None] * torch.tensor([0.0, 1.0, 0.0]).expand(16, 3)).expand(
        SNIPPETS, -1, -1, -1, -1
    )
    moving = replace(said, scene=replace(said.scene, state=replace(said.scene.state, rotations=turns)))
    residual = Motion(sigma_deg_s=180.0).residual(moving)
    assert residual is not None
    assert torch.allclose(residual.norm(dim=-1), torch.full((3, 3, 16), 0.04 * 30.0 / torch.pi), rtol=1e-2)


def test_shapes_are_compared_with_their_mean() -> None:
    said = still()
    betas = said.betas.clone()
    betas[0, 0, 2] += 1.0  # one of four frames: 3/4 off its mean, and the others -1/4
    energy = energy_of(SameShape(sigma_beta=0.5), replace(said, betas=betas))
    assert torch.allclose(energy, torch.tensor([0.5 * (0.75**2 + 3 * 0.25**2) / 0.25 / FRAMES, 0.0, 0.0]), atol=1e-6)


def test_mean_colour_compares_means_not_pixels() -> None:
    shown = torch.rand(10, 3)
    frame = torch.tensor([0] * 6 + [1] * 4)
    shuffled = torch.cat([shown[torch.randperm(6)], shown[6:].flip(0)])
    term, level = MeanColour(sigma=0.1, robust_width=None), torch.tensor(0.5)
    assert float(term.energy(shuffled, shown, frame, level)) < 1e-9
    assert float(term.energy(shown + 0.05, shown, frame, level)) == pytest.approx(0.5 * 2 * 3.0, rel=1e-4)
    assert float(term.energy(shown[:0], shown[:0], frame[:0], level)) == 0.0
