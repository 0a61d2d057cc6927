"""The photometric term: zero at what it rendered itself, compiled passes equal to torch, derivatives to autodiff's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter.energy import Energy
from fitter.energy.photometric import Photometric, pictures_of, reach_of
from fitter.energy.photometric_kernels import CLIPPED_WEIGHT, UNSEEN_WEIGHT
from fitter.energy.seen_pixels import corner_weights, rendered
from fitter.energy.term import ConditionalTerm, Samples, SurfaceTerm, robust_loss, robust_weight, term_energy
from fitter.hand import HandModel
from fitter.observe.evidence import Evidence
from fitter.observe.pictures import Pictures
from fitter.render.appearance import Appearance
from fitter.render.shading import directional_light, irradiance, linear_to_srgb, srgb_to_linear
from fitter.render.window import windows_around
from fitter.scene import Scene
from fitter.solve.normal_equations import NormalEquations, add_surface
from fitter.state import State, Step
from tests.toy_hand import toy_hand
from tests.toy_problem import CAMERA, evidence_of, random_state

SIZE = 72
TEXELS = 48
PLAIN = Photometric(occlusion_width=None)
TERMS = {
    "default": Photometric(),
    "quadratic": Photometric(robust_width=None, occlusion_width=None),
    "robust": PLAIN,
    "hidden": Photometric(robust_width=None, occlusion_width=2.0, grazing_limit_deg=60.0),
}


def hand_with_plain_uv() -> HandModel:
    """The toy hand seen from above as its texture: each texel belongs to one place of a flat hand's upper side."""
    model = toy_hand()
    flat = model.template[:, [0, 2]]
    low, high = flat.amin(0), flat.amax(0)
    return replace(model, uv=0.05 + 0.9 * (flat - low) / (high - low).max(), uv_faces=model.faces)


def worn(n_frames: int, smooth: bool, seed: int = 1) -> Appearance:
    """Random colours, a lamp from the side, every frame exposed a little differently."""
    generator = torch.Generator().manual_seed(seed)
    texture = torch.rand(3, TEXELS, TEXELS, generator=generator, dtype=torch.float64)
    if smooth:
        place = torch.arange(TEXELS) / TEXELS
        waves = torch.sin(9.0 * place[:, None] + torch.arange(3.0)[:, None, None]) * torch.cos(7.0 * place)
        texture = 0.5 + 0.4 * waves.double()
    tint = torch.tensor([0.55, 0.5, 0.45]).double()
    lamp = torch.nn.functional.normalize(torch.tensor([-0.5, -0.6, -0.7]).double(), dim=0)
    return Appearance(
        albedo=(0.1 + 0.8 * texture).permute(1, 2, 0).contiguous(),
        coverage=torch.ones(TEXELS, TEXELS, dtype=torch.float64),
        lighting=directional_light(lamp, tint, 0.7 * tint.flip(0)),
        gain=1.0 + 0.1 * torch.rand(n_frames, 3, generator=generator, dtype=torch.float64),
    )


def toy_scene(n_frames: int = 2, smooth: bool = False, size: int = SIZE) -> Scene:
    model = hand_with_plain_uv()
    state = random_state(model, n_frames, seed=0)
    scene = Scene(model, model.landmarks, CAMERA, state)
    windows = windows_around(scene.keypoints, size)
    return replace(scene, windows=windows, appearance=worn(n_frames, smooth))


def drawn(scene: Scene) -> Tensor:
    """The scene's pictures, linear RGB on a grey ground: written down again, by loops over corners and channels."""
    appearance = scene.appearance
    assert appearance is not None
    seen, model = scene.fragments, scene.model
    triangle = seen.triangle_id.clamp_min(0).long().numpy()
    weights = seen.weights.double().numpy()
    uv = np.einsum("thwk,thwkc->thwc", weights, model.uv.numpy()[model.uv_faces.numpy()[triangle]])
    light = np.stack([scene.vertex_light[t].numpy()[model.faces.numpy()[triangle[t]]] for t in range(len(triangle))])
    light = np.einsum("thwk,thwkc->thwc", weights, light)
    size, albedo = appearance.size, appearance.albedo.numpy()
    column, row = uv[..., 0] * size - 0.5, (1.0 - uv[..., 1]) * size - 0.5
    colour = np.zeros_like(light)
    for down in (0, 1):
        for along in (0, 1):
            r, c = np.floor(row) + down, np.floor(column) + along
            share = (1.0 - np.abs(row - r)) * (1.0 - np.abs(column - c))
            texel = albedo[np.clip(r, 0, size - 1).astype(int), np.clip(c, 0, size - 1).astype(int)]
            colour += share[..., None] * texel
    colour *= light * appearance.gain.numpy()[:, None, None]
    return torch.from_numpy(np.where(seen.covered.numpy()[..., None], colour, 0.2))


