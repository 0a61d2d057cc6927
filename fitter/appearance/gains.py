"""How bright each frame was exposed, where texture and light are known from other frames of the same clip.

appearance = known_appearance(worn, scene, pictures, 256)        # texture and light of `worn`, gains of the pictures
"""

import numpy as np
import torch
from jaxtyping import Float

from fitter.appearance.estimate import (
    STEPS,
    TEXTURED_WIDTH,
    Estimate,
    Material,
    from_appearance,
    resized,
    to_appearance,
)
from fitter.appearance.light import LONGEST_STEP, LightPrior, Lit, normal_equations
from fitter.appearance.prior import AlbedoPrior
from fitter.appearance.sightings import Sightings
from fitter.appearance.texels import texels_of
from fitter.appearance.view import view_of
from fitter.observe.pictures import Pictures
from fitter.render.appearance import Appearance
from fitter.scene import Scene


def known_appearance(worn: Appearance, scene: Scene, pictures: Pictures, size: int) -> Appearance:
    """`worn`, its texture in size x size texels, with the gains of the scene's frames; 1 where nothing is seen."""
    texels = texels_of(scene.model, size)
    known = resized(from_appearance(worn), texels)
    material = Material(scene.model, view_of(scene, pictures), AlbedoPrior())
    gains = np.zeros((scene.state.n_frames, 3))
    if material.sightings.usable:
        albedo = material.albedo(known.albedo)
        gains = fit_gains(material.sightings, albedo, known.lit.lighting, LightPrior())
    return to_appearance(Estimate(known.albedo, known.coverage, Lit(known.lit.lighting, gains)), scene)


def regained(worn: Appearance, scene: Scene, pictures: Pictures, share: float) -> Appearance:
    """`worn`, whose gains are of the scene's frames, with these moved by `share` towards what the scene says."""
    new = known_appearance(worn, scene, pictures, worn.size).gain
    gain = torch.exp((1.0 - share) * worn.gain.log() + share * new.log())
    return Appearance(worn.albedo, worn.coverage, worn.lighting, gain)


def fit_gains(
    sightings: Sightings,
    albedo: Float[np.ndarray, "pixels 3"],
    lighting: Float[np.ndarray, "9 3"],
    prior: LightPrior,
) -> Float[np.ndarray, "frames 3"]:
    """Log gains under which the pixels look as filmed; Gauss-Newton with robust weights, each frame for itself."""
    log_gain, level = np.zeros((sightings.n_frames, 3)), sightings.level()
    frames = max(len(np.unique(sightings.frame)), 1)
    for _ in range(STEPS):
        shade = albedo * np.exp(log_gain[sightings.frame])
        sums = normal_equations(
            *(sightings.basis, sightings.colour, shade.astype(np.float32), sightings.weight),
            *(sightings.frame, sightings.n_frames, sightings.patch, sightings.n_patches),
            *(lighting, level, TEXTURED_WIDTH),
        )
        information = frames * prior.independent_pixels / (max(sums.total, 1e-12) * (prior.residual_sd * level) ** 2)
        blocks = np.einsum("tk,kl->tkl", information * sums.frame_frame, np.eye(3)) + prior.gain_precision()
        slopes = information * sums.frame - log_gain @ prior.gain_precision()
        step = np.linalg.solve(blocks, slopes[..., None])[..., 0]
        log_gain = log_gain + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
    return log_gain
