"""Self-supervision: the truth costs nothing, gradients reach the network, a step follows from its seed alone."""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.errors import InputError
from fitter.observe.known_positions import KnownPositions
from priors.network.network import HandNetwork
from priors.train.objective import Turn
from priors.train.self_supervised import S2HAND, ClipLesson, SelfSupervision, Snippets, clip_objective
from priors.train.terms import Motion, SameShape
from tests.training_clip import Knowing, clip_seen, scene_of_clip, small_network

ALONE = SelfSupervision(snippets=8)
VIDEO = replace(ALONE, frames=3, snippets=4, motion=Motion(), same_shape=SameShape())


def parts_of_truth(settings: SelfSupervision, n_frames: int = 12) -> dict[str, float]:
    scene = scene_of_clip(n_frames)
    clip = clip_seen(scene)
    lesson = clip_objective(settings, [clip], scene.model).draw(Turn(0, 0))
    (snippets,) = lesson.drawn
    knowing = Knowing(scene, clip, snippets.index)
    return {name: float(part) for name, part in lesson.parts(knowing).items()}  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("settings", [ALONE, VIDEO], ids=["frames", "clip"])
def test_the_truth_costs_only_what_priors_ask(settings: SelfSupervision) -> None:
    parts = parts_of_truth(settings)
    for name in ("keypoints", "bone_direction"):
        assert parts[name] < 1e-6, name
    expected = {"keypoints", "bone_direction", "anatomy", "shape", "size"}
    if settings is VIDEO:
        expected |= {"motion", "same_shape"}
        assert parts["same_shape"] < 1e-9
    assert set(parts) == expected
    assert parts["size"] > 1e-6  # the toy hand is not of the mean length


def test_every_engine_term_acts_on_batches_of_snippets() -> None:
    every = replace(VIDEO, energy=replace(Energy(), photometric=None, silhouette=None, focal=None))
    parts = parts_of_truth(every)
    assert {"image_depth", "articulation", "pose", "pose_smoothness", "trajectory_smoothness"} <= set(parts)
    assert all(torch.isfinite(torch.tensor(list(parts.values()))))


def test_known_joints_of_a_data_set_are_learnt_from() -> None:
    scene = scene_of_clip(12)
    known = KnownPositions(scene.posed.joints.float(), torch.ones(12, 21))
    off = replace(known, positions_m=known.positions_m + torch.tensor([0.005, 0.0, 0.0]))
    energies = []
    for joints in (known, off):
        clip = clip_seen(scene)
        clip = replace(clip, evidence=replace(clip.evidence, joints=joints))
        lesson = clip_objective(ALONE, [clip], scene.model).draw(Turn(0, 0))
        knowing = Knowing(scene, clip, lesson.drawn[0].index)
        energies.append(float(lesson.parts(knowing)["joint_positions"]))  # pyright: ignore[reportArgumentType]
    # One standard deviation off: half the sum of 21 losses of 1 with a width of 3, times the weight.
    assert energies[0] < 1e-6
    assert energies[1] == pytest.approx(0.02 * 0.5 * 21 * 9.0 * torch.log1p(torch.tensor(1 / 9)).item(), rel=1e-3)


def lesson_for(network_seed: int, settings: SelfSupervision) -> tuple[ClipLesson, HandNetwork]:
    scene = scene_of_clip(12)
    lesson = clip_objective(settings, [clip_seen(scene, noise_px=2.0)], scene.model).draw(Turn(network_seed, 5))
    return lesson, small_network(scene.model)


@pytest.mark.parametrize("settings", [ALONE, VIDEO], ids=["frames", "clip"])
def test_gradients_reach_the_whole_keypoint_branch(settings: SelfSupervision) -> None:
    lesson, network = lesson_for(0, settings)
    torch.stack(list(lesson.parts(network).values())).sum().backward()
    for name, parameter in network.named_parameters():
        if name.startswith(("image.", "read_image", "looks.")):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None and bool(torch.isfinite(parameter.grad).all()), name
            assert float(parameter.grad.abs().max()) > 0, name


