"""The numba assembly equals the torch twin, term by term and together, whatever is missing and however long the
clip.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from fitter import rotation
from fitter.energy import Energy
from fitter.energy.term import FrameRows, Rows, linearise, term_energy
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve import assembly, normal_equations
from fitter.solve.normal_equations import NormalEquations, feature_jacobian
from fitter.state import Step
from tests.toy_problem import evidence_of, toy_scene

TERMS = Energy().terms()


class HeightAboveTable:
    """A term without rows of its own, which reaches the assembly as dense ones."""

    robust_width = 2.0

    def residual(self, scene: Scene, evidence: Evidence) -> torch.Tensor:
        return scene.points[..., 1:2] * scene.state.log_focal.exp() - 0.2


def moved(n_frames: int) -> Scene:
    """A state away from the truth, so that no residual is zero by chance."""
    scene = toy_scene(n_frames)
    generator = torch.Generator().manual_seed(7)
    frames = 0.2 * torch.randn(n_frames, 51, generator=generator, dtype=torch.float64)
    shared = 0.2 * torch.randn(scene.state.n_shared, generator=generator, dtype=torch.float64)
    return scene.with_state(scene.state.retract(Step(frames, shared)))


def both(rows: list[tuple[Rows, float | None]], scene: Scene) -> tuple[NormalEquations, NormalEquations]:
    return assembly.assemble(rows, scene), normal_equations.assemble(rows, scene)


def assert_same(one: NormalEquations, other: NormalEquations) -> None:
    for field in fields(NormalEquations):
        pairs = [(getattr(one, field.name), getattr(other, field.name))]
        if field.name == "gradient":
            pairs = [(one.gradient.frames, other.gradient.frames), (one.gradient.shared, other.gradient.shared)]
        for mine, theirs in pairs:
            scale = max(float(theirs.abs().max()), 1.0) if theirs.numel() else 1.0
            assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-11 * scale), field.name


# Fingers of the toy hand are too thin to touch: tests/test_self_collision.py assembles those that do.
@pytest.mark.parametrize("name", [name for name in TERMS if name != "self_collision"])
def test_each_term_is_assembled_as_by_the_twin(name: str) -> None:
    scene = moved(6)
    evidence = evidence_of(toy_scene(6), seed=2, missing=0.3)
    one, other = both([(linearise(TERMS[name], scene, evidence), TERMS[name].robust_width)], scene)
    assert_same(one, other)
    assert float(other.diagonal.abs().sum() + other.corner.abs().sum()) > 1e-3


@pytest.mark.parametrize("n_frames", [1, 2, 3, 9])
def test_all_terms_together_and_one_without_rows(n_frames: int) -> None:
    scene = moved(n_frames)
    evidence = evidence_of(toy_scene(n_frames), seed=2)
    terms = [*TERMS.values(), HeightAboveTable()]
    one, other = both([(linearise(term, scene, evidence), term.robust_width) for term in terms], scene)
    assert_same(one, other)
    assert float(other.border[..., -1].abs().max()) > 0.0  # the focal length couples to the frames


def test_the_gradient_is_the_energys() -> None:
    """J'r of all terms equals automatic differentiation of the energy: robust weights are the loss's slope."""
    from fitter.solve.problem import Problem

    scene = moved(4)
    problem = Problem(scene, evidence_of(toy_scene(4), seed=2), TERMS)
    zero = scene.state.zero_step()
    frames, shared = zero.frames.requires_grad_(), zero.shared.requires_grad_()
    total = torch.stack(list(problem.energies(scene.state.retract(Step(frames, shared))).values())).sum()
    expected = torch.autograd.grad(total, (frames, shared))
    gradient = problem.linearise(scene.state).gradient
    assert torch.allclose(gradient.frames, expected[0], rtol=1e-7, atol=1e-6)
    assert torch.allclose(gradient.shared, expected[1], rtol=1e-7, atol=1e-5)


def test_the_twin_needs_nothing_of_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """On torch's meta device, which has shapes only, a tensor left on the CPU is an error, as it is with CUDA."""
    monkeypatch.setattr(rotation, "log", lambda matrix: matrix[..., 0])  # roma's asks for values
    scene, evidence = toy_scene(4), evidence_of(toy_scene(4), seed=2).to("meta")
    there = replace(
        scene,
        model=scene.model.to(device="meta"),
        landmarks=scene.landmarks.to("meta"),
        state=scene.state.to(device="meta"),
    )
    # What touches is searched for on the CPU, which no shape alone can tell.
    terms = {name: term for name, term in TERMS.items() if name != "self_collision"}
    for name, term in terms.items():
        assert term_energy(term, there, evidence).device.type == "meta", name
    normal = normal_equations.assemble([(linearise(t, there, evidence), t.robust_width) for t in terms.values()], there)
    assert normal.diagonal.shape == (4, 51, 51) and normal.gradient.shared.device.type == "meta"
    with pytest.raises(RuntimeError, match="device"):
        term_energy(TERMS["keypoints"], there, evidence_of(scene, seed=2))


