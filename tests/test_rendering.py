"""Colours in training: nothing to complain of where the truth is worn, gradients for pose and skin, light turned."""

from dataclasses import dataclass, replace

import torch

from fitter.energy.photometric import Photometric
from fitter.render.shading import irradiance
from fitter.scene import Scene
from fitter.state import State
from priors.train.clips import TrainingClip
from priors.train.objective import Turn
from priors.train.rendering import Look, colours, gallery_of, light_in_camera
from priors.train.self_supervised import S2HAND, SelfSupervision, clip_objective
from priors.train.terms import MeanColour, Said
from tests.test_photometric import drawn, hand_with_plain_uv, worn
from tests.training_clip import Knowing, clip_seen, guess_of, scene_of_clip, windowed, with_pixels

FRAMES, SIZE, SKINS = 4, 48, 3
PIXELS = Photometric()


@dataclass(frozen=True)
class Tinted:
    """Skins of one texture in other tints: coefficients are logarithms of RGB."""

    texture: torch.Tensor

    def texture_of(self, coefficients: torch.Tensor) -> torch.Tensor:
        return self.texture * coefficients.exp()[..., None, None, :]


def shown_clip() -> tuple[Scene, TrainingClip, Tinted]:
    """A dressed hand in float32, a clip that shows it, and the skins that it is one of."""
    model = hand_with_plain_uv()
    scene = windowed(scene_of_clip(FRAMES, model), SIZE)
    appearance = worn(FRAMES, smooth=True)
    appearance = replace(appearance, gain=torch.ones_like(appearance.gain))
    dressed = scene.wearing(appearance)
    return dressed, with_pixels(clip_seen(scene), drawn(dressed), scene), Tinted(appearance.albedo.float())


def said_of(scene: Scene, clip: TrainingClip, index: torch.Tensor) -> Said:
    """What a perfect network says of single frames, with the scene's light and the skin of coefficients 0."""
    lesson = clip_objective(SelfSupervision(), [clip], scene.model).draw(Turn(0, 0))
    drawn_frames = replace(lesson.drawn[0], index=index, sight=clip.shown(index.flatten()))
    said = lesson.said(guess_of(scene, clip, index), drawn_frames)
    assert scene.appearance is not None
    light = scene.appearance.lighting.float().expand(len(index), 1, 9, 3)
    return replace(said, albedo=torch.zeros(len(index), 1, SKINS), lighting=light)


def test_the_true_skin_and_light_on_the_true_pose_cost_almost_nothing() -> None:
    scene, clip, skins = shown_clip()
    index = torch.arange(FRAMES)[:, None]
    said = said_of(scene, clip, index)
    look = Look(PIXELS, MeanColour(), skins, FRAMES)
    energies = colours(said, clip, index, look)
    # Of 100 independent pixels eight bits of colour, at a tenth of a sigma, and grazing ones in float32 leave this.
    assert float(energies["photometric"]) < 10.0 and float(energies["mean_colour"]) < 1e-3
    assert said.albedo is not None
    darker = colours(replace(said, albedo=said.albedo - 0.5), clip, index, look)
    assert float(darker["photometric"]) > 100.0 and float(darker["mean_colour"]) > 1.0


def test_gradients_reach_pose_skin_and_light() -> None:
    scene, clip, skins = shown_clip()
    index = torch.arange(2)[:, None]
    said = said_of(scene, clip, index)
    state = said.scene.state
    place = (state.trajectory + 0.003).requires_grad_()
    assert said.albedo is not None and said.lighting is not None
    albedo, light = (said.albedo + 0.1).requires_grad_(), said.lighting.clone().requires_grad_()
    moved = replace(said.scene, state=State(state.rotations, place, state.betas, state.log_focal))
    energies = colours(
        replace(said, scene=moved, albedo=albedo, lighting=light), clip, index, Look(PIXELS, MeanColour(), skins, 2)
    )
    gradients = torch.autograd.grad(torch.stack(list(energies.values())).sum(), [place, albedo, light])
    for gradient in gradients:
        assert bool(torch.isfinite(gradient).all()) and bool((gradient.flatten(1).abs().amax(1) > 0).all())


def test_an_estimated_appearance_prefers_the_true_pose() -> None:
    """What is worn is estimated from the same frames; a hand beside its pixels still costs more.

    Much is left at the truth: this hand's texture is that of both its sides, and frames are few.
    """
    scene, clip, _ = shown_clip()
    index = torch.arange(FRAMES)[:, None]
    said = replace(said_of(scene, clip, index), albedo=None)
    look = Look(PIXELS, None, None, FRAMES)
    costs = []
    for shift in (0.0, 0.004, 0.02):
        state = said.scene.state
        moved = state.trajectory + torch.tensor([shift, 0.0, 0.0])
        beside = replace(said.scene, state=State(state.rotations, moved, state.betas, state.log_focal))
        costs.append(float(colours(replace(said, scene=beside), clip, index, look)["photometric"]))
    assert costs[0] < 0.97 * costs[1] and costs[0] < 0.95 * costs[2], costs


def test_a_gallery_takes_as_many_frames_as_it_is_given() -> None:
    scene, clip, _ = shown_clip()
    index = torch.arange(FRAMES)[:, None]
    said = said_of(scene, clip, index)
    gallery = gallery_of(said.scene, clip, torch.tensor([0, 1]))
    assert gallery.scene.state.rotations.shape == (2, 16, 3, 3) and gallery.pictures.rgb.shape[0] == 2
    assert gallery.scene.appearance is not None and not gallery.scene.appearance.albedo.requires_grad


def test_light_turned_into_the_camera_lights_the_same_surface_alike() -> None:
    generator = torch.Generator().manual_seed(1)
    lighting = torch.randn(5, 9, 3, generator=generator, dtype=torch.float64)
    turns = torch.linalg.qr(torch.randn(5, 3, 3, generator=generator, dtype=torch.float64))[0]
    turns = turns * torch.linalg.det(turns).sign()[:, None, None]
    normals = torch.nn.functional.normalize(torch.randn(5, 40, 3, generator=generator, dtype=torch.float64), dim=-1)
    in_crop = irradiance(normals @ turns.mT, lighting)
    assert torch.allclose(irradiance(normals, light_in_camera(lighting, turns)), in_crop, atol=1e-9)


def test_the_objective_compares_colours_where_the_clip_has_pixels() -> None:
    scene, clip, _ = shown_clip()
    settings = SelfSupervision(energy=replace(S2HAND, photometric=PIXELS), snippets=3, rendered=2)
    for one, expected in ((clip, True), (replace(clip, cut=None), False)):
        lesson = clip_objective(settings, [one], scene.model).draw(Turn(0, 0))
        knowing = Knowing(scene, one, lesson.drawn[0].index)
        parts = lesson.parts(knowing)  # pyright: ignore[reportArgumentType]
        assert ("photometric" in parts) == expected == ("mean_colour" in parts)
