"""The outline lies where geometry says, and coverage blended by it where many samples per pixel say."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.render.outline import Outline, antialiased_coverage, connected, outline_of
from fitter.render.rasterizer import Fragments, to_screen
from fitter.render.window import windows_around
from fitter.render.zbuffer import ZBuffer
from tests.test_zbuffer import lumpy_ball
from tests.toy_hand import toy_hand
from tests.toy_problem import random_state

CAMERA = Camera(fx=300.0, fy=310.0, cx=55.0, cy=57.0, width=112, height=112)
SIZE = 112


def traced(screen: Tensor, faces: Tensor, size: int = SIZE) -> tuple[Fragments, Outline]:
    fragments = ZBuffer().rasterize(screen, faces, (size, size))
    return fragments, outline_of(screen, faces, fragments)


def sphere(rings: int) -> tuple[Tensor, Tensor]:
    """Unit sphere, outward faces."""
    vertices, faces = lumpy_ball(1, rings, seed=0)
    centred = (vertices[0] - torch.tensor([0.0, 0.0, 0.5])) / torch.tensor([1.0, 1.3, 0.8])
    return centred / centred.norm(dim=1, keepdim=True), faces


def hands_on_screen(model: HandModel, n_frames: int, size: int) -> Tensor:
    state = random_state(model, n_frames, seed=0)
    camera = Camera(fx=900.0, fy=900.0, cx=640.0, cy=360.0, width=1280, height=720)
    vertices = model.with_shape(state.betas).with_pose(state.rotations, state.wrist).mesh().vertices
    pixels = camera.project(vertices)
    return torch.cat([windows_around(pixels, size).of_image(pixels), vertices[..., 2:]], dim=-1)


def covered_share(screen: Tensor, faces: Tensor, size: int, samples: int = 8) -> Tensor:
    """Coverage from samples x samples places per pixel."""
    fine = screen * torch.tensor([samples, samples, 1.0])
    seen = ZBuffer().rasterize(fine, faces, (size * samples, size * samples)).covered.double()
    return seen.unflatten(1, (size, samples)).unflatten(3, (size, samples)).mean((2, 4))


def test_crossings_lie_on_a_spheres_contour() -> None:
    """The rays that graze a sphere of radius R at distance d stand at asin(R / d) to its centre's."""
    ball, faces = sphere(rings=120)
    centre, radius = torch.tensor([0.01, -0.015, 0.4]).double(), 0.055
    _, outline = traced(to_screen(CAMERA, centre + radius * ball).unsqueeze(0), faces)
    rays = torch.nn.functional.normalize(CAMERA.rays(outline.position), dim=-1)
    angle = torch.acos(rays @ centre / centre.norm())
    error_px = (angle - math.asin(radius / float(centre.norm()))) * CAMERA.fx
    assert len(outline.frame) > 300
    # Chords of 240 segments stay within R (1 - cos(pi / 240)), 0.004 px, of the circle; so do skipped grazing facets.
    assert float(error_px.abs().max()) < 0.01
    away = outline.position - CAMERA.project(centre)
    agreement = (outline.normal * torch.nn.functional.normalize(away, dim=-1)).sum(-1)
    assert float(agreement.min()) > 0.95
    assert torch.allclose(outline.normal.norm(dim=1), torch.ones(1).double())


def test_a_crossing_is_a_point_of_its_edge_in_space() -> None:
    screen, faces = hands_on_screen(toy_hand(), 3, SIZE), toy_hand().faces
    screen[..., 2] *= 1.0 + 0.3 * torch.rand(screen.shape[:2], generator=torch.Generator().manual_seed(0)).double()
    fragments, outline = traced(screen, faces)
    corners = screen[outline.frame[:, None], outline.corners]
    points = torch.cat([corners[..., :2] * corners[..., 2:], corners[..., 2:]], dim=-1)  # a camera of focal length 1
    point = (outline.weights.unsqueeze(-1) * points).sum(1)
    assert torch.allclose(point[:, :2] / point[:, 2:], outline.position, atol=1e-9)
    assert torch.allclose(outline.weights.sum(1), torch.ones(1).double())
    assert float(outline.weights.min()) >= 0.0
    along = (corners[:, 1] - corners[:, 0])[:, :2]
    assert float((along * outline.normal).sum(-1).abs().max()) < 1e-9


