"""Every term: zero at the truth, a Jacobian equal to automatic differentiation's, batches equal to loops."""

from dataclasses import fields, replace

import pytest
import torch

from fitter.energy import Energy
from fitter.energy.image_depth import ImageDepth
from fitter.energy.keypoints import Keypoints
from fitter.energy.shape import Shape
from fitter.energy.term import (
    FIRST_ROTATION,
    DenseRows,
    EnergyTerm,
    FrameRows,
    SharedRows,
    SurfaceRows,
    TemporalRows,
    dense_rows,
    linearise,
    robust_loss,
    robust_weight,
    term_energy,
)
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve.normal_equations import dense_of_features, feature_jacobian
from fitter.state import State, Step
from tests.toy_problem import evidence_of, toy_scene

TERMS = {name: term for name, term in Energy().terms().items() if isinstance(term, EnergyTerm)}
DATA_TERMS = ("keypoints", "bone_direction", "image_depth", "articulation")
N_FRAMES = 6


def perturbed(scene: Scene, size: float = 0.1) -> Scene:
    """A state away from the truth, with some joints outside their natural range."""
    generator = torch.Generator().manual_seed(3)
    n_frames, n_shared = scene.state.n_frames, scene.state.n_shared
    frames = size * torch.randn(n_frames, 51, generator=generator, dtype=torch.float64)
    shared = size * torch.randn(n_shared, generator=generator, dtype=torch.float64)
    return scene.with_state(scene.state.retract(Step(frames, shared)))


def assert_temporal_rows_are_exact(term: EnergyTerm, scene: Scene, evidence: Evidence, lag: int) -> None:
    """The slopes of the third triple's residual in the state `lag` frames later are automatic differentiation's."""
    triple, n_frames = 2, scene.state.n_frames
    rows = linearise(term, scene, evidence)
    assert isinstance(rows, TemporalRows)

    def residual(delta: torch.Tensor) -> torch.Tensor:
        frames = [delta if frame == triple + lag else torch.zeros_like(delta) for frame in range(n_frames)]
        step = Step(torch.stack(frames), torch.zeros(scene.state.n_shared).double())
        return term.residual(scene.with_state(scene.state.retract(step)), evidence)[triple]

    reference = torch.func.jacfwd(residual)(torch.zeros(51, dtype=torch.float64))
    expected = torch.zeros_like(reference)
    for group, feature in enumerate(rows.features):
        first = 3 * (int(feature) - FIRST_ROTATION)
        expected[group, :, first : first + 3] = rows.jacobian[triple, group, :, lag]
    assert torch.allclose(expected, reference, atol=1e-9)
    assert float(reference.abs().max()) > 0.1


def noiseless(scene: Scene) -> Evidence:
    from fitter.observe.evidence import palm_aligned_directions

    evidence = evidence_of(scene, seed=1, noise_px=0.0, missing=0.0)
    depth = (scene.points[..., 2] / scene.points[:, :1, 2] - 1.0) * scene.focal[0]
    return replace(evidence, depth_px=depth, bone_directions=palm_aligned_directions(scene.points, scene.model)[0])


@pytest.mark.parametrize("name", ["keypoints", "bone_direction", "image_depth"])
def test_a_measurement_term_is_zero_at_the_truth(name: str) -> None:
    scene = toy_scene(N_FRAMES)
    assert float(term_energy(TERMS[name], scene, noiseless(scene))) < 1e-20


def test_articulation_is_zero_at_the_truth_of_a_hand_whose_palm_is_the_models() -> None:
    scene = toy_scene(N_FRAMES)
    scene = replace(scene, landmarks=scene.model.landmarks)
    state = scene.state
    scene = scene.with_state(replace(state, betas=torch.zeros_like(state.betas)))
    assert float(term_energy(TERMS["articulation"], scene, noiseless(scene))) < 1e-12  # bones are kept finite by 1e-6 m


