"""The depth term: zero at the truth, a known value, rows equal to automatic differentiation, outliers, and a fit."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.energy.depth_map import DepthMap
from fitter.energy.keypoints import Keypoints
from fitter.energy.pose import Pose
from fitter.energy.shape import Shape
from fitter.energy.term import SurfaceTerm, Term, robust_loss, term_energy
from fitter.observe.depth_maps import DepthMaps
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from fitter.state import Step
from tests.mesh_scene import assembled, energy_along, mesh_scene, moved, nothing_seen, slope_of_energy
from tests.toy_problem import evidence_of

TERM = DepthMap()


def seen_from(scene: Scene, offset_m: float = 0.0, behind_m: float = 0.0) -> Evidence:
    """What an exact depth camera sees of a scene, `offset_m` farther; `behind_m` where there is no hand (0:
    unknown).
    """
    fragments = scene.fragments
    depth = torch.where(fragments.covered, fragments.depth + offset_m, behind_m)
    return replace(nothing_seen(scene), depth_maps=DepthMaps(depth, torch.ones(len(depth)).double()))


def test_it_is_on_only_with_depth_maps() -> None:
    scene = mesh_scene()
    assert isinstance(TERM, SurfaceTerm)
    assert "depth_map" in Energy().terms(seen_from(scene))
    assert "depth_map" not in Energy().terms(nothing_seen(scene)) and "depth_map" not in Energy().terms()


def test_it_is_zero_at_the_truth() -> None:
    scene = mesh_scene()
    assert len(TERM.samples(scene, seen_from(scene)).residual) > 1000
    assert float(TERM.frame_energies(scene, seen_from(scene)).sum()) < 1e-6  # depth maps are float32


def test_it_counts_standard_deviations_of_independent_pixels() -> None:
    """10 mm everywhere, sigma 5 mm: 2 sigmas for each of 200 independent pixels in each of 3 frames."""
    scene = mesh_scene(3)
    term = DepthMap(sigma_mm=5.0, independent_pixels=200.0, robust_width=None)
    evidence = seen_from(scene, offset_m=-0.010)
    residual = term.samples(scene, evidence).residual
    assert torch.allclose(residual, torch.tensor(2.0).double(), atol=1e-4)
    assert float(term.frame_energies(scene, evidence).sum()) == pytest.approx(0.5 * 4.0 * 200.0 * 3, rel=1e-4)
    assert float(term_energy(term, scene, evidence)) == float(term.frame_energies(scene, evidence).sum())


@pytest.mark.parametrize("width", [None, 3.0])
def test_rows_equal_automatic_differentiation(width: float | None) -> None:
    """Of every unknown but the focal length, whose effect on the rays the rows leave out."""
    truth = mesh_scene()
    scene, evidence = moved(truth, 0.03), seen_from(truth, behind_m=0.8)
    term = DepthMap(robust_width=width)
    expected = slope_of_energy(term, scene, evidence)
    gradient = assembled(term, scene, evidence).gradient
    scale = float(expected.frames.abs().max())
    assert scale > 10.0
    # The fragments' weights are float32.
    assert torch.allclose(gradient.frames, expected.frames, rtol=0.0, atol=1e-6 * scale)
    assert torch.allclose(gradient.shared[:-1], expected.shared[:-1], rtol=0.0, atol=1e-6 * scale)


@pytest.mark.parametrize("width", [None, 3.0])
def test_the_compiled_pass_equals_the_torch_twin(width: float | None) -> None:
    truth = mesh_scene(3)
    evidence = seen_from(truth, behind_m=0.7)
    maps = evidence.depth_maps
    assert maps is not None
    evidence = replace(evidence, depth_maps=replace(maps, trust=torch.tensor([1.0, 0.0, 0.3]).double()))
    term = DepthMap(robust_width=width, independent_pixels=300.0)
    scene = moved(truth, 0.05)
    samples = term.samples(scene, evidence)
    loss = robust_loss(samples.residual[:, 0].square(), width)
    assert float(term.frame_energies(scene, evidence).sum()) == pytest.approx(
        float(0.5 * (samples.weight * loss).sum()), rel=1e-9
    )
    ours, twin = term.rows(scene, evidence), term.rows_in_torch(scene, evidence)
    for name in ("gradient", "information"):
        one, other = getattr(ours, name), getattr(twin, name)
        assert float(other.abs().max()) > 1.0
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-6 * float(other.abs().max()))  # float32 weights


def test_the_gradient_is_that_of_finite_differences_where_visibility_stays() -> None:
    """Towards the camera by 1e-6 of the distance: no pixel changes its triangle's neighbours by much, nor its
    weight.
    """
    truth = mesh_scene(2)
    evidence = seen_from(truth, offset_m=0.004)
    step = truth.state.zero_step()
    step.frames[:, 50] = 1.0
    slope = float((assembled(TERM, truth, evidence).gradient.frames * step.frames).sum())
    ahead, behind = (energy_along(TERM, truth, evidence, step * h) for h in (1e-6, -1e-6))
    assert (ahead - behind) / 2e-6 == pytest.approx(slope, rel=1e-3)
    assert abs(slope) > 1.0


def test_the_information_is_no_less_than_the_exact_one() -> None:
    """Lumping at the vertices adds (Jensen): J'J of the samples is below it in every direction."""
    truth = mesh_scene(1)
    scene, evidence = moved(truth, 0.02), seen_from(truth)
    term = DepthMap(robust_width=None)

    def residual(delta: torch.Tensor) -> torch.Tensor:
        step = Step(delta[None, :51], torch.zeros(scene.state.n_shared).double())
        samples = term.samples(scene.with_state(scene.state.retract(step)), evidence)
        return samples.residual[:, 0] * samples.weight.sqrt()

    jacobian = torch.autograd.functional.jacobian(residual, torch.zeros(51).double(), vectorize=True)
    assert isinstance(jacobian, torch.Tensor)
    exact, ours = jacobian.mT @ jacobian, assembled(term, scene, evidence).diagonal[0]
    eigenvalues = torch.linalg.eigvalsh(ours - exact)
    # The fragments' weights are float32.
    assert float(eigenvalues[0]) > -1e-6 * float(eigenvalues[-1])
    assert float(torch.trace(exact)) > 0.5 * float(torch.trace(ours))