def test_frames_that_saw_nothing_add_nothing() -> None:
    scene = moved(5)
    evidence = evidence_of(toy_scene(5), seed=2, missing=0.0)
    unseen = torch.tensor([True, False, True, True, False])
    blind = replace(
        evidence,
        confidence=evidence.confidence * ~unseen[:, None],
        depth_weight=evidence.depth_weight * ~unseen[:, None],
        bone_weight=evidence.bone_weight * ~unseen[:, None],
    )
    for name in ("keypoints", "bone_direction", "image_depth", "articulation"):
        one, other = both([(linearise(TERMS[name], scene, blind), TERMS[name].robust_width)], scene)
        assert_same(one, other)
        assert float(one.diagonal[unseen].abs().max()) == 0.0
        assert float(one.diagonal[~unseen].abs().max()) > 0.0


def test_rows_that_touch_no_shared_unknown_leave_the_border_empty() -> None:
    scene = moved(4)
    evidence = evidence_of(toy_scene(4), seed=2)
    for name in ("anatomy", "pose", "coupling"):
        rows = linearise(TERMS[name], scene, evidence)
        assert isinstance(rows, FrameRows) and rows.focal is None
        normal = assembly.assemble([(rows, TERMS[name].robust_width)], scene)
        assert float(normal.border.abs().max()) == 0.0 and float(normal.corner.abs().max()) == 0.0
        assert float(normal.gradient.shared.abs().max()) == 0.0


def test_the_features_move_as_automatic_differentiation_says() -> None:
    """Landmarks off the joints, betas and all rotations: the lever arms of the analytic Jacobian."""
    scene = moved(3)

    def points(delta: torch.Tensor) -> torch.Tensor:
        step = Step(delta[:51].expand(3, 51), delta[51:])
        return scene.with_state(scene.state.retract(step)).points

    zero = torch.zeros(51 + scene.state.n_shared, dtype=torch.float64)
    expected = torch.func.jacfwd(points)(zero)
    assert torch.allclose(feature_jacobian(scene)[:, :21], expected, atol=1e-12)
    apart = scene.landmarks.template - scene.model.joints
    assert float(apart.abs().min()) > 0.0  # or the test would not see where a lever begins


@pytest.mark.parametrize(("point", "columns"), [(8, [*range(12), 48, 49, 50]), (0, [0, 1, 2, 48, 49, 50])])
def test_a_landmark_touches_its_own_finger_only(point: int, columns: list[int]) -> None:
    scene = moved(2)
    evidence = evidence_of(toy_scene(2), seed=2, missing=0.0)
    only = torch.zeros_like(evidence.confidence)
    only[:, point] = 1.0
    rows = linearise(TERMS["keypoints"], scene, replace(evidence, confidence=only))
    normal = assembly.assemble([(rows, None)], scene)
    touched = (normal.diagonal[0] != 0).any(dim=0).nonzero().flatten().tolist()
    assert touched == columns


def test_groups_may_touch_any_features_in_any_order() -> None:
    """A term of a user's own: landmarks of two fingers, a landmark with a rotation, a rotation with the trajectory."""
    scene = moved(3)
    generator = torch.Generator().manual_seed(1)
    features = np.array([[8, 20], [20, 8], [4, 25], [30, 37], [0, 12]])
    rows = FrameRows(
        residual=torch.randn(3, 5, 2, generator=generator, dtype=torch.float64),
        jacobian=torch.randn(3, 5, 2, 2, 3, generator=generator, dtype=torch.float64),
        features=features,
        focal=torch.randn(3, 5, 2, generator=generator, dtype=torch.float64),
    )
    assert_same(*both([(rows, 1.5)], scene))


def test_rows_across_two_fingers_take_the_dense_way() -> None:
    """A user's own term may tie two fingertips together; no finger's sums can hold that."""
    scene = toy_scene(4)
    generator = torch.Generator().manual_seed(9)
    rows = FrameRows(
        torch.randn(4, 2, 3, generator=generator, dtype=torch.float64),
        torch.randn(4, 2, 3, 2, 3, generator=generator, dtype=torch.float64),
        np.array([[8, 12], [4, 20]]),
    )
    ours, twin = assembly.assemble([(rows, 2.0)], scene), normal_equations.assemble([(rows, 2.0)], scene)
    assert torch.allclose(ours.diagonal, twin.diagonal, atol=1e-12)
    assert torch.allclose(ours.border, twin.border, atol=1e-12)
    assert torch.allclose(ours.corner, twin.corner, atol=1e-12)
    assert torch.allclose(ours.gradient.frames, twin.gradient.frames, atol=1e-12)
