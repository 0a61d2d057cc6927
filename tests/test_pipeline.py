"""One hand of one clip: never worse than its start, bridged where unseen, honest about where belief ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from fitter.energy import Energy
from fitter.energy.keypoints import Keypoints
from fitter.initialise import Start, initial_states
from fitter.observe.evidence import Evidence
from fitter.pipeline import FitInput, HandFit, Presence, fit_hand
from fitter.scene import Scene
from fitter.solve import normal_equations
from fitter.solve import problem as problem_module
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Status
from fitter.state import State
from tests.toy_problem import evidence_of, toy_scene

ENERGY = Energy()
FREE = ("orientation", "pose", "trajectory", "betas")


def given_of(scene: Scene, evidence: Evidence, starts: Sequence[Start] | None = None) -> FitInput:
    found = initial_states(scene.model, scene.camera, evidence) if starts is None else starts
    return FitInput(scene.model, scene.landmarks, scene.camera, evidence, tuple(found))


def truth_of(n_frames: int, seed: int = 0) -> Scene:
    """A clip with the camera's own focal length, as the default schedule keeps it."""
    scene = toy_scene(n_frames, seed)
    return scene.with_state(replace(scene.state, log_focal=torch.zeros((), dtype=torch.float64)))


def unseen(evidence: Evidence, frames: Sequence[int]) -> Evidence:
    keep = torch.ones(evidence.n_frames, 1, dtype=torch.float64)
    keep[list(frames)] = 0.0
    return replace(
        evidence,
        keypoints_px=evidence.keypoints_px * keep[..., None],
        confidence=evidence.confidence * keep,
        depth_weight=evidence.depth_weight * keep,
        bone_weight=evidence.bone_weight * keep,
    )


def energy_of(scene: Scene, evidence: Evidence, state: State) -> float:
    return Problem(scene, evidence, ENERGY.terms(), FREE).energy(state)


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_no_worse_than_the_truth(seed: int) -> None:
    scene = truth_of(20, seed)
    evidence = evidence_of(scene, seed=seed)
    fit = fit_hand(given_of(scene, evidence), ENERGY, Schedule())
    assert energy_of(scene, evidence, fit.state) <= energy_of(scene, evidence, scene.state)
    assert fit.status == "converged" and fit.present.all()
    error_mm = 1000.0 * (fit.scene.posed.joints - scene.posed.joints).norm(dim=-1)
    # Absolute, that is with the distance: the size prior of 10 mm on 186 leaves 27 mm at half a metre.
    assert float(error_mm.mean()) < 40.0
    error_px = (fit.scene.keypoints - scene.keypoints).norm(dim=-1)
    assert float(error_px.mean()) < 2.0  # of 2 px noise in each axis


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_the_shortest_clips_are_fitted(n_frames: int) -> None:
    scene = truth_of(n_frames)
    evidence = evidence_of(scene, seed=1)
    fit = fit_hand(given_of(scene, evidence), ENERGY, Schedule())
    assert fit.present.tolist() == [True] * n_frames
    assert energy_of(scene, evidence, fit.state) <= energy_of(scene, evidence, scene.state)
    assert np.isfinite(fit.posterior.joints_sigma_mm).all() and fit.posterior.joints_sigma_mm.shape == (n_frames, 21)


def test_a_clip_in_which_nothing_was_seen_rests_on_the_priors() -> None:
    """The command line ends before this with exit 3; the engine itself stays finite and believes in no frame."""
    scene = truth_of(5)
    evidence = unseen(evidence_of(scene, seed=1), range(5))
    fit = fit_hand(given_of(scene, evidence), ENERGY, Schedule())
    assert not fit.present.any() and fit.status == "converged"
    assert bool(torch.isfinite(fit.state.trajectory).all())
    # As long as hands are and in the shape of most, between which the toy hand's own length makes it choose.
    assert float(fit.scene.model.hand_length(fit.state.betas)) == pytest.approx(0.186, abs=0.01)
    assert float(fit.state.betas.abs().max()) < 1.0


def test_gaps_are_bridged_with_growing_sigma_and_belief_ends() -> None:
    scene = truth_of(60)
    evidence = unseen(evidence_of(scene, seed=2), [*range(10, 16), *range(30, 60)])
    fit = fit_hand(given_of(scene, evidence), ENERGY, Schedule(), Presence(max_sigma_mm=1000.0, max_gap_s=0.4))
    sigma = fit.posterior.relative_sigma_mm.mean(axis=1)
    assert sigma[12:14].min() > max(sigma[8], sigma[17])
    assert (np.diff(sigma[30:42]) > 0).all()
    # The last observation is frame 29: 0.4 s are 12 frames of 30 per second.
    assert fit.present.tolist() == [True] * 42 + [False] * 18
    error_mm = 1000.0 * (fit.scene.posed.joints[:, 0] - scene.posed.joints[:, 0]).norm(dim=-1).numpy()
    assert np.isfinite(error_mm).all() and error_mm[10:16].max() < 2.0 * max(error_mm[:10].max(), 20.0)


