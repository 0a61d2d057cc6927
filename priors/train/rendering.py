"""What the network says of some frames of one clip, rendered and compared with their pixels.

    energies = colours(said, clip, index, Pixels(Photometric(), MeanColour(), skins))       # per frame, by name

Where the network says what the skin and the light look like, every frame wears its own. Where it does not, the
appearance is estimated from the same frames in closed form, as the engine does: frames far apart in the clip share it,
so that it cannot explain away each frame's errors.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.appearance.estimate import first_appearance
from fitter.energy.photometric import Photometric
from fitter.energy.seen_pixels import rendered as rendered_colours
from fitter.energy.seen_pixels import see
from fitter.energy.term import robust_loss
from fitter.observe.evidence import Evidence
from fitter.observe.footage import pictures_of
from fitter.observe.pictures import Pictures
from fitter.render.appearance import Appearance
from fitter.render.shading import sh_basis, srgb_to_linear
from fitter.scene import Scene
from fitter.state import State
from priors.train.clips import TrainingClip
from priors.train.terms import MeanColour, Said

TEXTURE_SIZE = 64  # texels along the side: as fine as windows of 96 pixels


class Skins(Protocol):
    """What coefficients of a skin look like."""

    def texture_of(self, coefficients: Float[Tensor, "*any skins"]) -> Float[Tensor, "*any size size 3"]:
        """Linear albedo in the model's texture coordinates; differentiable."""
        ...


@dataclass(frozen=True)
class Look:
    """How pixels are compared: the first `frames` of a lesson's snippets of each clip."""

    photometric: Photometric
    mean_colour: MeanColour | None
    skins: Skins | None
    frames: int


@dataclass(frozen=True)
class Gallery:
    """Frames of one clip as a scene without batch axes, and the pictures that it is compared with."""

    scene: Scene
    evidence: Evidence
    pictures: Pictures


def colours(said: Said, clip: TrainingClip, index: Int[Tensor, "snippets frames"], look: Look) -> dict[str, Tensor]:
    """Mean energies per frame of the first frames of some snippets, by the name of their term."""
    count = min(look.frames, len(index))
    if said.albedo is None or said.lighting is None or look.skins is None:
        return compared(gallery_of(said.scene, clip, index[:count, 0]), look.photometric, look.mean_colour)
    textures, each = look.skins.texture_of(said.albedo[:count].mean(1)), []
    for k in range(count):
        texture = textures[k]
        even = torch.ones_like(texture[..., 0])
        worn = Appearance(texture, even, said.lighting[k, 0], torch.ones_like(texture[:1, 0]))
        state = State(*(part[k : k + 1] for part in vars(said.scene.state).values()))
        gallery = gallery_of(said.scene.with_state(state), clip, index[k : k + 1, 0], worn)
        each.append(compared(gallery, look.photometric, look.mean_colour))
    return {name: torch.stack([energies[name] for energies in each]).mean() for name in each[0]}


def light_in_camera(
    lighting: Float[Tensor, "n 9 3"], rotation_crop_camera: Float[Tensor, "n 3 3"]
) -> Float[Tensor, "n 9 3"]:
    """Light given in the crops' axes, in the camera's: turned harmonics are combinations of harmonics of their order.

    Found by least squares over directions spread evenly (a Fibonacci spiral), which is exact.
    """
    step = torch.arange(32, dtype=lighting.dtype, device=lighting.device) + 0.5
    height, angle = 1.0 - step / 16.0, step * math.pi * (1.0 + math.sqrt(5.0))
    flat = (1.0 - height.square()).sqrt()
    normals = torch.stack([flat * angle.cos(), flat * angle.sin(), height], dim=-1)
    in_crop = sh_basis(normals @ rotation_crop_camera.mT)
    return torch.linalg.pinv(sh_basis(normals)) @ in_crop @ lighting


def gallery_of(said: Scene, clip: TrainingClip, index: Int[Tensor, "n"], worn: Appearance | None = None) -> Gallery:
    """The first frames of as many snippets of `said`, the frames `index` of the clip, with the mean of their shapes.

    `worn` is what they wear; None: what is estimated from them. Differentiable by the states and by `worn`.
    """
    assert clip.cut is not None and clip.windows is not None
    state, count = said.state, len(index)
    betas = state.betas[:count].mean(0)
    one = State(state.rotations[:count, 0], state.trajectory[:count, 0], betas, state.log_focal[0])
    windows = replace(clip.windows, origin_px=clip.windows.origin_px[index], scale=clip.windows.scale[index])
    scene = replace(said, state=one, windows=windows.to(one.trajectory.device), appearance=None)
    evidence = clip.frames(index)
    trust = evidence.confidence.mean(-1)
    cut = replace(clip.cut, rgb=clip.cut.rgb[index], inside=clip.cut.inside[index], masks=None)
    pictures = pictures_of(cut, scene.fragments.covered.cpu(), trust).to(one.trajectory.device)
    if worn is None:
        with torch.no_grad():
            still = replace(scene, state=State(*(part.detach() for part in vars(one).values())))
            worn = first_appearance(still, pictures, TEXTURE_SIZE)
    return Gallery(scene.wearing(worn), replace(evidence, pixel_scale=evidence.pixel_scale.mean()), pictures)


def compared(gallery: Gallery, photometric: Photometric, mean_colour: MeanColour | None) -> dict[str, Tensor]:
    """Energies per frame of the gallery, by the name of their term."""
    scene, pictures = gallery.scene, gallery.pictures
    evidence = replace(gallery.evidence, pictures=pictures)
    samples = photometric.samples(scene, evidence)
    loss = robust_loss(samples.residual.square().sum(-1), photometric.robust_width)
    energies = {"photometric": 0.5 * (samples.weight * loss).sum() / evidence.n_frames}
    if mean_colour is not None:
        pixels = see(scene, (pictures.weight > 0) & (pictures.trust > 0)[:, None, None])
        shown: Float[Tensor, "pixels 3"] = srgb_to_linear(pictures.rgb[pixels.where].to(scene.vertices.dtype) / 255.0)
        colours = rendered_colours(scene, pixels, pixels.centre)
        energies["mean_colour"] = mean_colour.energy(colours, shown, pixels.frame, pictures.level) / evidence.n_frames
    return energies