@pytest.mark.parametrize("name", [n for n, t in TERMS.items() if "smoothness" not in n])
def test_rows_equal_automatic_differentiation(name: str) -> None:
    scene = perturbed(toy_scene(N_FRAMES))
    evidence = evidence_of(toy_scene(N_FRAMES), seed=1)
    rows, reference = linearise(TERMS[name], scene, evidence), dense_rows(TERMS[name], scene, evidence)
    assert not isinstance(rows, SurfaceRows)
    if name == "self_collision":  # rows of touching pairs alone, here none: see test_self_collision
        assert rows.residual.shape[1] == 0 and not reference.residual.any()
        return
    assert torch.allclose(rows.residual, reference.residual, atol=1e-12)
    # 1e-7: the bones' unit vectors are kept finite by a length of 1e-3 px, which a change of focal length does not
    # scale.
    if isinstance(rows, FrameRows):
        dense = dense_of_features(rows, feature_jacobian(scene))
        assert torch.allclose(dense.frames, reference.frames, atol=1e-9)
        assert torch.allclose(dense.shared, reference.shared, atol=1e-7)
    else:
        assert isinstance(rows, SharedRows)
        assert torch.allclose(rows.jacobian, reference.shared[0, :, 0], atol=1e-12)
    assert float(reference.frames.abs().max() + reference.shared.abs().max()) > 0.1


@pytest.mark.parametrize("name", ["pose_smoothness", "trajectory_smoothness"])
@pytest.mark.parametrize("lag", [0, 1, 2])
def test_temporal_rows_equal_automatic_differentiation(name: str, lag: int) -> None:
    scene = perturbed(toy_scene(N_FRAMES), size=0.3)
    evidence = replace(
        evidence_of(toy_scene(N_FRAMES), seed=1), time_s=torch.tensor([0.0, 0.03, 0.08, 0.1, 0.15, 0.2]).double()
    )
    assert_temporal_rows_are_exact(TERMS[name], scene, evidence, lag)


def test_steady_motion_costs_nothing_however_unevenly_it_is_sampled() -> None:
    scene = toy_scene(4)
    state, time_s = scene.state, torch.tensor([0.0, 0.02, 0.09, 0.1]).double()
    from fitter import rotation

    turn = torch.tensor([0.5, -1.0, 2.0]).double()  # rad/s
    moving = State(
        state.rotations[:1] @ rotation.exp(time_s[:, None, None] * turn.expand(1, 16, 3)),
        state.trajectory[:1] + time_s[:, None] * torch.tensor([0.3, 0.1, -0.2]).double(),
        state.betas,
        state.log_focal,
    )
    evidence = replace(evidence_of(scene, seed=1), time_s=time_s)
    for name in ("pose_smoothness", "trajectory_smoothness"):
        assert float(term_energy(TERMS[name], scene.with_state(moving), evidence)) < 1e-15


@pytest.mark.parametrize("name", list(TERMS))
def test_a_batch_equals_a_loop(name: str) -> None:
    scenes = [toy_scene(N_FRAMES), perturbed(toy_scene(N_FRAMES))]
    evidence = evidence_of(scenes[0], seed=1)
    stacked = State(*(torch.stack([getattr(s.state, f.name) for s in scenes]) for f in fields(State)))
    together = term_energy(TERMS[name], scenes[0].with_state(stacked), evidence)
    alone = torch.stack([term_energy(TERMS[name], scene, evidence) for scene in scenes])
    assert torch.allclose(together, alone)


@pytest.mark.parametrize("name", list(TERMS))
def test_a_batch_with_its_own_evidence_equals_a_loop(name: str) -> None:
    scenes = [perturbed(toy_scene(N_FRAMES)), perturbed(toy_scene(N_FRAMES), 0.2)]
    seen = [evidence_of(scenes[0], seed=1), evidence_of(scenes[0], seed=2, missing=0.3)]
    seen[1] = replace(seen[1], pixel_scale=2.0 * seen[1].pixel_scale, time_s=1.5 * seen[1].time_s)
    given = [f.name for f in fields(Evidence) if getattr(seen[0], f.name) is not None]
    both = replace(seen[0], **{name: torch.stack([getattr(each, name) for each in seen]) for name in given})
    stacked = State(*(torch.stack([getattr(s.state, f.name) for s in scenes]) for f in fields(State)))
    together = term_energy(TERMS[name], scenes[0].with_state(stacked), both)
    alone = [term_energy(TERMS[name], scene, each) for scene, each in zip(scenes, seen, strict=True)]
    assert torch.allclose(together, torch.stack(alone))