def test_there_is_one_crossing_between_every_covered_pixel_and_its_uncovered_neighbour() -> None:
    screen, faces = hands_on_screen(toy_hand(), 3, SIZE), toy_hand().faces
    fragments, outline = traced(screen, faces)
    covered = fragments.covered
    pairs = (covered[:, 1:] != covered[:, :-1]).sum() + (covered[:, :, 1:] != covered[:, :, :-1]).sum()
    assert len(outline.frame) == int(pairs) > 500
    neighbour = outline.pixel + outline.step
    assert bool(covered[outline.frame, outline.pixel[:, 1], outline.pixel[:, 0]].all())
    assert not bool(covered[outline.frame, neighbour[:, 1], neighbour[:, 0]].any())
    assert bool((outline.step.abs().sum(1) == 1).all())
    share = ((outline.position - outline.pixel - 0.5) * outline.step).sum(1)
    assert float(share.min()) >= -1e-6 and float(share.max()) <= 1.0 + 1e-6
    assert bool((outline.frame.diff() >= 0).all())


def test_frames_do_not_touch_each_other() -> None:
    screen, faces = hands_on_screen(toy_hand(), 5, SIZE), toy_hand().faces
    screen[2, :, :2] += 1000.0  # a frame without a hand
    _, together = traced(screen, faces)
    for t in range(5):
        _, alone = traced(screen[t : t + 1], faces)
        here = together.frame == t
        assert torch.equal(together.position[here], alone.position)
        assert torch.equal(together.corners[here], alone.corners)
        assert (len(alone.frame) == 0) == (t == 2)


def test_an_open_mesh_ends_at_its_border() -> None:
    """One triangle in known pixels: every crossing lies on one of its three sides."""
    screen = torch.tensor([[[3.2, 2.1, 0.5], [4.4, 20.3, 0.7], [22.7, 8.8, 0.4]]]).double()
    _, outline = traced(screen, torch.tensor([[0, 1, 2]]), 24)
    assert set(map(tuple, outline.corners.sort(dim=1).values.tolist())) == {(0, 1), (1, 2), (0, 2)}
    row = (outline.pixel[:, 1] == 9) & (outline.step[:, 0] == -1)  # leaves to the left over side 0 - 1
    assert outline.position[row].tolist() == [pytest.approx([3.2 + (9.5 - 2.1) / 18.2 * 1.2, 9.5])]
    assert outline.normal[row].tolist() == [pytest.approx([-18.2 / math.hypot(18.2, 1.2), 1.2 / math.hypot(18.2, 1.2)])]


def test_vertices_that_cannot_be_drawn_leave_no_crossing_behind() -> None:
    screen, faces = hands_on_screen(toy_hand(), 1, SIZE), toy_hand().faces
    complete = len(traced(screen, faces)[1].frame)
    for hopeless in (math.nan, -0.2):
        broken = screen.clone()
        broken[:, ::40, 2] = hopeless
        fragments, outline = traced(broken, faces)
        assert int(fragments.covered.sum()) > 100
        assert 0.5 * complete < len(outline.frame)
        for values in (outline.position, outline.normal, outline.weights):
            assert bool(torch.isfinite(values).all())
        assert not bool((outline.corners % 40 == 0).any())


def test_the_other_side_of_an_edge() -> None:
    _, twin = connected(toy_hand().faces)
    assert (twin >= 0).all() and (twin[twin] == np.arange(len(twin))).all()
    three_pages = torch.tensor([[0, 1, 2], [1, 0, 3], [0, 1, 4]])  # around the edge 0 - 1
    assert connected(three_pages)[1].tolist() == [-1] * 9


