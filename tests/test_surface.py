"""The compiled chaining of surface terms equals the torch twin, whose Jacobian equals automatic differentiation."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from fitter.energy import Energy
from fitter.energy.term import Rows, SurfaceRows, linearise
from fitter.hand import HandModel
from fitter.scene import Scene
from fitter.solve import assembly, normal_equations
from fitter.solve.normal_equations import NormalEquations, vertex_jacobian
from fitter.solve.surface import BLOCK, add_surface
from fitter.state import Step
from tests.blended_hands import blended_hand
from tests.toy_problem import CAMERA, evidence_of, random_state, toy_hand

HANDS = {"rigid": toy_hand, "blended": partial(blended_hand, False), "with correctives": partial(blended_hand, True)}


@pytest.fixture(params=HANDS)
def hand(request: pytest.FixtureRequest) -> HandModel:
    return HANDS[request.param]()


def scene_of(model: HandModel, n_frames: int) -> Scene:
    return Scene(model, model.landmarks, CAMERA, random_state(model, n_frames, seed=1, sway=0.4))


def random_rows(scene: Scene, seed: int, share: float = 0.5) -> SurfaceRows:
    """Gradients and positive definite informations at a share of the vertices, others in every frame."""
    generator = torch.Generator().manual_seed(seed)
    places = scene.state.n_frames, len(scene.model.template)
    seen = (torch.rand(places, generator=generator) < share).double()
    gradient = torch.randn(*places, 3, generator=generator, dtype=torch.float64)
    root = torch.randn(*places, 3, 3, generator=generator, dtype=torch.float64)
    full = root @ root.mT
    information = full[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    return SurfaceRows(gradient * seen.unsqueeze(-1), information * seen.unsqueeze(-1))


def zeros(scene: Scene) -> NormalEquations:
    return NormalEquations.zeros(scene.state.trajectory, scene.state.n_frames, scene.state.n_shared)


def compiled(scene: Scene, *rows: SurfaceRows) -> NormalEquations:
    normal = zeros(scene)
    add_surface(normal, rows, scene)
    return normal


def twin(scene: Scene, *rows: SurfaceRows) -> NormalEquations:
    normal = zeros(scene)
    for each in rows:
        normal_equations.add_surface(normal, each, scene)
    return normal


def parts(normal: NormalEquations) -> dict[str, torch.Tensor]:
    return {
        "diagonal": normal.diagonal,
        "border": normal.border,
        "corner": normal.corner,
        "frames": normal.gradient.frames,
        "shared": normal.gradient.shared,
    }


def assert_same(one: NormalEquations, other: NormalEquations, relative: float = 1e-12) -> None:
    for name, expected in parts(other).items():
        difference, scale = (parts(one)[name] - expected).abs().max(), expected.abs().max()
        assert float(scale) > 0.0, f"{name} says nothing"
        assert float(difference / scale) < relative, name


@pytest.mark.parametrize("n_frames", [1, 3, 2 * BLOCK + 3])
def test_the_rows_are_chained_as_by_the_twin(hand: HandModel, n_frames: int) -> None:
    scene = scene_of(hand, n_frames)
    rows = random_rows(scene, seed=2)
    assert_same(compiled(scene, rows), twin(scene, rows))


def test_the_default_hands_rows_are_chained_as_by_the_twin(anny: HandModel) -> None:
    scene = scene_of(anny, 3)
    rows = random_rows(scene, seed=4)
    assert_same(compiled(scene, rows), twin(scene, rows))


def test_the_twins_jacobian_is_the_derivative_of_the_vertices(hand: HandModel) -> None:
    """Pose correctives included: they are a fifth of what a joint's turn does to a mitten."""
    scene = scene_of(hand, 2)

    def vertices(delta: torch.Tensor) -> torch.Tensor:
        step = Step(delta[:51].expand(2, 51), delta[51:])
        return scene.with_state(scene.state.retract(step)).vertices

    zero = torch.zeros(51 + scene.state.n_shared, dtype=torch.float64)
    torch.testing.assert_close(vertex_jacobian(scene), torch.func.jacfwd(vertices)(zero), atol=1e-14, rtol=1e-12)


