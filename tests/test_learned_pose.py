"""The whitened joint angles: their moments, a known value, rows, batches; what they stand in for; a fit."""

from dataclasses import fields, replace
from math import radians

import pytest
import torch

from fitter import rotation
from fitter.energy import Energy
from fitter.energy.learned_pose import LearnedPose
from fitter.energy.term import FrameRows, Rows, dense_rows, linearise, term_energy
from fitter.hand.pose_prior import PosePrior
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve import assembly, normal_equations
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.normal_equations import dense_of_features, feature_jacobian
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.state import State
from tests.mesh_scene import moved, nothing_seen
from tests.toy_problem import toy_scene

MIDDLE, END = 3 * 1 + 2, 3 * 2 + 2  # flexion of the index finger's middle and end joint, of the 45 angles


def random_prior(seed: int = 0) -> PosePrior:
    """Correlated angles of about 10 degrees around a half-open hand."""
    generator = torch.Generator().manual_seed(seed)
    root = radians(10.0) * torch.randn(45, 60, generator=generator, dtype=torch.float64) / 60**0.5
    mean = 0.3 * torch.rand(15, 3, generator=generator, dtype=torch.float64)
    return PosePrior.of_moments(mean, root @ root.mT)


def known(scene: Scene, prior: PosePrior) -> Evidence:
    return replace(nothing_seen(scene), pose_prior=prior)


def test_it_acts_only_with_a_prior_and_then_for_pose_and_coupling() -> None:
    scene = toy_scene(3)
    without, given = Energy().terms(nothing_seen(scene)), Energy().terms(known(scene, random_prior()))
    assert {"pose", "coupling"} <= without.keys() and "learned_pose" not in without
    assert without.keys() - given.keys() == {"pose", "coupling"}
    assert given.keys() - without.keys() == {"learned_pose"}
    off = Energy(learned_pose=None).terms(known(scene, random_prior()))
    assert off.keys() == without.keys()


def test_the_whitened_angles_of_a_gaussian_have_unit_covariance() -> None:
    prior = random_prior()
    whitening = prior.whitening.flatten(0, 1)
    eye = torch.eye(45, dtype=torch.float64)
    assert torch.allclose(whitening @ prior.covariance_rad2 @ whitening.mT, eye, atol=1e-9)
    assert torch.allclose(whitening, whitening.mT)  # the symmetric root, which stays nearest to the angles


def test_independent_angles_count_their_own_deviations() -> None:
    scene = toy_scene(3)
    deviation = torch.linspace(0.1, 0.5, 45, dtype=torch.float64)
    prior = PosePrior.of_moments(torch.full((15, 3), 0.1).double(), torch.diag(deviation**2))
    residual = LearnedPose(width=2.0).residual(scene, known(scene, prior))
    expected = (scene.joint_angles - 0.1).flatten(-2) / (2.0 * deviation)
    assert residual.shape == (3, 5, 9)
    assert torch.allclose(residual.flatten(-2), expected)


def test_a_likely_combination_costs_less_than_an_unlikely_one_of_the_same_size() -> None:
    """An end joint that follows its middle joint, against one that does the opposite."""
    covariance = radians(20.0) ** 2 * torch.eye(45, dtype=torch.float64)
    covariance[MIDDLE, END] = covariance[END, MIDDLE] = 0.9 * radians(20.0) ** 2
    prior = PosePrior.of_moments(torch.zeros(15, 3).double(), covariance)
    scene, energies = toy_scene(1), []
    for sign in (1.0, -1.0):
        angles = torch.zeros(45, dtype=torch.float64)
        angles[MIDDLE], angles[END] = radians(30.0), sign * radians(30.0)
        vectors = torch.einsum("jca,ja->jc", scene.model.joint_axes, angles.reshape(15, 3))
        rotations = torch.cat([scene.state.rotations[:, :1], rotation.exp(vectors)[None]], dim=1)
        bent = scene.with_state(replace(scene.state, rotations=rotations))
        energies.append(float(term_energy(LearnedPose(), bent, known(scene, prior))))
    # 0.5 * 2 * 1.5^2 / (1 +- 0.9): eigenvalues of the pair.
    assert energies == pytest.approx([2.25 / 1.9, 2.25 / 0.1])


@pytest.mark.parametrize("robust_width", [None, 4.0])
def test_rows_equal_automatic_differentiation(robust_width: float | None) -> None:
    truth = toy_scene(4)
    scene, evidence = moved(truth, 0.3), known(truth, random_prior())
    term = LearnedPose(width=1.3, robust_width=robust_width)
    rows, reference = linearise(term, scene, evidence), dense_rows(term, scene, evidence)
    assert isinstance(rows, FrameRows)
    dense = dense_of_features(rows, feature_jacobian(scene))
    assert torch.allclose(rows.residual, reference.residual, atol=1e-12)
    assert torch.allclose(dense.frames, reference.frames, atol=1e-9)
    assert float(reference.frames.abs().max()) > 0.1 and float(reference.shared.abs().max()) == 0.0


def test_the_compiled_assembly_equals_the_torch_twin() -> None:
    truth = toy_scene(4)
    scene, evidence = moved(truth, 0.3), known(truth, random_prior())
    rows: list[tuple[Rows, float | None]] = [(linearise(LearnedPose(), scene, evidence), 4.0)]
    mine, twin = assembly.assemble(rows, scene), normal_equations.assemble(rows, scene)
    assert torch.allclose(mine.diagonal, twin.diagonal, rtol=1e-9)
    assert torch.allclose(mine.gradient.frames, twin.gradient.frames, rtol=1e-9)


def test_a_batch_equals_a_loop_and_float32_is_kept() -> None:
    truth = toy_scene(3)
    evidence = known(truth, random_prior())
    states = [moved(truth, 0.1, seed).state for seed in (1, 2)]
    stacked = State(*(torch.stack([getattr(state, f.name) for state in states]) for f in fields(State)))
    together = term_energy(LearnedPose(robust_width=4.0), truth.with_state(stacked), evidence)
    alone = [term_energy(LearnedPose(robust_width=4.0), truth.with_state(state), evidence) for state in states]
    assert torch.allclose(together, torch.stack(alone))
    single = replace(truth, model=truth.model.to(dtype=torch.float32), state=truth.state.to(dtype=torch.float32))
    residual = LearnedPose().residual(single, evidence)
    assert residual.dtype == torch.float32
    assert torch.allclose(residual.double(), LearnedPose().residual(truth, evidence), atol=1e-4)


def test_a_hand_that_nobody_saw_is_held_as_hands_are() -> None:
    truth, prior = toy_scene(3), random_prior()
    evidence = known(truth, prior)
    problem = Problem(truth, evidence, {"learned_pose": LearnedPose()}, ("pose",))
    outcome = run(LevenbergMarquardt(max_steps=40, tolerance=1e-12), problem, truth.state)
    angles = truth.with_state(outcome.state).joint_angles
    assert torch.allclose(angles, prior.mean_rad.expand_as(angles), atol=1e-6)


def test_evidence_takes_its_prior_along_to_another_device() -> None:
    evidence = known(toy_scene(2), random_prior()).to("meta")
    assert evidence.pose_prior is not None
    assert {tensor.device.type for tensor in vars(evidence.pose_prior).values()} == {"meta"}
