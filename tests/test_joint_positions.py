"""Known 3D joints: zero at the truth, a known value, the model's joints and not the landmarks, and a fit."""

from dataclasses import replace

import torch

from fitter.energy import Energy
from fitter.energy.joint_positions import JointPositions
from fitter.energy.term import DenseRows, linearise, term_energy
from fitter.observe.evidence import Evidence
from fitter.observe.known_positions import KnownPositions
from fitter.scene import Scene
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.normal_equations import feature_jacobian
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.state import State
from tests.mesh_scene import moved, nothing_seen
from tests.toy_problem import toy_scene


def known_from(scene: Scene) -> Evidence:
    joints = scene.posed.joints
    return replace(nothing_seen(scene), joints=KnownPositions(joints, torch.ones(joints.shape[:2]).double()))


def with_joints(evidence: Evidence, positions_m: torch.Tensor, weight: torch.Tensor) -> Evidence:
    return replace(evidence, joints=KnownPositions(positions_m, weight))


def test_it_is_on_only_with_known_joints() -> None:
    scene = toy_scene(3)
    assert "joint_positions" in Energy().terms(known_from(scene))
    assert "joint_positions" not in Energy().terms(nothing_seen(scene))


def test_it_is_zero_at_the_truth_and_counts_standard_deviations() -> None:
    """The landmarks of the toy scene lie 4 mm off its joints: they are not what is compared."""
    scene = toy_scene(3)
    evidence = known_from(scene)
    assert float(term_energy(JointPositions(), scene, evidence)) == 0.0
    off = scene.posed.joints - torch.tensor([0.0, 0.010, 0.0])
    half = with_joints(evidence, off, torch.full((3, 21), 0.25).double())
    residual = JointPositions(sigma_mm=5.0).residual(scene, half)
    assert torch.allclose(residual, torch.tensor([0.0, 1.0, 0.0]).double().expand_as(residual))


def test_its_rows_are_how_the_joints_move() -> None:
    truth = toy_scene(3)
    scene, evidence = moved(truth, 0.2), known_from(truth)
    rows = linearise(JointPositions(sigma_mm=1000.0), scene, evidence)
    assert isinstance(rows, DenseRows)
    on_the_joints = replace(scene, landmarks=scene.model.landmarks)
    expected = feature_jacobian(on_the_joints)[:, :21]
    assert torch.allclose(rows.frames, expected[..., :51], atol=1e-12)
    assert torch.allclose(rows.shared, expected[..., 51:], atol=1e-12)


def test_unknown_joints_cost_nothing_and_a_batch_equals_a_loop() -> None:
    truth = toy_scene(3)
    evidence = known_from(truth)
    unknown = with_joints(evidence, torch.zeros(3, 21, 3).double(), torch.zeros(3, 21).double())
    assert float(term_energy(JointPositions(), truth, unknown)) == 0.0
    states = [moved(truth, 0.1, seed).state for seed in (1, 2)]
    names = ("rotations", "trajectory", "betas", "log_focal")
    stacked = State(*(torch.stack([getattr(state, name) for state in states]) for name in names))
    together = term_energy(JointPositions(), truth.with_state(stacked), evidence)
    alone = torch.stack([term_energy(JointPositions(), truth.with_state(state), evidence) for state in states])
    assert torch.allclose(together, alone)


def test_a_fit_finds_the_known_joints_though_some_are_unknown() -> None:
    truth = toy_scene(4)
    generator = torch.Generator().manual_seed(0)
    weight = (torch.rand(4, 21, generator=generator) < 0.8).double()
    evidence = with_joints(nothing_seen(truth), truth.posed.joints * weight.unsqueeze(-1), weight)
    problem = Problem(truth, evidence, Energy().terms(evidence), ("orientation", "pose", "trajectory", "betas"))
    outcome = run(LevenbergMarquardt(max_steps=60, tolerance=1e-6), problem, moved(truth, 0.2).state)
    error_mm = 1000.0 * (truth.with_state(outcome.state).posed.joints - truth.posed.joints).norm(dim=-1)
    assert outcome.energy <= problem.energy(truth.state)
    assert float(error_mm[weight > 0].mean()) < 3.0  # measured 1.4: the priors of the whole energy pull too
