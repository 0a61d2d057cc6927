"""Known vertices: zero at the truth, a known value, rows equal to automatic differentiation, and a fit that finds
them.
"""

from dataclasses import replace

import pytest
import torch

from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.energy.vertex_positions import VertexPositions
from fitter.observe.evidence import Evidence
from fitter.observe.known_positions import KnownPositions
from fitter.scene import Scene
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.problem import Problem
from fitter.solve.solver import run
from tests.mesh_scene import assembled, mesh_scene, moved, nothing_seen, slope_of_energy


def known_from(scene: Scene, offset_m: float = 0.0, share: float = 1.0) -> Evidence:
    """Every vertex as it is, moved along x; with `share` below 1 only some are known."""
    generator = torch.Generator().manual_seed(0)
    shape = scene.vertices.shape[:2]
    weight = (torch.rand(shape, generator=generator) < share).double()
    places = (scene.vertices + torch.tensor([offset_m, 0.0, 0.0])) * weight.unsqueeze(-1)
    return replace(nothing_seen(scene), vertices=KnownPositions(places, weight))


def test_it_is_on_only_with_known_vertices() -> None:
    scene = mesh_scene()
    assert isinstance(VertexPositions(), SurfaceTerm)
    assert "vertex_positions" in Energy().terms(known_from(scene))
    assert "vertex_positions" not in Energy().terms(nothing_seen(scene))


def test_it_counts_standard_deviations_of_independent_vertices() -> None:
    """4 mm, sigma 2 mm: 2 sigmas for each of 30 independent vertices in each of 3 frames, however many are known."""
    scene = mesh_scene(3)
    term = VertexPositions(sigma_mm=2.0, independent_vertices=30.0, robust_width=None)
    assert float(term.frame_energies(scene, known_from(scene)).sum()) < 1e-20
    for share in (1.0, 0.5):
        energy = term.frame_energies(scene, known_from(scene, offset_m=0.004, share=share)).sum()
        assert float(energy) == pytest.approx(0.5 * 4.0 * 30.0 * 3)
    few = known_from(scene, offset_m=0.004)
    vertices = few.vertices
    assert vertices is not None
    only = torch.zeros_like(vertices.weight)
    only[:, :3] = 1.0  # no vertex counts for more than itself
    energy = term.frame_energies(scene, replace(few, vertices=replace(vertices, weight=only))).sum()
    assert float(energy) == pytest.approx(0.5 * 4.0 * 3 * 3)


@pytest.mark.parametrize("width", [None, 3.0])
def test_rows_equal_automatic_differentiation(width: float | None) -> None:
    truth = mesh_scene()
    scene, evidence = moved(truth, 0.1), known_from(truth, share=0.7)
    term = VertexPositions(robust_width=width)
    assert float(term_energy(term, scene, evidence)) == float(term.frame_energies(scene, evidence).sum())
    expected, normal = slope_of_energy(term, scene, evidence), assembled(term, scene, evidence)
    assert float(expected.frames.abs().max()) > 10.0
    assert torch.allclose(normal.gradient.frames, expected.frames, rtol=1e-9, atol=1e-9)
    assert torch.allclose(normal.gradient.shared, expected.shared, rtol=1e-9, atol=1e-9)
    # The information at the truth is the energy's own curvature along the distance: (slope of the residual)^2.
    scene = truth
    normal = assembled(term, scene, known_from(truth))
    z = scene.vertices[:, :, 2]
    wrist = scene.state.wrist[:, None]
    along = (wrist / term.sigma_mm * 1000.0).square().sum(-1).squeeze(1) * term.independent_vertices
    assert torch.allclose(normal.diagonal[:, 50, 50], along) and bool((z > 0).all())


def test_a_fit_finds_the_known_vertices_though_some_are_unknown_and_some_wrong() -> None:
    truth = mesh_scene(2)
    evidence = known_from(truth, share=0.6)
    vertices = evidence.vertices
    assert vertices is not None
    places = vertices.positions_m.clone()
    places[:, ::10] += 0.2
    evidence = replace(evidence, vertices=replace(vertices, positions_m=places))
    problem = Problem(truth, evidence, {"vertex_positions": VertexPositions()})
    start = moved(truth, 0.1).state
    outcome = run(LevenbergMarquardt(max_steps=60, tolerance=1e-9), problem, start)
    error_mm = 1000.0 * (truth.with_state(outcome.state).vertices - truth.vertices).norm(dim=-1)
    assert outcome.energy <= problem.energy(truth.state)
    assert float(error_mm.mean()) < 0.5  # measured 0.09: a tenth lies 40 sigmas off, which a Cauchy loss nearly forgets