def test_grazing_pixels_weigh_less() -> None:
    scene = mesh_scene(1)
    samples = TERM.samples(scene, seen_from(scene))
    row, column = scene.fragments.covered[0].nonzero(as_tuple=True)
    triangles = scene.fragments.triangle_id[0, row, column].long()
    corners = scene.vertices[0][scene.model.faces[triangles].long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centre = corners.mean(1)
    cosine = (torch.nn.functional.normalize(normal, dim=1) * torch.nn.functional.normalize(centre, dim=1)).sum(1)
    facing = cosine < -0.9
    grazing = cosine > -0.3
    assert facing.any() and grazing.any()
    assert float(samples.weight[grazing].max()) < 0.2 * float(samples.weight[facing].min())


def test_what_is_unknown_or_not_trusted_costs_nothing() -> None:
    truth = mesh_scene(2)
    evidence = seen_from(truth)
    maps = evidence.depth_maps
    assert maps is not None
    scene = moved(truth, 0.05)
    unknown = replace(evidence, depth_maps=replace(maps, depth_m=torch.zeros_like(maps.depth_m)))
    assert float(TERM.frame_energies(scene, unknown).sum()) == 0.0
    assert float(assembled(TERM, scene, unknown).diagonal.abs().max()) == 0.0
    half = replace(evidence, depth_maps=replace(maps, trust=torch.tensor([1.0, 0.0]).double()))
    normal = assembled(TERM, scene, half)
    assert float(normal.gradient.frames[0].abs().max()) > 0.0 and float(normal.gradient.frames[1].abs().max()) == 0.0


def test_windows_of_another_size_are_the_programmers_mistake() -> None:
    scene = mesh_scene(1, size=64)
    with pytest.raises(AssertionError, match="64 pixels"):
        TERM.frame_energies(scene.seen_through(mesh_scene(1, size=32).windows), seen_from(scene)).sum()


@pytest.mark.parametrize(("hidden_columns", "most_mm"), [(0, 2.0), (21, 4.0)])
def test_keypoints_alone_leave_the_distance_open_and_depth_closes_it(hidden_columns: int, most_mm: float) -> None:
    """Started 6 % too far; then with something 10 cm nearer than the hand before a third of its window.

    Measured: 15.3 mm by keypoints alone, 1.2 mm with depth, 3.0 mm with the hidden third.
    """
    truth = mesh_scene(3)
    maps = seen_from(truth, behind_m=0.9).depth_maps
    assert maps is not None
    depth = maps.depth_m.clone()
    depth[:, :, :hidden_columns] = 0.4
    seen = evidence_of(truth, seed=1, noise_px=1.0, missing=0.0)
    evidence = replace(seen, depth_maps=replace(maps, depth_m=depth))
    start = moved(truth, 0.05).state
    start = replace(start, trajectory=start.trajectory + torch.tensor([0.0, 0.0, 0.06]).double())

    def error_mm(terms: Mapping[str, Term]) -> float:
        problem = Problem(truth, evidence, terms, ("orientation", "pose", "trajectory", "betas"))
        outcome = run(LevenbergMarquardt(max_steps=60, tolerance=1e-6), problem, start)
        assert outcome.energy <= problem.energy(truth.state)
        return 1000.0 * float((truth.with_state(outcome.state).vertices - truth.vertices).norm(dim=-1).mean())

    keypoints = {"keypoints": Keypoints(sigma_px=1.0), "pose": Pose(), "shape": Shape()}
    without, with_depth = error_mm(keypoints), error_mm({**keypoints, "depth_map": TERM})
    print(f"mean error of the vertices {without:.1f} mm, with depth {with_depth:.1f} mm")
    assert without > 8.0
    assert with_depth < most_mm


def test_what_lies_beyond_reach_costs_the_same_wherever_it_is_and_pulls_nothing() -> None:
    scene = mesh_scene(2)
    near, far = (
        DepthMap(reach_mm=60.0).frame_energies(scene, seen_from(scene, offset_m=-off)).sum() for off in (0.1, 0.3)
    )
    assert float(near) == pytest.approx(float(far), rel=1e-9) and float(near) > 100.0
    assert float(assembled(TERM, scene, seen_from(scene, offset_m=-0.1)).diagonal.abs().max()) == 0.0
    assert float(assembled(TERM, scene, seen_from(scene, offset_m=-0.05)).diagonal.abs().max()) > 0.0
