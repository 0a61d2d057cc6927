"""The posterior's sigma is what the joints really err by: against truths drawn from the priors and refitted.

These truths have no model error, so the posterior is taken at face value; `test_calibration` is about the rest.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter import rotation
from fitter.camera import ASSUMED_FOCAL_SD
from fitter.energy import Energy
from fitter.energy.articulation import Articulation
from fitter.energy.image_depth import ImageDepth
from fitter.energy.keypoints import Keypoints
from fitter.energy.pose import Pose
from fitter.energy.shape import Shape
from fitter.energy.term import Term
from fitter.hand.joint_axes import DEVIATION_RAD, MEAN_RAD
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve.band import Covariance
from fitter.solve.calibration import FACE_VALUE, Calibration, Scale, Trust
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.posterior import Posterior, counted_once, estimate_posterior, without_shared
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.solve.threads import one_thread
from tests.toy_problem import evidence_of, toy_scene

FREE = ("orientation", "pose", "trajectory", "betas")
# The noise of `evidence_of`, said truly: 2 px, depth of 2.5 % (at the focal length of the scene), 3D directions of 8
# degrees. No robust losses, since there are no outliers.
TRUE_TERMS: dict[str, Term] = {
    "keypoints": Keypoints(sigma_px=2.0, robust_width=None),
    "image_depth": ImageDepth(sigma_px=0.025 * 900.0 * np.exp(0.05), robust_width=None),
    "articulation": Articulation(sigma_deg=np.degrees(0.14), robust_width=None),
    "pose": Pose(),
    "shape": Shape(),
}


def drawn_from_the_priors(scene: Scene, seed: int) -> Scene:
    """The scene with a pose and a shape as the terms say they are distributed."""
    generator = torch.Generator().manual_seed(seed)
    state = scene.state
    spread = torch.randn(state.n_frames, 15, 3, generator=generator, dtype=torch.float64)
    angles = torch.from_numpy(MEAN_RAD) + spread * torch.from_numpy(DEVIATION_RAD)
    joints = rotation.exp(torch.einsum("jca,tja->tjc", scene.model.joint_axes, angles))
    betas = torch.randn(scene.model.n_betas, generator=generator, dtype=torch.float64)
    rotations = torch.cat([state.rotations[:, :1], joints], dim=1)
    return scene.with_state(replace(state, rotations=rotations, betas=betas))


def fitted(scene: Scene, evidence: Evidence, terms: Mapping[str, Term]) -> tuple[Scene, Posterior]:
    """The fit that starts at the scene's own state."""
    problem = Problem(scene, evidence, terms, FREE)
    with one_thread():
        state = run(LevenbergMarquardt(max_steps=15, tolerance=1e-4), problem, scene.state).state
        return scene.with_state(state), estimate_posterior(problem, state, FACE_VALUE)


def test_errors_are_as_large_as_the_sigma_says() -> None:
    """40 truths, each drawn from the priors, seen with known noise and refitted: the errors over their sigmas have a
    mean square of 1, in camera axes and for the wrist and the fingertips alone.
    """
    squared = []
    for seed in range(40):
        truth = drawn_from_the_priors(toy_scene(2, seed), seed)
        fit, posterior = fitted(truth, evidence_of(truth, seed=seed), TRUE_TERMS)
        error_mm = 1000.0 * (fit.posed.joints - truth.posed.joints).norm(dim=-1).numpy()
        # The sigma is per axis: the squared length of the error has three times its variance.
        squared.append((error_mm / posterior.joints_sigma_mm) ** 2 / 3.0)
    mean_square = np.mean(squared, axis=(0, 1))
    # 40 draws of mostly one error, the depth: one standard deviation of the root is sqrt(1 / 80) = 11 %.
    assert 0.75 < np.sqrt(mean_square.mean()) < 1.25
    assert ((np.sqrt(mean_square) > 0.65) & (np.sqrt(mean_square) < 1.4)).all()


def test_the_relative_sigma_is_what_is_left_when_the_size_is_known() -> None:
    truth = drawn_from_the_priors(toy_scene(2), 3)
    _, posterior = fitted(truth, evidence_of(truth, seed=3), TRUE_TERMS)
    assert (posterior.relative_sigma_mm < posterior.joints_sigma_mm).all()
    assert posterior.relative_sigma_mm.min() > 0.0