def test_belief_also_ends_where_the_fit_is_unsure() -> None:
    scene = truth_of(40)
    given = given_of(scene, unseen(evidence_of(scene, seed=2), range(15, 40)))
    sigma = root_mean_square(fit_hand(given, ENERGY, Schedule()))
    limit_mm = float(sigma[18])  # between what it is where the gap begins and where it ends
    fit = fit_hand(given, ENERGY, Schedule(), Presence(max_sigma_mm=limit_mm, max_gap_s=10.0))
    np.testing.assert_allclose(root_mean_square(fit), sigma)
    assert fit.present[:19].all() and not fit.present[19:].any()


def root_mean_square(fit: HandFit) -> np.ndarray:
    """Of the joints' relative sigmas, by frame, millimetres."""
    return np.sqrt(np.square(fit.posterior.relative_sigma_mm).mean(axis=1))


def test_the_default_presence_is_used_where_none_is_given() -> None:
    scene = truth_of(8)
    evidence = evidence_of(scene, seed=2)
    given = given_of(scene, evidence)
    assert (
        fit_hand(given, ENERGY, Schedule()).present == fit_hand(given, ENERGY, Schedule(), Presence()).present
    ).all()


@dataclass(frozen=True)
class Wrecker:
    """A solver that throws the hand far away and calls that a success."""

    max_steps: int = 1

    def init(self, problem: Problem, state: State) -> tuple[State, float]:
        return state, problem.energy(state)

    def step(self, problem: Problem, memory: tuple[State, float]) -> tuple[State, float]:
        wrecked = replace(memory[0], trajectory=memory[0].trajectory + 0.3)
        return wrecked, -1.0  # and lies about the energy

    def best(self, memory: tuple[State, float]) -> tuple[State, float]:
        return memory

    def terminate(self, memory: tuple[State, float]) -> Status | None:
        return Status.CONVERGED

    def current(self, problem: Problem, memory: tuple[State, float]) -> Scene:
        return problem.at(memory[0])

    def renewed(self, problem: Problem, memory: tuple[State, float]) -> tuple[State, float]:
        return memory


@dataclass(frozen=True)
class Wrecking(Schedule):
    def solver_of(self, stage: Stage) -> Wrecker:
        return Wrecker()


def test_a_fit_worse_than_its_start_returns_the_start_and_says_so() -> None:
    scene = truth_of(4)
    evidence = evidence_of(scene, seed=3)
    start = Start("truth", scene.state)
    fit = fit_hand(given_of(scene, evidence, [start]), ENERGY, Wrecking())
    assert fit.status == "the solver ended worse than its start, which is returned instead"
    assert torch.equal(fit.state.trajectory, scene.state.trajectory)
    assert fit.energies == fit.initial_energies


def test_a_solver_that_ran_out_of_steps_is_told_from_one_that_converged() -> None:
    scene = truth_of(6)
    evidence = evidence_of(scene, seed=3)
    hasty = Schedule(stages=(Stage("refine", free=FREE, max_steps=1, tolerance=1e-9),))
    fit = fit_hand(given_of(scene, evidence), ENERGY, hasty)
    assert fit.status == Status.OUT_OF_STEPS.value


def test_the_best_of_several_starts_is_refined() -> None:
    scene = truth_of(6)
    evidence = evidence_of(scene, seed=3)
    turned = replace(scene.state, rotations=scene.state.rotations.roll(5, dims=1))
    starts = [Start("turned", turned), Start("truth", scene.state)]
    short = Schedule(stages=(Stage("explore", free=FREE, max_steps=1), Stage("refine", free=FREE)))
    fit = fit_hand(given_of(scene, evidence, starts), ENERGY, short)
    assert fit.start == "truth"
    assert sum(fit.energies.values()) <= sum(fit.initial_energies.values())


def test_a_start_behind_the_camera_does_not_stop_the_others() -> None:
    scene = truth_of(4)
    evidence = evidence_of(scene, seed=3)
    lost = replace(scene.state, trajectory=scene.state.trajectory - torch.tensor([0.0, 0.0, 15.0]).double())
    lost = replace(lost, rotations=lost.rotations[:, [0] * 16])
    assert energy_of(scene, evidence, lost) == float("inf")
    fit = fit_hand(given_of(scene, evidence, [Start("lost", lost), Start("truth", scene.state)]), ENERGY, Schedule())
    assert fit.start == "truth" and fit.status == "converged"


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_first_order_solvers_fit_too(solver: str) -> None:
    scene = truth_of(4)
    evidence = evidence_of(scene, seed=3)
    stages = (Stage("pose", free=FREE, max_steps=2), Stage("refine", free=FREE, max_steps=4))
    fit = fit_hand(given_of(scene, evidence), ENERGY, Schedule(solver, stages))  # type: ignore[arg-type]
    assert sum(fit.energies.values()) < 0.5 * sum(fit.initial_energies.values())


def test_a_known_focal_length_is_never_free() -> None:
    stage = Stage("all")
    assert "focal" not in stage.free_names(focal_known=True)
    assert "focal" in stage.free_names(focal_known=False)