def evidence_showing(linear: Tensor, trust: float = 1.0) -> Evidence:
    n_frames, size = linear.shape[:2]
    pictures = Pictures(
        rgb=(255.0 * linear_to_srgb(linear.clamp(0.0, 1.0))).round().to(torch.uint8),
        weight=torch.ones(n_frames, size, size),
        trust=torch.full((n_frames,), trust),
        level=torch.tensor(0.25).double(),
    )
    scene = toy_scene(n_frames)
    return replace(evidence_of(scene, seed=0), pictures=pictures)


def truth(n_frames: int = 2, smooth: bool = False, size: int = SIZE) -> tuple[Scene, Evidence]:
    scene = toy_scene(n_frames, smooth, size)
    return scene, evidence_showing(drawn(scene))


def moved(scene: Scene, size: float = 0.01) -> Scene:
    """A few millimetres beside the truth."""
    generator = torch.Generator().manual_seed(3)
    state = scene.state
    frames = size * torch.randn(state.n_frames, 51, generator=generator, dtype=torch.float64)
    return scene.with_state(state.retract(Step(frames, size * torch.ones(state.n_shared, dtype=torch.float64))))


def energy_of(samples: Samples, term: Photometric) -> Tensor:
    return 0.5 * (samples.weight * robust_loss(samples.residual.square().sum(-1), term.robust_width)).sum()


def with_pictures(evidence: Evidence, **changed: Tensor) -> Evidence:
    return replace(evidence, pictures=replace(pictures_of(evidence), **changed))


def with_vertices(scene: Scene) -> tuple[Scene, Tensor]:
    """The scene with its vertices as the variables."""
    other = replace(scene)
    vertices = scene.vertices.clone().requires_grad_()
    other.__dict__.update(vertices=vertices, fragments=scene.fragments)
    return other, vertices


def test_it_acts_only_where_there_are_pictures() -> None:
    scene, evidence = truth()
    assert isinstance(Photometric(), SurfaceTerm) and isinstance(Photometric(), ConditionalTerm)
    assert "photometric" in Energy().terms(evidence)
    assert "photometric" not in Energy().terms(replace(evidence, pictures=None))
    assert "photometric" not in Energy().terms()


def test_it_is_zero_at_what_it_renders_up_to_eight_bits() -> None:
    scene, evidence = truth()
    pictures = pictures_of(evidence)
    pixels, _ = PLAIN.weighted_pixels(scene, pictures)
    colours = rendered(scene, pixels, pixels.centre)
    levels = 255.0 * linear_to_srgb(colours) - pictures.rgb[pixels.where]
    assert len(levels) > 1000
    assert float(levels.abs().max()) <= 0.5 + 1e-3  # fragments hold their weights in float32
    residual = PLAIN.samples(scene, evidence).residual
    shown = srgb_to_linear(pictures.rgb[pixels.where].double() / 255.0)
    assert torch.allclose(residual * PLAIN.sigma * pictures.level, shown - colours)
    at_truth, beside = (float(term_energy(Photometric(), each, evidence)) for each in (scene, moved(scene)))
    assert 0.0 < at_truth < 0.01 * beside


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("size", [SIZE, 112])
def test_the_compiled_energy_is_the_definitions(term: Photometric, size: int) -> None:
    scene, evidence = truth(n_frames=3, size=size)
    pictures = pictures_of(evidence)
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(pictures.weight.shape, generator=generator) * (torch.rand(3, size, size) > 0.1)
    evidence = with_pictures(evidence, weight=weight, trust=torch.tensor([1.0, 0.3, 0.8]))
    scene = moved(scene)
    assert scene.appearance is not None
    coverage = torch.rand(TEXELS, TEXELS, generator=generator, dtype=torch.float64)
    scene = scene.wearing(replace(scene.appearance, coverage=coverage))
    reference = energy_of(term.samples(scene, evidence), term)
    assert float(reference) > 1.0
    assert float(term.frame_energies(scene, evidence).sum()) == pytest.approx(float(reference), rel=1e-6)


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_rows_are_automatic_differentiations(term: Photometric) -> None:
    scene, evidence = truth()
    scene, vertices = with_vertices(moved(scene))
    (gradient,) = torch.autograd.grad(energy_of(term.samples(scene, evidence), term), vertices)
    compiled, in_torch = term.rows(scene, evidence), term.rows_in_torch(moved(truth()[0]), evidence)
    assert float(gradient.norm()) > 1.0
    assert float((in_torch.gradient - gradient).norm() / gradient.norm()) < 1e-10
    # float32 weights of corners: 6e-8 of a triangle's colours and light.
    assert float((compiled.gradient - gradient).norm() / gradient.norm()) < 1e-5
    assert float((compiled.information - in_torch.information).norm() / in_torch.information.norm()) < 1e-5


