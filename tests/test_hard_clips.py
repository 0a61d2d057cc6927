"""Hands that hide, leave and come back: the engine bridges what it can, says how sure it is, and never falls over."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.filmed import filmed_clip
from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.initialise import initial_states
from fitter.observe.evidence import Evidence
from fitter.pipeline import FitInput, HandFit, Presence, fit_hand
from fitter.pipeline.presence import believed, in_view
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.solve.schedule import Schedule, Stage
from priors.synthetic.difficulty import Difficulty
from tests.toy_problem import evidence_of, toy_scene

FPS = 30.0
ENERGY, KEYPOINTS = Energy(), Schedule()
# Pixels enough to run through all that they do.
PIXELS = Schedule(
    stages=(
        Stage("explore", max_steps=4, tolerance=1e-2, damping=1e-4),
        Stage("refine", max_steps=20, tolerance=1e-4, damping=1e-4),
        Stage("coarse", max_steps=2, tolerance=1e-2, damping=1e-4, resolution=64),
    )
)


def truth_of(n_frames: int, seed: int = 0) -> Scene:
    scene = toy_scene(n_frames, seed)
    return scene.with_state(replace(scene.state, log_focal=torch.zeros((), dtype=torch.float64)))


def weighed(evidence: Evidence, weight: np.ndarray) -> Evidence:
    """The evidence with every joint's confidence (frames, 21) multiplied."""
    factor = torch.from_numpy(weight.astype(np.float64))
    bones = torch.minimum(factor[:, BONES], factor[:, POINT_PARENTS[BONES]])
    return replace(
        evidence,
        keypoints_px=evidence.keypoints_px * (factor > 0)[..., None],
        confidence=evidence.confidence * factor,
        depth_weight=evidence.depth_weight * factor * factor[:, :1].sign(),
        bone_weight=evidence.bone_weight * bones,
    )


def fitted(scene: Scene, evidence: Evidence, presence: Presence | None = None) -> HandFit:
    starts = tuple(initial_states(scene.model, scene.camera, evidence))
    given = FitInput(scene.model, scene.landmarks, scene.camera, evidence, starts)
    return fit_hand(given, ENERGY, KEYPOINTS, presence)


def turned_error_mm(fit: HandFit, scene: Scene) -> np.ndarray:
    """(frames, 21): distance of the joints from the truth, wrists at the origin."""
    found, true = (each.posed.joints - each.posed.joints[:, :1] for each in (fit.scene, scene))
    return 1000.0 * (found - true).norm(dim=-1).numpy()


def leaving(scene: Scene, first: int, last: int) -> Scene:
    """The scene with the hand moved two image widths to the side from frame `first` to `last`, in 0.2 s either way."""
    frames = torch.arange(scene.state.n_frames)
    ramp = 0.2 * FPS
    share = torch.minimum((frames - first + ramp) / ramp, (last + ramp - frames) / ramp).clamp(0.0, 1.0)
    trajectory = scene.state.trajectory.clone()
    trajectory[:, 0] += 2.0 * scene.camera.width / scene.camera.fx * share.to(trajectory.dtype)
    return scene.with_state(replace(scene.state, trajectory=trajectory))


def test_a_hand_that_leaves_and_returns_is_the_same_hand_and_not_there_meanwhile() -> None:
    scene = leaving(truth_of(100, seed=3), 30, 74)
    visible = in_view(scene)
    assert 0 < (~visible).sum() and visible[:25].all() and not visible[32:72].any() and visible[80:].all()
    inside = ((scene.keypoints >= 0) & (scene.keypoints <= torch.tensor([1280.0, 720.0]))).all(dim=-1).numpy()
    fit = fitted(scene, weighed(evidence_of(scene, seed=3), inside))
    assert fit.present[:24].all() and fit.present[80:].all()
    away = np.flatnonzero(~visible)
    # It is believed for a moment after it was last seen, and before it is seen again.
    assert fit.present[away].mean() < 0.4 and not fit.present[40:66].any()
    # One shape for both stays, and the second is as good as the first.
    assert fit.state.betas.shape == (scene.model.n_betas,)
    error = turned_error_mm(fit, scene).mean(axis=1)
    assert error[80:].mean() < 1.5 * error[:24].mean() + 2.0
    sigma = fit.posterior.relative_sigma_mm.mean(axis=1)
    assert sigma[40:64].min() > 2.0 * max(sigma[:20].max(), sigma[84:].max())


def test_a_hand_that_the_fit_has_moved_out_of_the_image_is_not_present() -> None:
    scene = truth_of(30, seed=3)
    weight = np.ones((30, 21))
    weight[20:] = 0.0
    evidence = weighed(evidence_of(scene, seed=3), weight)
    fit, sure = fitted(scene, evidence), Presence(max_sigma_mm=1e6, max_gap_s=10.0)
    assert in_view(scene).all() and believed(evidence, fit.posterior, sure, in_view(scene)).all()
    gone = in_view(leaving(scene, 18, 40))
    assert not gone[20:].any() and believed(evidence, fit.posterior, sure, gone).tolist() == [True] * 20 + [False] * 10