def test_a_step_down_the_gradient_costs_less() -> None:
    lesson, network = lesson_for(0, ALONE)
    before = torch.stack(list(lesson.parts(network).values())).sum()
    before.backward()
    moved = [parameter for parameter in network.parameters() if parameter.grad is not None]
    gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
    steepness = sum(float(gradient.square().sum()) for gradient in gradients)
    share = 1e-3  # of the cost: small enough for the slope to hold
    with torch.no_grad():
        for parameter, gradient in zip(moved, gradients, strict=True):
            parameter -= share * before.detach() / steepness * gradient
    after = torch.stack(list(lesson.parts(network).values())).sum()
    assert float(after.detach() / before.detach()) == pytest.approx(1.0 - share, abs=0.2 * share)


def test_snippets_together_cost_the_mean_of_each_alone() -> None:
    lesson, network = lesson_for(0, VIDEO)
    (drawn,) = lesson.drawn
    length = VIDEO.frames
    each = [
        ClipLesson(
            lesson.objective,
            (Snippets(drawn.clip, drawn.index[k : k + 1], drawn.sight[length * k : length * (k + 1)]),),
        ).parts(network)
        for k in range(len(drawn.index))
    ]
    for name, part in lesson.parts(network).items():
        alone = torch.stack([one[name] for one in each]).mean()
        assert torch.allclose(part, alone, rtol=1e-4), name


def test_two_processes_share_one_step() -> None:
    scene = scene_of_clip(12)
    objective = clip_objective(ALONE, [clip_seen(scene, 2.0)], scene.model)
    network = small_network(scene.model)
    whole = objective.draw(Turn(0, 3)).parts(network)
    halves = [objective.draw(Turn(0, 3, rank, 2)).parts(network) for rank in (0, 1)]
    for name, part in whole.items():
        assert torch.allclose(part, 0.5 * (halves[0][name] + halves[1][name]), rtol=1e-4), name


def test_a_step_follows_from_seed_and_number_alone() -> None:
    scene = scene_of_clip(12)
    objective = clip_objective(ALONE, [clip_seen(scene, 2.0)], scene.model)
    first, again, other = (objective.draw(turn).drawn[0] for turn in (Turn(0, 1), Turn(0, 1), Turn(0, 2)))
    assert torch.equal(first.index, again.index) and torch.equal(first.sight.depth, again.sight.depth)
    assert not torch.equal(first.index, other.index)


def test_sights_lose_their_depth_cues_as_often_as_asked() -> None:
    scene = scene_of_clip(12)
    for share in (0.0, 1.0):
        settings = replace(VIDEO, depth_share=share, bones_share=share)
        sight = clip_objective(settings, [clip_seen(scene)], scene.model).draw(Turn(0, 0)).drawn[0].sight
        assert bool((sight.depth_weight[:, 1:] > 0).all()) == bool(share)
        assert bool((sight.bone_weight > 0).any()) == bool(share)
    halfway = replace(VIDEO, snippets=100, depth_share=0.5)
    sight = clip_objective(halfway, [clip_seen(scene)], scene.model).draw(Turn(0, 0)).drawn[0].sight
    kept = (sight.depth_weight > 0).any(-1).reshape(100, 3)
    assert bool((kept.all(1) == kept.any(1)).all()) and 30 < int(kept[:, 0].sum()) < 70


def test_a_hand_guessed_behind_the_camera_has_finite_gradients() -> None:
    lesson, network = lesson_for(0, ALONE)
    drawn = lesson.drawn[0]
    guess = network(drawn.sight)
    behind = replace(guess, wrist=-guess.wrist)
    said = lesson.said(behind, drawn)
    assert bool(torch.isfinite(said.scene.state.trajectory).all()) and bool(torch.isfinite(said.projected).all())


def test_clips_too_short_for_a_snippet_are_said() -> None:
    scene = scene_of_clip(4)
    with pytest.raises(InputError, match="toy: expected 8 frames in a row that show a hand, found fewer in all clips"):
        clip_objective(replace(VIDEO, frames=8), [clip_seen(scene)], scene.model)


def test_the_default_energy_is_s2hands() -> None:
    on = set(S2HAND.terms())
    assert on == {"keypoints", "bone_direction", "anatomy", "shape", "size"}
