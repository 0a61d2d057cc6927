"""Fits as teachers: what is taught is the fit, in the crops' axes; clips together; steps by their seed alone."""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.solve.schedule import Schedule, Stage
from priors.train.objective import Turn
from priors.train.supervised import Supervision
from priors.train.teachers import Taught, TeacherObjective, taught, together
from tests.training_clip import clip_seen, scene_of_clip, small_network

FRAMES = 16


@pytest.fixture(scope="module")
def fit() -> tuple[Taught, HandModel, torch.Tensor]:
    scene = scene_of_clip(FRAMES)
    clip = clip_seen(scene, noise_px=0.5)
    # The toy hand has no usual length.
    energy = replace(Energy(), size=None, focal=None)
    return taught(clip, scene.model, energy, Schedule()), scene.model, scene.posed.joints


def test_the_fit_of_a_well_seen_clip_is_near_its_truth(fit: tuple[Taught, HandModel, torch.Tensor]) -> None:
    lesson, _, truth = fit
    assert len(lesson.sight) == FRAMES
    joints = lesson.truth.joints.double()
    ours, wanted = joints - joints[:, :1], truth - truth[:, :1]
    # Up to the crops' turns: distances between joints. The depth cues are off by 2.5 %.
    between = torch.cdist(ours, ours), torch.cdist(wanted, wanted)
    scale = float(between[1].mean() / between[0].mean())
    assert float((scale * between[0] - between[1]).abs().mean()) < 0.004


def test_what_is_taught_makes_what_is_seen(fit: tuple[Taught, HandModel, torch.Tensor]) -> None:
    lesson, model, _ = fit
    truth = lesson.truth
    flat = truth.points[..., :2] / truth.points[..., 2:] / lesson.sight.half[:, None, None]
    assert float((flat - lesson.sight.keypoints).norm(dim=-1).mean()) < 0.02
    posed = (
        model.to(dtype=torch.float32).with_shape(truth.betas).with_pose(truth.rotations[:, None], truth.wrist[:, None])
    )
    assert torch.allclose(posed.joints[:, 0], truth.joints, atol=1e-5)


def test_frames_that_show_too_little_are_not_taught() -> None:
    scene = scene_of_clip(8)
    clip = clip_seen(scene)
    confidence = clip.evidence.confidence.clone()
    confidence[3, 8:] = 0.0
    clip = replace(clip, evidence=replace(clip.evidence, confidence=confidence))
    energy = replace(Energy(), size=None, focal=None)
    brief = Schedule(stages=tuple(replace(stage, max_steps=2) for stage in Schedule().keypoint_stages))
    assert isinstance(brief.stages[0], Stage)
    assert len(taught(clip, scene.model, energy, brief).sight) == 7


def test_steps_follow_from_their_seed_and_are_shared(fit: tuple[Taught, HandModel, torch.Tensor]) -> None:
    lesson, model, _ = fit
    objective = TeacherObjective(Supervision(), together([lesson, lesson]), model.to(dtype=torch.float32), batch=12)
    assert len(objective.frames.sight) == 2 * FRAMES
    network = small_network(model)
    whole = objective.draw(Turn(0, 1)).parts(network)
    halves = [objective.draw(Turn(0, 1, rank, 2)).parts(network) for rank in (0, 1)]
    for name, part in whole.items():
        assert torch.allclose(part, 0.5 * (halves[0][name] + halves[1][name]), rtol=1e-4), name
    other = objective.draw(Turn(0, 2)).parts(network)
    assert not torch.allclose(other["joints"], whole["joints"])
    torch.stack(list(whole.values())).sum().backward()
    gradient = network.pose.weight.grad
    assert gradient is not None and float(gradient.abs().max()) > 0.0


def test_a_share_of_the_frames_keeps_depth_cues(fit: tuple[Taught, HandModel, torch.Tensor]) -> None:
    lesson, model, _ = fit
    for share in (0.0, 1.0):
        objective = TeacherObjective(Supervision(), lesson, model, 12, depth_share=share, bones_share=share)
        sight = objective.draw(Turn(0, 0)).sight
        assert bool((sight.depth_weight > 0).any()) == bool(share) == bool((sight.bone_weight > 0).any())
