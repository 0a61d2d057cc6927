"""What the network says of some frames of one clip, rendered and compared with their pixels.

    gallery = rendered(said.scene, clip, frames)                # one scene with windows, one shape, an appearance
    energies = compared(gallery, Photometric(), MeanColour())   # per frame, by name

Where the network does not say what the skin looks like, the appearance is estimated from the same frames in closed
form, as the engine does: frames far apart in the clip share it, so that it cannot explain away each frame's errors.
"""

from dataclasses import dataclass, replace

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
from fitter.render.shading import srgb_to_linear
from fitter.scene import Scene
from fitter.state import State
from priors.train.clips import TrainingClip
from priors.train.terms import MeanColour

TEXTURE_SIZE = 64  # texels along the side: as fine as windows of 96 pixels


@dataclass(frozen=True)
class Gallery:
    """Frames of one clip as a scene without batch axes, and the pictures that it is compared with."""

    scene: Scene
    evidence: Evidence
    pictures: Pictures


def gallery_of(said: Scene, clip: TrainingClip, index: Int[Tensor, "n"], worn: Appearance | None = None) -> Gallery:
    """The first frames of the snippets `said`, which are the frames `index` of the clip, with the mean of their shapes.

    `worn` is what they wear; None: what is estimated from them. Differentiable by the states and by `worn`.
    """
    assert clip.cut is not None and clip.windows is not None
    state = said.state
    one = State(state.rotations[:, 0], state.trajectory[:, 0], state.betas.mean(0), state.log_focal[0])
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