def test_sigma_grows_across_a_gap_and_falls_after_it() -> None:
    scene = toy_scene(30)
    evidence = evidence_of(scene, seed=4, missing=0.0)
    seen = torch.ones(30, 1, dtype=torch.float64)
    seen[10:20] = 0.0
    gap = replace(
        evidence,
        confidence=evidence.confidence * seen,
        depth_weight=evidence.depth_weight * seen,
        bone_weight=evidence.bone_weight * seen,
    )
    _, posterior = fitted(scene, gap, Energy().terms())
    sigma = posterior.relative_sigma_mm.mean(axis=1)
    assert (np.diff(sigma[9:15]) > 0).all() and (np.diff(sigma[15:21]) < 0).all()
    assert sigma[14] > 2.0 * sigma[5] and np.isfinite(sigma).all()


@pytest.mark.parametrize(("stated_px", "factor"), [(1.0, 4.0), (2.0, 1.0), (4.0, 0.25)])
def test_the_variance_factor_finds_the_true_noise(stated_px: float, factor: float) -> None:
    scene = toy_scene(20)
    smooth = {name: term for name, term in Energy().terms().items() if "smoothness" in name}
    terms = TRUE_TERMS | smooth | {"keypoints": Keypoints(sigma_px=stated_px, robust_width=None)}
    _, posterior = fitted(scene, evidence_of(scene, seed=6), terms)
    # Of the sigma. Some 750 numbers measure it, which is 4 %; the rest is that it is estimated once, at the minimum of
    # the stated sigmas: measured 0.97, 1.03 and 1.15 of the true one.
    assert np.sqrt(posterior.variance_factors["keypoints"] / factor) == pytest.approx(1.0, abs=0.2)


def test_unit_vectors_measure_one_number_less_than_they_have() -> None:
    scene = toy_scene(20)
    smooth = {name: term for name, term in Energy().terms().items() if "smoothness" in name}
    _, posterior = fitted(scene, evidence_of(scene, seed=6), TRUE_TERMS | smooth)
    # Counted as three numbers, a unit vector's factor came out at 0.73.
    assert posterior.variance_factors["articulation"] == pytest.approx(1.0, abs=0.2)


def test_a_sigma_stated_too_large_does_not_make_the_fit_unsure() -> None:
    scene = toy_scene(20)
    evidence = evidence_of(scene, seed=6)
    sigmas = []
    for stated_px in (2.0, 4.0):
        terms = TRUE_TERMS | {"keypoints": Keypoints(sigma_px=stated_px, robust_width=None)}
        sigmas.append(fitted(scene, evidence, terms)[1].relative_sigma_mm.mean())
    assert sigmas[1] == pytest.approx(sigmas[0], rel=0.15)


def test_terms_that_all_fit_badly_leave_a_posterior() -> None:
    """Factors of 10 once took the 1 of a fixed unknown below zero, once for each term."""
    scene = toy_scene(3)
    state = scene.state
    away = replace(state, trajectory=state.trajectory + 0.05, rotations=state.rotations.roll(1, dims=1))
    problem = Problem(scene, evidence_of(scene, seed=6), TRUE_TERMS, FREE)
    posterior = estimate_posterior(problem, away, FACE_VALUE)
    assert min(posterior.variance_factors.values()) > 5.0
    assert np.isfinite(posterior.joints_sigma_mm).all() and posterior.joints_sigma_mm.min() > 0.0


def test_a_term_that_measured_nothing_has_factor_one() -> None:
    scene = toy_scene(3)
    evidence = evidence_of(scene, seed=6)
    blind = replace(evidence, depth_weight=torch.zeros_like(evidence.depth_weight))
    assert fitted(scene, blind, TRUE_TERMS)[1].variance_factors["image_depth"] == 1.0


def test_a_longer_clip_does_not_make_the_size_surer() -> None:
    """What a detector repeats from frame to frame counts once: the sigma of the shared unknowns stays."""
    sigmas = []
    for n_frames in (5, 50):
        scene = toy_scene(n_frames)
        evidence = evidence_of(scene, seed=6, missing=0.0)
        problem = Problem(scene, evidence, Energy().terms(), (*FREE, "focal"))
        sigmas.append(estimate_posterior(problem, scene.state, FACE_VALUE).focal_sigma)
    assert sigmas[1] == pytest.approx(sigmas[0], rel=0.3)
    assert 0.01 < sigmas[0] < 0.3