def test_coverage_agrees_with_64_samples_per_pixel(anny: HandModel) -> None:
    """Measured with `pytest tests/test_outline.py -k samples -s`, 8 frames of 112 pixels: a partly covered pixel's
    coverage is off by 0.025 on average, without antialiasing by 0.22.
    """
    screen = hands_on_screen(anny, 8, SIZE)
    fragments, outline = traced(screen, anny.faces)
    truth = covered_share(screen, anny.faces, SIZE)
    partly = (truth > 0) & (truth < 1)
    ours = (antialiased_coverage(screen, fragments, outline) - truth).abs()
    hard = (fragments.covered.double() - truth).abs()
    print(f"antialiased {float(ours[partly].mean()):.4f}, hard {float(hard[partly].mean()):.4f}")
    assert float(ours[partly].mean()) < 0.03 < 0.2 < float(hard[partly].mean())
    assert float(ours[~partly].mean()) < 1e-4
    assert abs(float((antialiased_coverage(screen, fragments, outline) - truth).sum() / truth.sum())) < 1e-3


def test_coverage_is_differentiated_exactly_while_the_outline_keeps_its_edges() -> None:
    screen, faces = hands_on_screen(toy_hand(), 1, 24), toy_hand().faces
    fragments, outline = traced(screen, faces, 24)
    picture = torch.rand(24, 24, generator=torch.Generator().manual_seed(0)).double()

    def brightness(vertices: Tensor) -> Tensor:
        return (antialiased_coverage(vertices, fragments, outline) * picture).sum()

    some = screen.requires_grad_()
    assert torch.autograd.gradcheck(brightness, (some,), eps=1e-7, atol=1e-5, rtol=1e-4, fast_mode=True)
    (gradient,) = torch.autograd.grad(brightness(some), some)
    assert float(gradient.abs().max()) > 0.1


@pytest.mark.parametrize("motion", ["right", "down", "larger", "turned"])
def test_the_derivative_of_coverage_is_what_moving_the_mesh_does(anny: HandModel, motion: str) -> None:
    """Finite differences over a pixel with everything recomputed, in units of what all vertices change if none cancels
    another. Measured with -s: 0.1 to 0.4 %; what is left are outlines that begin or end inside of a pixel.
    """
    screen = hands_on_screen(anny, 6, SIZE)
    middle = screen[..., :2] - screen[..., :2].mean(1, keepdim=True)
    zero = torch.zeros_like(middle[..., 0])
    field = {
        "right": torch.stack([zero + 1, zero], -1),
        "down": torch.stack([zero, zero + 1], -1),
        "larger": middle / 40,
        "turned": torch.stack([-middle[..., 1], middle[..., 0]], -1) / 40,
    }[motion]
    velocity = torch.cat([field, zero.unsqueeze(-1)], dim=-1)
    y, x = torch.meshgrid(*[torch.linspace(-1.0, 1.0, SIZE, dtype=torch.float64)] * 2, indexing="ij")
    # Pictures that the motion brightens: ramps along it, and x y for a hand that turns out of the vertical.
    picture = {"right": x, "down": y, "larger": torch.ones_like(x), "turned": x * y}[motion] + 0.2 * torch.sin(9.0 * x)

    def brightness(vertices: Tensor) -> Tensor:
        fragments, outline = traced(vertices, anny.faces)
        return (antialiased_coverage(vertices, fragments, outline) * picture).sum()

    leaf = screen.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(brightness(leaf), leaf)
    predicted = float((gradient * velocity).sum())
    step = 0.5
    seen = float(brightness(screen + step * velocity) - brightness(screen - step * velocity)) / (2 * step)
    turnover = float((gradient * velocity).sum(-1).abs().sum())
    print(f"{motion}: predicted {predicted:.3f}, seen {seen:.3f}, turnover {turnover:.3f}")
    assert abs(predicted - seen) < 0.01 * turnover
    assert abs(predicted) > 0.1 * turnover > 10.0