@pytest.mark.parametrize("name", DATA_TERMS)
def test_what_was_not_seen_costs_nothing(name: str) -> None:
    scene = toy_scene(N_FRAMES)
    evidence = evidence_of(scene, seed=1)
    nothing = torch.zeros_like
    blind = replace(
        evidence,
        confidence=nothing(evidence.confidence),
        depth_weight=nothing(evidence.depth_weight),
        bone_weight=nothing(evidence.bone_weight),
        keypoints_px=nothing(evidence.keypoints_px),
    )
    assert float(term_energy(TERMS[name], perturbed(scene), blind)) == 0.0
    rows = linearise(TERMS[name], perturbed(scene), blind)
    assert isinstance(rows, FrameRows)
    assert bool(torch.isfinite(rows.jacobian).all()) and float(rows.jacobian.abs().max()) == 0.0


def test_keypoints_count_standard_deviations() -> None:
    scene = toy_scene(N_FRAMES)
    evidence = evidence_of(scene, seed=1, noise_px=0.0, missing=0.0)
    off = replace(evidence, keypoints_px=evidence.keypoints_px + torch.tensor([8.0, 0.0]).double())
    residual = Keypoints(sigma_px=4.0).residual(scene, off)
    assert torch.allclose(residual, torch.tensor([-2.0, 0.0]).double().expand_as(residual))


def test_image_depth_does_not_reward_a_longer_focal_length() -> None:
    """With the residual over the focal length, noise shrank as it grew; in pixels it does not."""
    scene = toy_scene(200)
    evidence = evidence_of(scene, seed=1)
    state = scene.state
    energies = []
    for factor in (1.0, 3.0):
        depth = state.trajectory + torch.tensor([0.0, 0.0, factor]).double().log().nan_to_num(0.0, 0.0, 0.0)
        moved = replace(state, log_focal=state.log_focal + torch.tensor(factor).log(), trajectory=depth)
        energies.append(float(term_energy(ImageDepth(), scene.with_state(moved), evidence)))
    assert energies[1] > 0.98 * energies[0]


def test_the_shape_prior_is_counted_once_per_independent_frame() -> None:
    short, long = toy_scene(5), toy_scene(500)
    long = long.with_state(replace(long.state, betas=short.state.betas))
    term = Shape(independent_frames=5.0)
    once = term_energy(term, short, evidence_of(short, seed=1, missing=0.0))
    often = term_energy(term, long, evidence_of(long, seed=1, missing=0.0))
    assert torch.allclose(often, 100.0 * once)


def test_betas_beyond_the_limit_cost_more_with_exact_slopes() -> None:
    scene = toy_scene(5)
    betas = torch.zeros_like(scene.state.betas)
    betas[0], betas[1] = 2.0, -4.0
    scene, term = scene.with_state(replace(scene.state, betas=betas)), Shape(limit=3.0)
    evidence = evidence_of(toy_scene(5), seed=1, missing=0.0)
    assert float(term_energy(term, scene, evidence)) == pytest.approx(0.5 * (4.0 + 16.0 + 100.0 * 1.0))
    rows, reference = term.rows(scene, evidence), dense_rows(term, scene, evidence)
    assert torch.allclose(rows.jacobian, reference.shared[0, :, 0])
    assert float(rows.jacobian.abs().max()) == 10.0


def test_the_robust_weight_is_the_slope_of_the_loss() -> None:
    squared = torch.tensor([0.0, 0.5, 4.0, 900.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(robust_loss(squared, 3.0).sum(), squared)
    assert torch.allclose(slope, robust_weight(squared, 3.0))
    assert torch.equal(robust_loss(squared, None), squared)


class Unwritten:
    """A term that gives only its residual, as a user's own would."""

    robust_width = None

    def residual(self, scene: Scene, evidence: Evidence) -> torch.Tensor:
        return scene.points[..., 2:] - 0.5


def test_a_term_without_rows_is_differentiated() -> None:
    scene = toy_scene(N_FRAMES)
    term: EnergyTerm = Unwritten()
    rows = linearise(term, scene, evidence_of(scene, seed=1))
    assert isinstance(rows, DenseRows)
    assert torch.allclose(rows.frames[..., 0, :], feature_jacobian(scene)[:, :21, 2, :51], atol=1e-12)