def test_the_listener_hears_every_stage_of_keypoints() -> None:
    scene = truth_of(3)
    evidence = evidence_of(scene, seed=3)
    heard: list[str] = []
    fit_hand(given_of(scene, evidence), ENERGY, Schedule(), on_step=lambda stage, *_: heard.append(stage))
    assert list(dict.fromkeys(heard)) == [stage.name for stage in Schedule().keypoint_stages]


def test_terms_that_a_stage_leaves_out_do_not_act_in_it() -> None:
    scene = truth_of(3)
    evidence = evidence_of(scene, seed=3)
    stages = (Stage("place", free=("orientation", "trajectory"), without=("image_depth",), max_steps=2), Stage("last"))
    heard: dict[str, set[str]] = {}
    fit_hand(
        given_of(scene, evidence),
        ENERGY,
        Schedule(stages=stages),
        on_step=lambda stage, step, energy, terms: heard.setdefault(stage, set()).update(terms),
    )
    assert "image_depth" not in heard["place"] and "image_depth" in heard["last"]


def same_fit(one: HandFit, other: HandFit) -> bool:
    pairs = [
        (one.state.rotations, other.state.rotations),
        (one.state.trajectory, other.state.trajectory),
        (one.state.betas, other.state.betas),
    ]
    sigmas = np.allclose(one.posterior.joints_sigma_mm, other.posterior.joints_sigma_mm, rtol=1e-5)
    return sigmas and all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_the_torch_twin_gives_the_same_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CUDA device computes, computed here: the whole way from the starts to the sigmas."""
    scene = truth_of(12)
    given = given_of(scene, evidence_of(scene, seed=5))
    by_numba = fit_hand(given, ENERGY, Schedule())
    monkeypatch.setattr(problem_module, "assembly", normal_equations)
    assert same_fit(fit_hand(given, ENERGY, Schedule()), by_numba)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU, or torch is built without")
@pytest.mark.parametrize("solver", ["levenberg_marquardt", "adam", "lbfgs"])
def test_a_cuda_device_gives_the_same_fit(solver: str) -> None:
    scene = truth_of(12)
    given = given_of(scene, evidence_of(scene, seed=5))
    stages = (Stage("pose", free=FREE, max_steps=3), Stage("refine", free=FREE, max_steps=20, tolerance=1e-8))
    schedule = Schedule(solver, stages)  # type: ignore[arg-type]
    there = fit_hand(given.to("cuda"), ENERGY, schedule)
    assert there.state.trajectory.device.type == "cpu" and there.scene.points.device.type == "cpu"
    if solver == "levenberg_marquardt":  # the others amplify rounding from step to step
        assert same_fit(there, fit_hand(given, ENERGY, schedule))
    else:
        assert sum(there.energies.values()) < 0.5 * sum(there.initial_energies.values())


def test_input_moves_to_a_device_whole() -> None:
    scene = truth_of(3)
    there = given_of(scene, evidence_of(scene, seed=5)).to("meta")
    tensors = [there.model.joints, there.landmarks.template, there.evidence.time_s, there.starts[0].state.betas]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_keypoints_alone_are_enough() -> None:
    """Every prior off: directions that nothing holds must not break the factorisation of the posterior."""
    scene = truth_of(2)
    bare = Energy(**dict.fromkeys(Energy().terms(), None))  # type: ignore[arg-type]
    evidence = evidence_of(scene, seed=5)
    fit = fit_hand(given_of(scene, evidence), replace(bare, keypoints=Keypoints()), Schedule())
    assert np.isfinite(fit.posterior.joints_sigma_mm).all()
    error_px = (fit.scene.keypoints - scene.keypoints).norm(dim=-1)
    assert float(error_px[evidence.confidence > 0].mean()) < 5.0


def test_advice_is_asked_where_the_fit_stands_and_binds_it() -> None:
    """The advice of one who knows the truth brings the bones there, and it hears of a state that explains the image."""
    scene = truth_of(20, 3)
    known = evidence_of(scene, seed=3)
    zero = torch.zeros_like
    bare = replace(known, depth_weight=zero(known.depth_weight), bone_weight=zero(known.bone_weight))
    asked: list[State] = []

    def advice(state: State, evidence: Evidence) -> Evidence:
        asked.append(state)
        return replace(evidence, bone_directions=known.bone_directions, bone_weight=known.bone_weight)

    given = given_of(scene, bare)
    alone, told = (fit_hand(each, ENERGY, Schedule()) for each in (given, replace(given, advice=advice)))
    assert len(asked) == 1
    assert energy_of(scene, bare, asked[0]) < 1.05 * energy_of(scene, bare, alone.state)
    wanted = scene.points - scene.points[:, :1]
    errors = [float((fit.scene.points - fit.scene.points[:, :1] - wanted).norm(dim=-1).mean()) for fit in (alone, told)]
    assert errors[1] < errors[0]
    assert told.energies["articulation"] > 0.0 and alone.energies["articulation"] == 0.0