def test_rows_chain_to_the_gradient_by_the_state() -> None:
    """All unknowns but the focal length, which no row of a surface knows."""
    term = Photometric()
    scene, evidence = truth()
    scene = moved(scene)
    step = Step(*(part.requires_grad_() for part in (scene.state.zero_step().frames, scene.state.zero_step().shared)))
    by_hand = NormalEquations.zeros(scene.state.trajectory, scene.state.n_frames, scene.state.n_shared)
    add_surface(by_hand, term.rows(scene, evidence), scene)
    energy = energy_of(term.samples(scene.with_state(scene.state.retract(step)), evidence), term)
    frames, shared = torch.autograd.grad(energy, (step.frames, step.shared))
    assert float((by_hand.gradient.frames - frames).norm() / frames.norm()) < 1e-5
    assert torch.allclose(by_hand.gradient.shared[:-1], shared[:-1], rtol=1e-5)


def test_information_is_every_pixels_slopes_squared_and_shared_out_by_corner_weight() -> None:
    term = Photometric()
    scene, evidence = truth(n_frames=1, size=24)
    scene, vertices = with_vertices(moved(scene))
    samples = term.samples(scene, evidence)
    expected = torch.zeros(*vertices.shape, 3, dtype=torch.float64)
    pixels = samples.residual[:-1]  # the last one stands for what is hidden, and does not move
    assert len(pixels) > 20
    for residual, weight in zip(pixels, samples.weight, strict=False):
        by_vertex = torch.stack([torch.autograd.grad(part, vertices, retain_graph=True)[0] for part in residual])
        slope = by_vertex.sum((1, 2))  # all corners move alike: (3 channels, 3)
        share = (by_vertex * slope[:, None, None]).sum((0, -1)) / slope.square().sum()
        outer = weight * robust_weight(residual.detach().square().sum(), term.robust_width) * slope.T @ slope
        expected += share[..., None, None] * outer
    rows = term.rows(scene, evidence)
    xx, xy, xz, yy, yz, zz = rows.information.unbind(-1)
    information = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], dim=-1).unflatten(-1, (3, 3))
    assert float((information - expected).norm() / expected.norm()) < 1e-5
    assert float(torch.linalg.eigvalsh(information).min()) > -1e-9 * float(information.abs().max())


def test_the_gradient_points_where_the_energy_rises_with_visibility_recomputed() -> None:
    """Smooth colours under an even light: what is left out is then only the change of weights and of what is seen."""
    scene, evidence = truth(smooth=True, size=112)
    assert scene.appearance is not None
    even = torch.zeros(9, 3, dtype=torch.float64)
    even[0] = scene.appearance.lighting[0]
    scene = scene.wearing(replace(scene.appearance, lighting=even))
    evidence = evidence_showing(drawn(scene))
    scene = moved(scene)
    rows = NormalEquations.zeros(scene.state.trajectory, scene.state.n_frames, scene.state.n_shared)
    add_surface(rows, PLAIN.rows(scene, evidence), scene)
    generator = torch.Generator().manual_seed(5)
    slopes, differences = [], []
    for _ in range(20):
        frames = torch.randn(scene.state.n_frames, 51, generator=generator, dtype=torch.float64)
        step = Step(frames * torch.tensor([1.0] * 48 + [0.2] * 3), torch.zeros(scene.state.n_shared).double())
        ends = [
            float(PLAIN.frame_energies(scene.with_state(scene.state.retract(step * h)), evidence).sum())
            for h in (-2e-3, 2e-3)
        ]
        slopes.append(float((rows.gradient.frames * step.frames).sum()))
        differences.append((ends[1] - ends[0]) / 4e-3)
    cosine = np.dot(slopes, differences) / np.linalg.norm(slopes) / np.linalg.norm(differences)
    assert cosine > 0.9


