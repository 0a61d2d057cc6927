"""The measurement of self-supervision: rows differ as they say, figures are what the network said."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import self_supervision
from benchmarks.network_alone import fit_distance_mm, said_of
from benchmarks.self_supervision import ALONE, Lab, trained, trainings
from fitter.config.structure import to_mapping
from priors.synthetic.hands import RandomHands, Truth
from priors.train.objectives import Sources
from priors.train.teachers import Taught
from tests.training_clip import Knowing, clip_seen, scene_of_clip, small_network

FRAMES = 12


def test_rows_add_what_their_names_say() -> None:
    rows = trainings()
    clips = {name: config.objectives.clips for name, config in rows.items()}
    assert clips[ALONE] is None and clips["fits as teachers"] is None
    keypoints, pixels, video = (
        clips[name] for name in ("+ keypoints", "+ photometric: S2HAND", "+ clip terms: S2HAND(V)")
    )
    assert keypoints is not None and pixels is not None and video is not None
    assert keypoints.self_supervision.energy.photometric is None
    assert pixels.self_supervision.energy.photometric is not None and pixels.self_supervision.frames == 1
    assert video.self_supervision.frames > 1 and video.self_supervision.motion is not None
    assert video.self_supervision.energy == pixels.self_supervision.energy
    # All else is the same: as many steps on as many synthetic hands.
    other = {"objectives"}
    plain = [{key: value for key, value in to_mapping(config).items() if key not in other} for config in rows.values()]
    assert all(one == plain[0] for one in plain)
    assert len({config.objectives.hands for config in rows.values()}) == 1


def test_a_row_moves_the_weights_the_same_way_every_time() -> None:
    scene = scene_of_clip(FRAMES)
    single = scene.model.to(dtype=torch.float32)
    lab = Lab(
        Sources(RandomHands(single, single.landmarks), single), small_network(scene.model), {"toy": clip_seen(scene)}
    )
    config = trainings()["+ keypoints"]
    hands = config.objectives.hands
    assert hands is not None
    config = replace(config, steps=2, objectives=replace(config.objectives, hands=replace(hands, batch=8)))
    once, again = trained(config, lab, ["toy"]), trained(config, lab, ["toy"])
    assert torch.equal(once.pose.weight, again.pose.weight)
    assert not torch.equal(once.pose.weight, lab.start.pose.weight)


def test_what_the_network_says_is_brought_before_the_camera() -> None:
    scene = scene_of_clip(FRAMES)
    clip = clip_seen(scene)
    knowing = Knowing(scene, clip, torch.arange(FRAMES))
    joints = said_of(knowing, clip, scene.model, depth=False)  # pyright: ignore[reportArgumentType]
    assert torch.allclose(joints.double(), scene.posed.joints, atol=1e-5)


def test_the_distance_to_a_fit_is_zero_for_who_says_the_same() -> None:
    scene = scene_of_clip(FRAMES)
    clip = clip_seen(scene)
    knowing = Knowing(scene, clip, torch.arange(FRAMES))
    guess = knowing(clip.sight)
    model = scene.model.to(dtype=torch.float32)
    joints = guess.posed(model).joints[:, 0]
    truth = Truth(guess.rotations[:, 0], guess.wrist[:, 0], guess.betas, joints, joints)
    same = fit_distance_mm(knowing, Taught(clip.sight, truth), model)  # pyright: ignore[reportArgumentType]
    assert max(same) < 1e-2
    off = replace(truth, joints=joints + 0.01 * torch.randn(joints.shape))
    assert min(fit_distance_mm(knowing, Taught(clip.sight, off), model)) > 5.0  # pyright: ignore[reportArgumentType]


def test_without_the_clips_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(self_supervision, "SHARED", tmp_path)
    assert self_supervision.measure(quick=True).requirements == {}
    assert "skipped: the real clips are no part of the repository" in capsys.readouterr().out