def test_fingers_that_nobody_sees_are_less_sure() -> None:
    scene = truth_of(40, seed=1)
    weight = np.ones((40, 21))
    fingers = slice(9, 21)
    weight[15:30, fingers] = 0.0
    clear, hidden = (fitted(scene, weighed(evidence_of(scene, seed=1), each)) for each in (np.ones((40, 21)), weight))
    before, after = (fit.posterior.relative_sigma_mm for fit in (clear, hidden))
    tips = [12, 16, 20]
    # What a detector errs by persists, so that one that sees them says little more than how fingers are held.
    assert (after[18:27][:, tips] > 1.05 * before[18:27][:, tips]).all()
    assert hidden.present.all()
    np.testing.assert_allclose(after[:5], before[:5], rtol=0.2)


def test_a_hand_doubted_for_a_while_is_less_sure_then() -> None:
    """What `doubted` takes from the confidence, the sigma gives back; the hand stays present."""
    scene = truth_of(40, seed=2)
    weight = np.ones((40, 21))
    weight[15:25] = 1.0 / 16.0
    fits = [fitted(scene, weighed(evidence_of(scene, seed=2), each)) for each in (np.ones((40, 21)), weight)]
    before, after = (fit.posterior.relative_sigma_mm.mean(axis=1) for fit in fits)
    assert (after[17:23] > 1.04 * before[17:23]).all() and fits[1].present.all()


def test_a_hand_half_beyond_the_border_is_there() -> None:
    """Its outer half is not seen at all, as some detectors have it."""
    scene = truth_of(40, seed=4)
    middle = scene.keypoints[..., 0].median(dim=1, keepdim=True).values
    weight = np.ones((40, 21))
    weight[10:30] = (scene.keypoints[..., 0] <= middle).numpy()[10:30]
    fit = fitted(scene, weighed(evidence_of(scene, seed=4), weight))
    assert fit.present.all() and fit.status == "converged"
    seen, unseen = weight[10:30] > 0, weight[10:30] == 0
    sigma, error = fit.posterior.relative_sigma_mm[10:30], turned_error_mm(fit, scene)[10:30]
    assert sigma[unseen].mean() > sigma[seen].mean()
    assert error[unseen].mean() < 3.0 * sigma[unseen].mean()


@pytest.mark.parametrize("seen", [[0], [19], [9], [0, 19], [4, 5], [3, 10, 11], [17, 18, 19]])
def test_few_frames_are_enough_for_a_result(seen: Sequence[int]) -> None:
    scene = truth_of(20, seed=5)
    weight = np.zeros((20, 21))
    weight[list(seen)] = 1.0
    fit = fitted(scene, weighed(evidence_of(scene, seed=5, missing=0.0), weight), Presence(1000.0, max_gap_s=0.11))
    # Three frames of 30 per second about each that is seen.
    near = np.abs(np.arange(20)[:, None] - np.array(seen)).min(axis=1) <= 3
    if len(seen) == 1:  # which tells nothing of where the hand was a moment ago: its sigma is in metres
        near = np.isin(np.arange(20), seen)
    assert fit.present.tolist() == near.tolist()
    assert all(bool(torch.isfinite(each).all()) for each in (fit.state.trajectory, fit.state.rotations))
    sigma = fit.posterior.relative_sigma_mm.mean(axis=1)
    assert np.isfinite(sigma).all()
    # Between two frames that are seen the mean of both may be surer than either; beyond them nothing is.
    assert (np.diff(sigma[max(seen) :]) > 0).all() and (np.diff(sigma[: min(seen) + 1]) < 0).all()


@pytest.mark.parametrize(
    ("n_frames", "seen"), [(1, [0]), (2, [0, 1]), (2, [1]), (6, [5]), (6, [0, 5]), (6, [2, 3]), (6, [0, 2, 4])]
)
def test_few_frames_are_enough_for_pixels(anny: HandModel, n_frames: int, seen: Sequence[int]) -> None:
    filmed = filmed_clip(anny, seed=4, n_frames=n_frames, difficulty=Difficulty(), size=(240, 180))
    weight = np.zeros((n_frames, 21))
    weight[list(seen)] = 1.0
    evidence = weighed(filmed.given.evidence, weight)
    starts = tuple(initial_states(anny, filmed.given.camera, evidence))
    given = replace(filmed.given, evidence=evidence, starts=starts)
    fit = fit_hand(given, filmed.energy(ENERGY), PIXELS)
    assert fit.photometric is not None and fit.photometric.frames_used == len(seen)
    assert fit.present[list(seen)].all()
    assert bool(torch.isfinite(fit.scene.vertices).all()) and np.isfinite(fit.posterior.joints_sigma_mm).all()
    error_mm = 1000.0 * np.linalg.norm(
        filmed.as_filmed(fit.scene.posed.joints - fit.scene.posed.joints[:, :1])
        - (filmed.clip.truth.joints_m - filmed.clip.truth.joints_m[:, :1]),
        axis=-1,
    )
    assert error_mm[list(seen)].mean() < 15.0