@pytest.mark.parametrize("term", [PLAIN, Photometric()], ids=["plain", "patches"])
@pytest.mark.parametrize("name", ["albedo", "lighting", "gain"])
def test_the_gradient_by_the_appearance_is_finite_differences(name: str, term: Photometric) -> None:
    """With patches too: that they are constants of the samples does not change the slope."""
    scene, evidence = truth()
    scene = moved(scene)
    appearance = scene.appearance
    assert appearance is not None
    value = getattr(appearance, name)
    variable = value.clone().requires_grad_()

    def energy(other: Tensor) -> Tensor:
        return energy_of(term.samples(scene.wearing(replace(appearance, **{name: other})), evidence), term)

    (gradient,) = torch.autograd.grad(energy(variable), variable)
    direction = torch.randn(value.shape, dtype=torch.float64)
    difference = (energy(value + 1e-5 * direction) - energy(value - 1e-5 * direction)) / 2e-5
    assert float((gradient * direction).sum()) == pytest.approx(float(difference), rel=1e-6)
    assert abs(float(difference)) > 1e-3


def test_a_frame_without_trust_says_nothing() -> None:
    scene, evidence = truth(n_frames=3)
    scene = moved(scene)
    partly = with_pictures(evidence, trust=torch.tensor([1.0, 0.0, 0.5]))
    for make in (Photometric().rows, Photometric().rows_in_torch):
        whole, rows = make(scene, evidence), make(scene, partly)
        assert float(rows.gradient[1].abs().max() + rows.information[1].abs().max()) == 0.0
        assert torch.allclose(rows.information[0], whole.information[0], rtol=1e-12)
        assert torch.allclose(rows.information[2], 0.25 * whole.information[2], rtol=1e-12)


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_pictures_that_are_masked_all_over_cost_nothing(term: Photometric) -> None:
    scene, evidence = truth()
    scene = moved(scene)
    masked = with_pictures(evidence, weight=torch.zeros_like(pictures_of(evidence).weight))
    assert float(term.frame_energies(scene, masked).sum()) == 0.0 == float(energy_of(term.samples(scene, masked), term))
    for rows in (term.rows(scene, masked), term.rows_in_torch(scene, masked)):
        assert float(rows.gradient.abs().max() + rows.information.abs().max()) == 0.0


def test_frames_are_independent() -> None:
    scene, evidence = truth(n_frames=3)
    scene = moved(scene)
    term, pictures, state = Photometric(), pictures_of(evidence), scene.state
    windows, appearance = scene.windows, scene.appearance
    assert windows is not None and appearance is not None
    total, rows = 0.0, []
    for t in range(3):
        one = slice(t, t + 1)
        alone = replace(
            scene,
            state=State(state.rotations[one], state.trajectory[one], state.betas, state.log_focal),
            windows=replace(windows, origin_px=windows.origin_px[one], scale=windows.scale[one]),
            appearance=replace(appearance, gain=appearance.gain[one]),
        )
        seen = with_pictures(evidence, rgb=pictures.rgb[one], weight=pictures.weight[one], trust=pictures.trust[one])
        total += float(term.frame_energies(alone, seen).sum())
        rows.append(term.rows(alone, seen).gradient)
    assert float(term.frame_energies(scene, evidence).sum()) == pytest.approx(total, rel=1e-12)
    assert torch.allclose(term.rows(scene, evidence).gradient, torch.cat(rows), rtol=1e-9, atol=1e-9)


