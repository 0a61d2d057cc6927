"""Texture, light and gains come back from pictures that a known appearance made; what passes before the hand does
not.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.appearance import AlbedoPrior, first_appearance, followed
from fitter.appearance.bake import Reference, bake
from fitter.appearance.estimate import Material, from_appearance
from fitter.appearance.inpaint import padded, pull_push
from fitter.appearance.light import LightPrior, Lit, even_lighting, fit_light
from fitter.appearance.picture import rendered
from fitter.appearance.sample import sample_albedo
from fitter.appearance.seams import cut_edges, seam_steps
from fitter.appearance.sightings import sightings_of
from fitter.appearance.texels import Texels, texels_of
from fitter.appearance.view import view_of
from fitter.camera import Camera
from fitter.energy.photometric import Photometric
from fitter.hand import HandModel
from fitter.observe.pictures import Pictures
from fitter.render.appearance import Appearance
from fitter.render.shading import directional_light, irradiance, linear_to_srgb
from fitter.render.window import windows_around
from fitter.rotation import exp
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from priors.synthetic.skin import Skin, paint_texture
from tests.toy_problem import evidence_of

FRAMES, WINDOW, SIZE = 16, 112, 128
CAMERA = Camera(600.0, 600.0, 320.0, 240.0, 640, 480)


def moving_hand(model: HandModel, turn: Tensor) -> Scene:
    """Fingers up, slightly bent, 0.45 m away; turned about its own length by `turn` (radians per frame), and
    nodding.
    """
    phase = torch.linspace(0.0, 2.0 * torch.pi * (1 - 1 / FRAMES), FRAMES, dtype=torch.float64)
    upright = exp(torch.tensor([0.0, 0.0, torch.pi / 2], dtype=torch.float64))
    nod = exp(torch.stack([0.5 * torch.sin(2.0 * phase), 0.0 * phase, 0.4 * torch.sin(phase)], dim=-1))
    rotations = exp(torch.full((FRAMES, 16, 3), 0.05, dtype=torch.float64))
    rotations[:, 0] = nod @ exp(torch.stack([0.0 * turn, turn, 0.0 * turn], dim=-1)) @ upright
    wrist = torch.tensor([0.0, 0.08, 0.45], dtype=torch.float64).expand(FRAMES, 3)
    betas, zero = torch.zeros(model.n_betas, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    state = State(rotations, trajectory_of_wrist(wrist), betas, zero)
    model = model.to(dtype=torch.float64)
    bare = Scene(model, model.landmarks, CAMERA, state)
    return bare.seen_through(windows_around(CAMERA.project(bare.vertices), WINDOW))


@pytest.fixture(scope="module")
def scene(anny: HandModel) -> Scene:
    """Once around."""
    return moving_hand(anny, torch.linspace(0.0, 2.0 * torch.pi * (1 - 1 / FRAMES), FRAMES, dtype=torch.float64))


@pytest.fixture(scope="module")
def truth(scene: Scene) -> Appearance:
    """Painted skin of medium tone, a lamp from above, exposure that wanders by a few per cent."""
    skin = Skin(np.array([0.35, 0.2, 0.13]), np.array([0.45, 0.28, 0.2]), 0.8, seed=5)
    texture = torch.from_numpy(paint_texture(skin, scene.model, 2 * SIZE))
    albedo = texture.unflatten(0, (SIZE, 2)).unflatten(2, (SIZE, 2)).mean((1, 3))
    direction = torch.nn.functional.normalize(torch.tensor([0.4, -0.6, -0.7], dtype=torch.float64), dim=0)
    lighting = directional_light(direction, torch.full((3,), 0.6).double(), torch.full((3,), 0.45).double())
    log_gain = 0.08 * torch.sin(torch.arange(FRAMES).double()).unsqueeze(1).expand(FRAMES, 3)
    gain = (log_gain - log_gain.mean(0)).exp()
    return Appearance(albedo, torch.ones(SIZE, SIZE, dtype=torch.float64), lighting, gain)


def filmed(scene: Scene, appearance: Appearance) -> Pictures:
    """8-bit pictures of the scene before black."""
    linear, _ = rendered(scene.wearing(appearance))
    rgb = (linear_to_srgb(torch.from_numpy(linear)).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    weight = torch.ones(rgb.shape[:3], dtype=torch.float32)
    return Pictures(rgb, weight, torch.ones(len(rgb)), torch.tensor(float(linear[linear > 0].mean())))


@pytest.fixture(scope="module")
def estimated(scene: Scene, truth: Appearance) -> Appearance:
    return first_appearance(scene, filmed(scene, truth), SIZE)


def inside(texels: Texels) -> Tensor:
    mask = torch.zeros(texels.size**2, dtype=torch.bool)
    mask[torch.from_numpy(texels.index[texels.inside])] = True
    return mask.reshape(texels.size, texels.size)


def psnr(found: Tensor, true: Tensor) -> float:
    """Decibels, after one factor per channel: albedo and light share a scale that no picture tells."""
    factor = (true.clamp_min(1e-3).log() - found.clamp_min(1e-3).log()).mean(0).exp()
    return float(-10.0 * (found * factor - true).square().mean().log10())


def test_albedo_and_light_come_back_from_a_turning_hand(scene: Scene, truth: Appearance, estimated: Appearance) -> None:
    well_seen = inside(texels_of(scene.model, SIZE)) & (estimated.coverage > 0.5)
    assert well_seen.sum() > 0.8 * inside(texels_of(scene.model, SIZE)).sum()
    plain = truth.albedo[well_seen].mean(0).expand(int(well_seen.sum()), 3)
    found = psnr(estimated.albedo[well_seen], truth.albedo[well_seen])
    assert found > 32.0 and found > psnr(plain, truth.albedo[well_seen]) + 6.0  # a constant colour is the easy answer
    assert estimated.lighting.shape == (9, 3)
    lamp, true_lamp = (a.lighting[1:4].mean(1) / a.lighting[0].mean() for a in (estimated, truth))
    assert torch.nn.functional.cosine_similarity(lamp, true_lamp, dim=0) > 0.94  # within 20 degrees
    assert 0.7 < lamp.norm() / true_lamp.norm() < 1.2
    assert estimated.albedo.dtype == torch.float64 and estimated.coverage.max() <= 1.0


def test_the_estimated_appearance_reproduces_the_pictures(
    scene: Scene, truth: Appearance, estimated: Appearance
) -> None:
    linear, covered = rendered(scene.wearing(truth))
    again, _ = rendered(scene.wearing(estimated))
    assert -10.0 * np.log10(((again - linear)[covered] ** 2).mean()) > 36.0


def test_gains_come_back_up_to_their_mean(anny: HandModel, truth: Appearance) -> None:
    """Exposure that flickers; what follows the hand's turning is shared with light and texture, to some degree."""
    one_side = moving_hand(anny, 0.5 * torch.sin(0.7 * torch.arange(FRAMES).double()))
    flicker = 0.12 * torch.tensor([1.0, -1.0]).double().repeat(FRAMES // 2).unsqueeze(1).expand(FRAMES, 3)
    found = first_appearance(one_side, filmed(one_side, replace(truth, gain=flicker.exp())), SIZE).gain.log()
    assert torch.allclose(found.mean(0), torch.zeros(3).double(), atol=1e-9)
    measured = (found * flicker.sign()).mean(0) / 0.12
    assert ((0.6 < measured) & (measured < 1.05)).all()  # the prior that exposure hardly changes shrinks it
    assert (found - found.mean(1, keepdim=True)).abs().max() < 0.02  # nothing changed the white balance


def test_light_and_gains_are_exact_where_the_albedo_is_known(scene: Scene, truth: Appearance) -> None:
    plain = replace(truth, albedo=torch.full((SIZE, SIZE, 3), 0.4, dtype=torch.float64))
    sightings = sightings_of(view_of(scene, filmed(scene, plain)), scene.model)
    free = LightPrior(10.0, 10.0, tint_sd=1.0, exposure_sd=10.0, white_balance_sd=10.0, patch_sd=1e-4)
    start = Lit(even_lighting(np.full(3, 0.7)), np.zeros((FRAMES, 3)))
    for _ in range(2):
        start = fit_light(sightings, np.full_like(sightings.colour, 0.4), start, free, 0.5, steps=4)
    assert np.abs(start.log_gain - truth.gain.log().numpy()).max() < 5e-3  # 8-bit pictures
    assert np.abs(start.lighting - truth.lighting.numpy()).max() < 0.02


def test_a_constant_albedo_stays_constant(scene: Scene, truth: Appearance) -> None:
    colour = torch.tensor([0.4, 0.25, 0.18], dtype=torch.float64)
    plain = replace(truth, albedo=colour.expand(SIZE, SIZE, 3).contiguous())
    found = first_appearance(scene, filmed(scene, plain), SIZE)
    seen = found.albedo[found.coverage > 0.3]
    spread = (seen / seen.mean(0) - 1.0).abs()
    assert spread.quantile(0.95) < 0.03
    assert (seen.mean(0) / seen.mean() / (colour / colour.mean()) - 1.0).abs().max() < 0.15  # white balance is a prior


def test_mean_albedo_and_light_are_plausible_however_the_product_is_split() -> None:
    prior = AlbedoPrior()
    for brightness in (0.5, 1.0, 2.0):
        tone, light = np.array([0.4, 0.24, 0.16]) * brightness, np.full(3, 0.8) / brightness
        factor = prior.brightening(tone, light)
        same = np.array([0.4, 0.24, 0.16])
        assert np.allclose(tone * factor, same * prior.brightening(same, np.full(3, 0.8)))
        assert 0.4 < (light / factor).mean() < 1.2 and (tone * factor < 0.95).all()
    dark = prior.brightening(np.array([0.03, 0.02, 0.015]), np.full(3, 0.8))
    assert (0.02 * dark < 0.06).all()  # dark skin in good light is not explained by bright skin in the dark


def test_an_object_before_the_hand_in_a_third_of_the_frames_does_not_burn_in(
    scene: Scene, truth: Appearance, estimated: Appearance
) -> None:
    pictures = filmed(scene, truth)
    occluded = pictures.rgb.clone()
    for t in range(0, FRAMES, 3):
        occluded[t, 30:75, 25:85] = torch.tensor([40, 250, 60], dtype=torch.uint8)
    found = first_appearance(scene, replace(pictures, rgb=occluded), SIZE)
    well_seen = inside(texels_of(scene.model, SIZE)) & (estimated.coverage > 0.5)
    view = view_of(scene, replace(pictures, rgb=occluded))
    share = (np.asarray(occluded[:, :, :, 1] == 250) & (view.triangle_id >= 0)).sum() / (view.triangle_id >= 0).sum()
    assert share > 0.1  # of all pixels, in a third of the frames half of the hand
    green = found.albedo[..., 1] / found.albedo.sum(-1)
    true_green = truth.albedo[..., 1] / truth.albedo.sum(-1)
    assert (green - true_green)[well_seen].quantile(0.98) < 0.05
    assert psnr(found.albedo[well_seen], truth.albedo[well_seen]) > 29.0


def test_unseen_texels_are_inpainted_and_say_so(scene: Scene, truth: Appearance) -> None:
    """Three frames from one side: the other side is not known."""
    pictures = filmed(scene, truth)
    one_sided = replace(pictures, trust=(torch.arange(FRAMES) < 3).float())
    found = first_appearance(scene, one_sided, SIZE)
    charts = inside(texels_of(scene.model, SIZE))
    unseen = charts & (found.coverage == 0)
    assert 0.3 < unseen.sum() / charts.sum() < 0.85
    assert (found.coverage[~charts] <= 1).all() and found.albedo.isfinite().all()
    seen = found.albedo[charts & (found.coverage > 0.3)]
    low, high = seen.amin(0) - 1e-6, seen.amax(0) + 1e-6
    assert ((found.albedo[unseen] >= low) & (found.albedo[unseen] <= high)).all()
    assert seam_steps(scene.model, found.albedo).mean() < 0.05


def test_seams_do_not_show(scene: Scene, estimated: Appearance) -> None:
    assert len(cut_edges(scene.model)) > 50
    steps = seam_steps(scene.model, estimated.albedo)
    assert steps.mean() < 0.03 and steps.quantile(0.95) < 0.1
    # The measure sees a seam: a texture that is dark on the left half cuts some edges in two colours.
    halves = torch.ones_like(estimated.albedo)
    halves[:, : SIZE // 2] = 0.5
    assert seam_steps(scene.model, halves).max() > 0.3
    assert seam_steps(scene.model, torch.ones_like(halves)).max() == 0.0


def test_share_0_keeps_and_share_1_replaces(scene: Scene, truth: Appearance, estimated: Appearance) -> None:
    pictures = filmed(scene, truth)
    texels = texels_of(scene.model, SIZE)
    kept = followed(estimated, scene, pictures, share=0.0)
    for name in ("albedo", "coverage", "lighting", "gain"):
        assert torch.allclose(getattr(kept, name), getattr(estimated, name), atol=1e-9), name
    green = replace(estimated, albedo=estimated.albedo * torch.tensor([0.8, 1.3, 0.8]).double())
    quarter, whole = (followed(green, scene, pictures, share=share) for share in (0.25, 1.0))
    well_seen = inside(texels) & (estimated.coverage > 0.5)

    def greenness(appearance: Appearance) -> float:
        albedo = appearance.albedo[well_seen]
        return float((albedo[:, 1] / albedo.sum(-1)).mean())

    start, end = greenness(green), greenness(estimated)
    assert start - end > 0.05
    # The light explains a tint of the whole hand as well as the skin does; the priors on both pull it back slowly.
    assert end - 0.01 < greenness(whole) < greenness(quarter) < start


def test_following_moves_by_the_share_where_a_texel_was_wrong(
    scene: Scene, truth: Appearance, estimated: Appearance
) -> None:
    charts = inside(texels_of(scene.model, SIZE))
    spot = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    spot[40:60, 30:50] = True
    spot &= charts & (estimated.coverage > 0.7)
    assert spot.sum() > 50
    wrong = estimated.albedo.clone()
    wrong[spot] *= 0.8
    moved = followed(replace(estimated, albedo=wrong), scene, filmed(scene, truth), share=0.2)
    progress = (moved.albedo[spot] - wrong[spot]).sum() / (estimated.albedo[spot] - wrong[spot]).sum()
    assert 0.12 < progress < 0.28
    assert (moved.albedo - estimated.albedo)[charts & ~spot].abs().max() < 0.05


def test_texels_not_seen_now_keep_their_colour(scene: Scene, truth: Appearance, estimated: Appearance) -> None:
    one_sided = replace(filmed(scene, truth), trust=(torch.arange(FRAMES) < 3).float())
    now = first_appearance(scene, one_sided, SIZE)
    charts = inside(texels_of(scene.model, SIZE))
    hidden = charts & (now.coverage == 0) & (estimated.coverage > 0.3)
    moved = followed(estimated, scene, one_sided, share=1.0)
    assert hidden.sum() > 500
    assert torch.equal(moved.coverage[hidden], estimated.coverage[hidden])
    ratio = moved.albedo[hidden] / estimated.albedo[hidden]  # brightness may go from skin to light, by one factor
    assert (ratio / ratio.mean(0) - 1.0).abs().max() < 1e-6


def dark_side(model: HandModel, truth: Appearance) -> tuple[Scene, Pictures]:
    """A hand that stays edge on, most of its light from behind: the first order outweighs the even part."""
    scene = moving_hand(model, torch.linspace(4.7, 4.85, FRAMES, dtype=torch.float64))
    behind = torch.nn.functional.normalize(torch.tensor([0.5, -0.4, 0.75], dtype=torch.float64), dim=0)
    lighting = directional_light(behind, torch.full((3,), 0.5).double(), torch.full((3,), 0.12).double())
    return scene, filmed(scene, replace(truth, lighting=lighting))


def test_the_light_keeps_the_mean_colour_whatever_the_patches_would_take(anny: HandModel, truth: Appearance) -> None:
    """What all patches change by together is no texture: left to them, each fit would darken the light by 5 to 11 %."""
    scene, pictures = dark_side(anny, truth)
    estimate = from_appearance(first_appearance(scene, pictures, SIZE))
    material = Material(scene.model, view_of(scene, pictures), AlbedoPrior())
    seen, albedo = material.sightings, material.albedo(estimate.albedo)
    lit = fit_light(seen, albedo, estimate.lit, LightPrior(), 0.25, 4)
    predicted = albedo * np.exp(lit.log_gain[seen.frame]) * (seen.basis @ lit.lighting)
    means = [np.average(colours, axis=0, weights=seen.weight) for colours in (predicted, seen.colour)]
    assert np.abs(means[0] / means[1] - 1.0).max() < 0.01


def test_following_a_hand_that_stays_does_not_drift(anny: HandModel, truth: Appearance) -> None:
    scene, pictures = dark_side(anny, truth)
    evidence = replace(evidence_of(scene, seed=0), pictures=pictures)
    first = first_appearance(scene, pictures, SIZE)
    last = first
    for _ in range(6):
        last = followed(last, scene, pictures)
    start, end = (float(Photometric().frame_energies(scene.wearing(worn), evidence).sum()) for worn in (first, last))
    assert end == pytest.approx(start, rel=0.01)


def test_a_previous_appearance_of_another_size_is_the_start(
    scene: Scene, truth: Appearance, estimated: Appearance
) -> None:
    finer = first_appearance(scene, filmed(scene, truth), 2 * SIZE, previous=estimated)
    assert finer.size == 2 * SIZE and finer.gain.shape == (FRAMES, 3)
    coarse = finer.albedo.unflatten(0, (SIZE, 2)).unflatten(2, (SIZE, 2)).mean((1, 3))
    well_seen = inside(texels_of(scene.model, SIZE)) & (estimated.coverage > 0.5)
    assert psnr(coarse[well_seen], truth.albedo[well_seen]) > 31.0


def test_a_clip_without_a_usable_pixel_gets_plain_skin(scene: Scene, truth: Appearance) -> None:
    pictures = filmed(scene, truth)
    for blind in (replace(pictures, trust=torch.zeros(FRAMES)), replace(pictures, weight=0.0 * pictures.weight)):
        found = first_appearance(scene, blind, SIZE)
        assert (found.coverage == 0).all() and (found.gain == 1).all()
        assert torch.equal(found.albedo, found.albedo[0, 0].expand(SIZE, SIZE, 3))
        assert 0.02 < found.albedo.mean() < 0.9 and (found.lighting[1:] == 0).all()
        assert followed(found, scene, blind) is found


def test_black_pictures_give_finite_numbers(scene: Scene, truth: Appearance) -> None:
    for value in (0, 255):
        pictures = filmed(scene, truth)
        found = first_appearance(scene, replace(pictures, rgb=torch.full_like(pictures.rgb, value)), SIZE)
        for name in ("albedo", "coverage", "lighting", "gain"):
            assert getattr(found, name).isfinite().all(), name
        assert (found.albedo > 0).all() and (found.albedo < 1).all()


def test_padding_is_safe_at_every_mip_level(scene: Scene) -> None:
    """Charts of one colour: no box filter of any size meets another."""
    texels = texels_of(scene.model, SIZE)
    colour = np.array([0.5, 0.3, 0.2])
    level = padded(texels, np.tile(colour, (texels.count, 1)))
    while len(level) > 1:
        assert np.allclose(level, colour, atol=1e-12)
        level = level.reshape(len(level) // 2, 2, len(level) // 2, 2, 3).mean((1, 3))
    assert np.allclose(level, colour)


def test_padding_stays_within_the_colours_and_leaves_the_charts() -> None:
    generator = np.random.default_rng(0)
    for shape in ((16, 16), (13, 7), (1, 9)):
        colour = generator.random((*shape, 3))
        weight = (generator.random(shape) < 0.2).astype(float)
        weight[0, 0] = 1.0
        filled = pull_push(colour, weight)
        known = weight == 1
        assert np.array_equal(filled[known], colour[known])
        assert (filled >= colour[known].min(0) - 1e-12).all() and (filled <= colour[known].max(0) + 1e-12).all()


def test_texels_lie_in_their_triangles(scene: Scene) -> None:
    texels = texels_of(scene.model, SIZE)
    corners = scene.model.uv[scene.model.uv_faces[torch.from_numpy(texels.triangle).long()]].numpy()
    uv = np.einsum("nk,nkc->nc", texels.weights.astype(np.float64), corners)
    row, column = np.divmod(texels.index, SIZE)
    expected = np.stack([(column + 0.5) / SIZE, 1.0 - (row + 0.5) / SIZE], axis=1)
    assert np.abs(uv - expected).max() < 1e-5
    assert (texels.weights[texels.inside] > -1e-5).all() and 0 < (~texels.inside).sum() < texels.inside.sum()
    assert (np.diff(texels.triangle) >= 0).all() and len(np.unique(texels.index)) == texels.count
    assert texels_of(scene.model, SIZE) is texels


def test_sampling_is_bilinear_between_texel_centres_and_differentiable() -> None:
    albedo = torch.rand(5, 5, 3, dtype=torch.float64)
    rows, columns = torch.meshgrid(torch.arange(5.0).double(), torch.arange(5.0).double(), indexing="ij")
    centres = torch.stack([(columns + 0.5) / 5, 1.0 - (rows + 0.5) / 5], dim=-1)
    assert torch.allclose(sample_albedo(albedo, centres), albedo)
    between = torch.tensor([1.0 / 5, 1.0 - 1.0 / 5], dtype=torch.float64)
    assert torch.allclose(sample_albedo(albedo, between), albedo[:2, :2].mean((0, 1)))
    outside = torch.tensor([[-1.0, 2.0], [3.0, -0.5]], dtype=torch.float64)
    assert torch.equal(sample_albedo(albedo, outside), torch.stack([albedo[0, 0], albedo[4, 4]]))
    uv = 0.13 + 0.7 * torch.rand(4, 2, 2, dtype=torch.float64)
    inputs = albedo.requires_grad_(), uv.requires_grad_()
    assert torch.autograd.gradcheck(sample_albedo, inputs, eps=1e-7)


def interpolated(scene: Scene, appearance: Appearance) -> Float[Tensor, "frames size size 3"]:
    """The model of a pixel's colour, straight from its definition."""
    seen, model = scene.fragments, scene.model
    triangle, weights = seen.triangle_id.clamp_min(0).long(), seen.weights.double().unsqueeze(-1)
    uv = (weights * model.uv[model.uv_faces.long()[triangle]]).sum(-2)
    light = irradiance(scene.normals, appearance.lighting).clamp_min(0.02)
    frame = torch.arange(len(triangle))[:, None, None, None]
    lit = (weights * light[frame, model.faces.long()[triangle]]).sum(-2)
    colour = appearance.gain[:, None, None] * sample_albedo(appearance.albedo, uv) * lit
    return torch.where(seen.covered.unsqueeze(-1), colour, 0.0)


def test_pictures_follow_their_definition(scene: Scene, truth: Appearance) -> None:
    linear, covered = rendered(scene.wearing(truth))
    assert (covered == scene.fragments.covered.numpy()).all() and 0.05 < covered.mean() < 0.6
    assert np.abs(linear - interpolated(scene, truth).numpy()).max() < 1e-5
    with pytest.raises(AssertionError, match="appearance"):
        rendered(scene)


def test_baking_with_the_true_light_gives_the_true_albedo(scene: Scene, truth: Appearance) -> None:
    texels, view = texels_of(scene.model, SIZE), view_of(scene, filmed(scene, truth))
    flat = truth.albedo.reshape(-1, 3).numpy()[texels.index]
    gain = truth.gain.numpy()
    for known in (False, True):
        believed = flat if known else np.tile(flat.mean(0), (texels.count, 1))
        reference = Reference(believed, np.full(texels.count, known), flat.mean(0))
        baked = bake(texels, view, truth.lighting.numpy(), gain, reference)
        good = (baked.seen > 1.0) & texels.inside
        assert good.sum() > 0.7 * texels.inside.sum()
        error = np.abs(baked.colour - flat)[good]
        assert np.median(error) < 0.006 and error.mean() < 0.012  # the windows are coarser than the creases
    assert (baked.seen >= 0).all() and (baked.colour[baked.seen == 0] == 0).all()


def test_pixels_at_outlines_and_depth_steps_have_no_say(scene: Scene, truth: Appearance) -> None:
    view = view_of(scene, filmed(scene, truth))
    covered = view.triangle_id >= 0
    border = np.zeros_like(covered)
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1)):
        border |= covered & ~np.roll(covered, shift, axis=(1, 2))
    assert border.sum() > 1000 and (view.sight[border] == 0).all() and (view.sight[~covered] == 0).all()
    assert (view.sight > 0).sum() > 0.5 * covered.sum()
    coarser = scene.seen_through(scene.windows.resized(WINDOW // 2)) if scene.windows else scene
    with pytest.raises(AssertionError, match="windows"):
        view_of(coarser, filmed(scene, truth))