def test_conditioning_on_the_shared_unknowns() -> None:
    """Against the blocks of a dense matrix of two frames' worth of unknowns."""
    rng = np.random.default_rng(0)
    root = rng.standard_normal((58, 80))
    precision = root @ root.T
    inverse = np.linalg.inv(precision)
    covariance = Covariance(inverse[None, :51, :51], inverse[None, :51, 51:], inverse[51:, 51:])
    given = without_shared(covariance)
    assert np.allclose(given.frames[0], np.linalg.inv(precision[:51, :51]), atol=1e-12)
    assert not given.frames_shared.any() and not given.shared.any()
    tripled = counted_once(covariance, 3.0)
    assert np.allclose(tripled.shared, 3.0 * covariance.shared)
    assert np.allclose(without_shared(tripled).frames, given.frames, atol=1e-10)
    same = counted_once(covariance, 1.0)
    assert np.allclose(same.frames, covariance.frames)


def test_an_assumed_focal_length_adds_its_share_of_the_distance() -> None:
    scene = toy_scene(3)
    evidence = evidence_of(scene, seed=6)
    assumed = replace(scene, camera=replace(scene.camera, known=False))
    known, unknown = (
        estimate_posterior(Problem(each, evidence, TRUE_TERMS, FREE), scene.state, FACE_VALUE)
        for each in (scene, assumed)
    )
    depth_mm = 1000.0 * scene.posed.joints[..., 2].numpy()
    added = np.square(unknown.joints_sigma_mm) - np.square(known.joints_sigma_mm)
    np.testing.assert_allclose(added, np.square(ASSUMED_FOCAL_SD * depth_mm) / 3.0, rtol=1e-6)
    np.testing.assert_array_equal(unknown.relative_sigma_mm, known.relative_sigma_mm)


def test_the_focal_lengths_sigma_is_that_of_where_it_comes_from() -> None:
    scene = toy_scene(3)
    evidence = evidence_of(scene, seed=6)
    lens = replace(scene.camera, known=False, focal_sigma=0.1, focal_source="metadata")
    assert [
        estimate_posterior(Problem(replace(scene, camera=camera), evidence, TRUE_TERMS, FREE), scene.state).focal_sigma
        for camera in (scene.camera, replace(scene.camera, known=False), lens)
    ] == [0.0, ASSUMED_FOCAL_SD, 0.1]
    unknown = Problem(replace(scene, camera=lens), evidence, Energy().terms(), (*FREE, "focal"))
    assert 0.0 < estimate_posterior(unknown, scene.state).focal_sigma < 0.1  # the metadata's own prior


def test_less_trust_in_the_keypoints_makes_the_fit_less_sure() -> None:
    scene = toy_scene(5)
    evidence, trusts = evidence_of(scene, seed=6), (Trust(), Trust(data_factor=16.0))
    problem = Problem(scene, evidence, TRUE_TERMS, FREE)
    full, little = (estimate_posterior(problem, scene.state, Calibration(trust, {})) for trust in trusts)
    # A sixteenth of the information is four times the sigma, but for what the priors of pose and shape say.
    ratio = little.relative_sigma_mm / full.relative_sigma_mm
    assert ratio.min() > 1.5 and ratio.mean() > 3.0 and ratio.max() < 4.0 + 1e-6


def test_frames_beside_a_doubted_one_are_less_sure_and_far_ones_as_sure_as_before() -> None:
    scene = toy_scene(9)
    evidence = replace(evidence_of(scene, seed=6), time_s=torch.arange(9).double())
    confidence = evidence.confidence.clone()
    confidence[4] /= 64.0
    problem = Problem(scene, replace(evidence, confidence=confidence), TRUE_TERMS, FREE)
    once, longer = (
        estimate_posterior(problem, scene.state, Calibration(Trust(lasting_s=lasting_s), {})).relative_sigma_mm
        for lasting_s in (0.0, 1.0)
    )
    ratio = (longer / once).mean(axis=1)
    assert ratio[3] > 1.2 and ratio[5] > 1.2
    assert ratio[[0, 8]].max() < 0.5 * ratio[[3, 5]].min()


def test_the_scale_of_the_regime_is_applied() -> None:
    scene = toy_scene(3)
    evidence = evidence_of(scene, seed=6)
    problem = Problem(scene, evidence, TRUE_TERMS, FREE)
    calibration = Calibration(Trust(), {"depth cue": Scale(2.0, 3.0, 1.0), "no depth cue": Scale(100.0, 0.0, 1.0)})
    raw = estimate_posterior(problem, scene.state, FACE_VALUE)
    scaled = estimate_posterior(problem, scene.state, calibration)
    np.testing.assert_allclose(scaled.relative_sigma_mm**2, 4.0 * raw.relative_sigma_mm**2 + 9.0)
    shared = raw.joints_sigma_mm**2 - raw.relative_sigma_mm**2
    np.testing.assert_allclose(scaled.joints_sigma_mm**2, scaled.relative_sigma_mm**2 + shared)