def covered_by_an_object(evidence: Evidence, strength: float = 1.0) -> tuple[Evidence, slice]:
    """A square of noise over the middle of every picture."""
    rgb = pictures_of(evidence).rgb.clone()
    square = slice(SIZE // 2 - 10, SIZE // 2 + 10)
    part = rgb[:, square, square].float()
    noise = 255.0 * torch.rand(part.shape, generator=torch.Generator().manual_seed(2))
    rgb[:, square, square] = (part + strength * (noise - part)).to(torch.uint8)
    return with_pictures(evidence, rgb=rgb), square


def test_what_hides_the_hand_counts_little_and_the_rest_as_before() -> None:
    scene, evidence = truth()
    hidden, square = covered_by_an_object(evidence)
    term = Photometric()
    pixels, _ = term.weighted_pixels(scene, pictures_of(hidden))
    clear, weight = (term.samples(scene, each).weight[: len(pixels.row)] for each in (evidence, hidden))
    row, column = pixels.row - square.start, pixels.column - square.start
    width = square.stop - square.start
    inside = (row >= 0) & (row < width) & (column >= 0) & (column < width)
    reach = 2 * reach_of(SIZE)  # patches that touch the object count less, and with them all their pixels
    far = (row < -reach) | (row >= width + reach) | (column < -reach) | (column >= width + reach)
    share = weight / clear
    assert int(inside.sum()) > 100 and float(share[inside].mean()) < 0.15
    assert int(far.sum()) > 100 and float((share[far] - 1.0).abs().max()) < 0.01


def test_a_state_that_looks_more_hidden_is_not_cheaper() -> None:
    scene, evidence = truth()
    energies = [
        float(Photometric().frame_energies(scene, covered_by_an_object(evidence, strength)[0]).sum())
        for strength in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    assert energies == sorted(energies)


def test_pixels_beside_the_background_or_a_step_in_depth_do_not_count() -> None:
    scene, evidence = truth(n_frames=4, size=112)
    pixels, _ = PLAIN.weighted_pixels(scene, pictures_of(evidence))
    used = torch.zeros(scene.fragments.depth.shape, dtype=torch.bool)
    used[pixels.where] = True
    for axis in (1, 2):
        for shift in (-1, 1):
            beside = scene.fragments.depth.roll(shift, axis)
            assert bool((beside[used] > 0).all())
            assert float((beside - scene.fragments.depth)[used].abs().max()) <= 0.006
    steps = scene.fragments.depth.diff(dim=1).abs() > 0.006
    both = scene.fragments.covered[:, 1:] & scene.fragments.covered[:, :-1]
    assert int((both & steps).sum()) > 10  # there are such places


def test_clipped_values_and_unseen_texels_count_little() -> None:
    scene, evidence = truth(n_frames=1)
    pictures = pictures_of(evidence)
    pixels, before = PLAIN.weighted_pixels(scene, pictures)
    rgb = pictures.rgb.clone()
    frame, row, column = pixels.where
    rgb[frame[0], row[0], column[0]] = 255
    rgb[frame[1], row[1], column[1]] = 0
    _, after = PLAIN.weighted_pixels(scene, replace(pictures, rgb=rgb))
    assert torch.allclose((after / before)[:2], torch.full((2,), CLIPPED_WEIGHT).double())
    assert torch.equal(after[2:], before[2:])
    assert scene.appearance is not None
    unseen = scene.wearing(replace(scene.appearance, coverage=torch.zeros(TEXELS, TEXELS).double()))
    assert torch.allclose(PLAIN.weighted_pixels(unseen, pictures)[1], UNSEEN_WEIGHT * before)


def test_surfaces_seen_from_the_side_count_by_the_square_of_their_cosine() -> None:
    scene, evidence = truth(n_frames=1)
    wide, narrow = Photometric(grazing_limit_deg=80.0), Photometric(grazing_limit_deg=30.0)
    _, all_weights = wide.weighted_pixels(scene, pictures_of(evidence))
    _, weights = narrow.weighted_pixels(scene, pictures_of(evidence))
    assert 0 < len(weights) < len(all_weights)
    assert float(weights.min()) >= np.cos(np.deg2rad(30.0)) ** 2
    assert np.cos(np.deg2rad(80.0)) ** 2 <= float(all_weights.min()) < 0.1
    assert float(all_weights.max()) <= 1.0 + 1e-12


def test_light_that_changes_as_normals_turn_is_a_small_part_of_the_gradient(anny: HandModel) -> None:
    """What the derivative leaves out, on a rendered hand 5 mm beside the truth."""
    scene, evidence = rendered_hand(anny)
    scene, term = moved(scene, 0.02), Photometric()

    def gradient(turning: bool) -> Tensor:
        step = replace(scene.state.zero_step(), frames=scene.state.zero_step().frames.requires_grad_())
        other = scene.with_state(scene.state.retract(step))
        samples, pictures = term.samples(other, evidence), pictures_of(evidence)
        pixels, _ = term.weighted_pixels(other, pictures)
        residual = samples.residual[: len(pixels.row)]
        if turning:
            assert other.appearance is not None
            corners = pixels.frame.unsqueeze(-1), pixels.corners
            weights = corner_weights(other.screen, pixels, pixels.centre)
            turned, carried = (
                torch.einsum("nk,nkc->nc", weights, irradiance(normals, other.appearance.lighting)[corners])
                for normals in (other.normals, other.normals.detach())
            )
            shown = srgb_to_linear(pictures.rgb[pixels.where].double() / 255.0)
            colours = rendered(other, pixels, pixels.centre) * turned / carried
            residual = (shown - colours) / (term.sigma * pictures.level)
        energy = energy_of(Samples(residual, samples.weight[: len(residual)], pixels.frame), term)
        return torch.autograd.grad(energy, step.frames)[0][:, :48]

    exact, ours = gradient(turning=True), gradient(turning=False)
    error = float((ours - exact).norm() / exact.norm())
    cosine = float((ours * exact).sum() / exact.norm() / ours.norm())
    print(f"gradient by the pose: {error:.3f} off, cosine {cosine:.4f}")
    assert 0.01 < error < 0.2 and cosine > 0.98


def rendered_hand(model: HandModel) -> tuple[Scene, Evidence]:
    """Three frames of a real hand's shape, with a painted skin under a lamp."""
    from priors.synthetic.clip import random_lighting
    from priors.synthetic.skin import Skin, paint_texture

    rng, model = np.random.default_rng(0), model.to(dtype=torch.float64)
    scene = Scene(model, model.landmarks, CAMERA, random_state(model, 3, seed=0))
    scene = replace(scene, windows=windows_around(scene.keypoints, 160))
    texture = torch.from_numpy(paint_texture(Skin.random(rng), model, 256))
    ones = torch.ones(256, 256, dtype=torch.float64)
    scene = scene.wearing(Appearance(texture, ones, random_lighting(rng), torch.ones(3, 3, dtype=torch.float64)))
    return scene, evidence_showing(drawn(scene))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_cuda_device_computes_the_same() -> None:
    scene, evidence = truth()
    scene, term = moved(scene), Photometric()
    assert scene.windows is not None and scene.appearance is not None
    other = replace(
        scene,
        model=scene.model.to(device="cuda"),
        state=scene.state.to(device="cuda"),
        windows=scene.windows.to("cuda"),
        appearance=scene.appearance.to(device="cuda"),
    )
    seen = scene.fragments
    there = type(seen)(*(part.cuda() for part in (seen.triangle_id, seen.barycentric, seen.depth)))
    other.__dict__["fragments"] = there  # whichever rasterizer the device has, here both see the same
    shown = replace(evidence, pictures=pictures_of(evidence).to("cuda"))
    assert float(term.frame_energies(other, shown).sum()) == pytest.approx(
        float(term.frame_energies(scene, evidence).sum()), rel=1e-6
    )
    rows, there_rows = term.rows(scene, evidence), term.rows(other, shown)
    for ours, theirs in ((rows.gradient, there_rows.gradient), (rows.information, there_rows.information)):
        assert theirs.is_cuda and float((theirs.cpu() - ours).norm() / ours.norm()) < 1e-5


def test_a_texture_is_repeated_beyond_its_border() -> None:
    """Texture coordinates outside 0..1 have the border's colour, and no slope along it."""
    scene, evidence = truth()
    outside = replace(scene.model, uv=4.0 * scene.model.uv - 1.5)
    scene = moved(replace(scene, model=outside))
    term = Photometric()
    reference = term.rows_in_torch(scene, evidence)
    assert float(term.frame_energies(scene, evidence).sum()) == pytest.approx(
        float(energy_of(term.samples(scene, evidence), term)), rel=1e-6
    )
    error = (term.rows(scene, evidence).gradient - reference.gradient).norm() / reference.gradient.norm()
    assert float(error) < 1e-5