def test_the_gradient_is_that_of_the_pulled_vertices(hand: HandModel) -> None:
    """J'g is the derivative of the sum of g . X, by automatic differentiation of the mesh."""
    scene = scene_of(hand, 4)
    rows = random_rows(scene, seed=5)
    zero = scene.state.zero_step()
    frames, shared = zero.frames.requires_grad_(), zero.shared.requires_grad_()
    pulled = (scene.with_state(scene.state.retract(Step(frames, shared))).vertices * rows.gradient).sum()
    expected = torch.autograd.grad(pulled, (frames, shared), materialize_grads=True)
    normal = compiled(scene, rows)
    torch.testing.assert_close(normal.gradient.frames, expected[0], atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(normal.gradient.shared, expected[1], atol=1e-12, rtol=1e-10)


def test_several_terms_are_one_sum(hand: HandModel) -> None:
    scene = scene_of(hand, 5)
    terms = [random_rows(scene, seed=6), random_rows(scene, seed=7, share=0.1), random_rows(scene, seed=8, share=1.0)]
    kept = [SurfaceRows(each.gradient.clone(), each.information.clone()) for each in terms]
    assert_same(compiled(scene, *terms), twin(scene, *terms))
    for each, before in zip(terms, kept, strict=True):  # what a term gave is not written to
        assert torch.equal(each.gradient, before.gradient) and torch.equal(each.information, before.information)


def test_rows_are_added_to_what_is_there() -> None:
    scene = scene_of(blended_hand(True), 3)
    rows = random_rows(scene, seed=9)
    normal = compiled(scene, rows)
    add_surface(normal, [rows], scene)
    doubled = SurfaceRows(2.0 * rows.gradient, 2.0 * rows.information)
    assert_same(normal, compiled(scene, doubled))


def test_single_precision_rows_are_summed_in_double() -> None:
    scene = scene_of(blended_hand(False), 3)
    rows = random_rows(scene, seed=10)
    single = SurfaceRows(rows.gradient.float(), rows.information.float())
    again = SurfaceRows(single.gradient.double(), single.information.double())
    assert_same(compiled(scene, single, rows), twin(scene, again, rows))


def test_rows_of_nothing_add_nothing(hand: HandModel) -> None:
    scene = scene_of(hand, 3)
    for normal in (compiled(scene), compiled(scene, random_rows(scene, seed=11, share=0.0))):
        assert all(float(part.abs().max()) == 0.0 for part in parts(normal).values())


def test_a_frame_without_rows_stays_empty_and_the_focal_length_untouched() -> None:
    scene = scene_of(blended_hand(True), 3)
    rows = random_rows(scene, seed=12)
    rows.gradient[1], rows.information[1] = 0.0, 0.0
    normal = compiled(scene, rows)
    assert float(normal.diagonal[1].abs().max()) == 0.0 and float(normal.border[1].abs().max()) == 0.0
    assert float(normal.diagonal[[0, 2]].abs().amin(dim=0).max()) > 0.0
    assert float(normal.border[..., -1].abs().max()) == 0.0 and float(normal.corner[-1].abs().max()) == 0.0
    assert float(normal.gradient.shared[-1]) == 0.0


@pytest.mark.parametrize("field", ["gradient", "information"])
def test_what_is_no_number_does_not_pass_unseen(field: str) -> None:
    scene = scene_of(blended_hand(False), 2)
    rows = random_rows(scene, seed=13, share=0.0)
    getattr(rows, field)[1, 7, 0] = float("nan")
    normal = compiled(scene, rows)
    seen = normal.gradient.frames if field == "gradient" else normal.diagonal
    assert bool(seen[1].isnan().any()) and not bool(seen[0].isnan().any())


def test_surface_rows_beside_those_of_the_landmarks() -> None:
    """The whole assembly, with two surface terms among the others."""
    scene = scene_of(blended_hand(True), 6)
    evidence = evidence_of(scene, seed=2)
    rows: list[tuple[Rows, float | None]] = [(random_rows(scene, seed=14), None)]
    rows += [(linearise(term, scene, evidence), term.robust_width) for term in Energy().terms().values()]
    rows += [(random_rows(scene, seed=15), 2.0)]
    assert_same(assembly.assemble(rows, scene), normal_equations.assemble(rows, scene))


def test_the_same_rows_give_the_same_digits() -> None:
    scene = scene_of(blended_hand(False), 2 * BLOCK)
    rows = random_rows(scene, seed=16)
    one, other = compiled(scene, rows), compiled(replace(scene), rows)
    assert all(torch.equal(a, b) for a, b in zip(parts(one).values(), parts(other).values(), strict=True))
