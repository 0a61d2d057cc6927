"""Albedo, light and gains of a clip from its pictures and the fit so far: from nothing, or following slowly.

    appearance = first_appearance(scene, pictures, 256)
    appearance = followed(appearance, scene, pictures)          # after every accepted step of the solver

Each of the three has a closed form given the other two; they take turns. Following must be slow: with the texture
solved anew in every step, pose and texture slide together while the pictures fit ever better.
Everything is computed on the CPU; results lie where the scene does.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from fitter.appearance.bake import Baked, Reference, bake
from fitter.appearance.inpaint import padded, surroundings
from fitter.appearance.light import LightPrior, Lit, even_lighting, fit_light
from fitter.appearance.prior import GREATEST_ALBEDO, LEAST_ALBEDO, AlbedoPrior
from fitter.appearance.sample import sample_albedo
from fitter.appearance.sightings import DARKEST, Sightings, sightings_of
from fitter.appearance.texels import Texels, texels_of
from fitter.appearance.view import View, view_of
from fitter.hand import HandModel
from fitter.observe.pictures import Pictures
from fitter.render.appearance import Appearance
from fitter.scene import LEAST_LIGHT, Scene

ALTERNATIONS, ALTERNATIONS_AGAIN = 3, 1  # from nothing, and from an appearance of the same clip
STEPS, STEPS_FOLLOWING = 4, 2  # Gauss-Newton steps of the light: those that follow start where they will end
SHARE = 0.15  # of the new estimate in each step (measured: more lets pose and texture slide together)
# Robust widths of pixels relative to the clip's median colour, while the skin is taken for one colour, and after.
PLAIN_WIDTH, TEXTURED_WIDTH = 0.5, 0.25
# A texel seen in this many good frames is half sure.
HALF_SEEN_FRAMES = 1.0
# Colours of texels seen less are no judge of outliers.
KNOWN_COVERAGE = 0.5


@dataclass(frozen=True)
class Estimate:
    """An appearance as arrays, see `Appearance`."""

    albedo: Float[np.ndarray, "size size 3"]
    coverage: Float[np.ndarray, "size size"]
    lit: Lit


@dataclass(frozen=True)
class Material:
    """What all estimates of one scene share."""

    model: HandModel
    view: View
    prior: AlbedoPrior

    @cached_property
    def sightings(self) -> Sightings:
        return sightings_of(self.view, self.model)

    def light(self, lighting: Float[np.ndarray, "9 3"]) -> Float[np.ndarray, "pixels 3"]:
        return np.maximum(self.sightings.basis @ lighting, LEAST_LIGHT)

    def albedo(self, albedo: Float[np.ndarray, "size size 3"]) -> Float[np.ndarray, "pixels 3"]:
        return sample_albedo(torch.from_numpy(albedo), torch.from_numpy(self.sightings.uv).double()).numpy()


def first_appearance(
    scene: Scene,
    pictures: Pictures,
    size: int,
    previous: Appearance | None = None,
    prior: AlbedoPrior | None = None,
) -> Appearance:
    """The appearance of a scene's pictures, texture size x size, from scratch.

    `previous` is an appearance of the same clip, of whichever size: where light, gains and texture start. A clip
    without a usable pixel gets the mean skin tone in even light, coverage 0.
    """
    material = Material(scene.model, view_of(scene, pictures), prior or AlbedoPrior())
    texels = texels_of(scene.model, size)
    if previous is None:
        start = plain_start(material, texels)
    else:
        start = resized(from_appearance(previous), texels)
    rounds = ALTERNATIONS if previous is None else ALTERNATIONS_AGAIN
    for _ in range(rounds if material.sightings.usable else 0):
        new = rebaked(start, material, texels)
        start = relit(new, material, 1.0, STEPS)
    final = rebaked(start, material, texels) if material.sightings.usable else start
    return to_appearance(rescaled(final, material, texels, 1.0), scene)


def followed(
    appearance: Appearance,
    scene: Scene,
    pictures: Pictures,
    share: float = SHARE,
    prior: AlbedoPrior | None = None,
) -> Appearance:
    """`appearance` moved towards the closed-form estimate of this scene by `share` (0 keeps it, 1 replaces it).

    A texel moves more the better it is seen now than it was before; one not seen now keeps its colour.
    """
    material = Material(scene.model, view_of(scene, pictures), prior or AlbedoPrior())
    if not material.sightings.usable:
        return appearance
    texels = texels_of(scene.model, appearance.size)
    old = relit(from_appearance(appearance), material, share, STEPS_FOLLOWING)
    new = rebaked(old, material, texels)
    seen_old, seen_new = (e.coverage.reshape(-1)[texels.index].astype(np.float64) for e in (old, new))
    before, now = (1.0 - share) * seen_old, share * seen_new
    # Texels that are inpainted before and now follow their surroundings' colour.
    unseen = np.where(seen_old > 0.0, 0.0, share)
    step = np.where(seen_new > 0.0, now / np.maximum(before + now, 1e-12), unseen)[:, None]
    colours = [e.albedo.reshape(-1, 3)[texels.index] for e in (old, new)]
    coverage = old.coverage.reshape(-1).copy()
    moved = (1.0 - share) * seen_old + share * seen_new
    coverage[texels.index] = np.where(seen_new > 0.0, moved, seen_old)
    mixed = Estimate(
        padded(texels, colours[0] + step * (colours[1] - colours[0])),
        coverage.reshape(old.coverage.shape),
        old.lit,
    )
    return to_appearance(rescaled(mixed, material, texels, share), scene)


def refined_texture(appearance: Appearance, scene: Scene, pictures: Pictures, size: int) -> Appearance:
    """The texture anew, size x size, from other pictures of the same clip under the light of `appearance`.

    Its gains are those of the scene's frames. Light and gains stay.
    """
    material = Material(scene.model, view_of(scene, pictures), AlbedoPrior())
    texels = texels_of(scene.model, size)
    start = resized(from_appearance(appearance), texels)
    return to_appearance(rebaked(start, material, texels) if material.sightings.usable else start, scene)


def plain_start(material: Material, texels: Texels) -> Estimate:
    """Skin of one colour: from it light, gains, and how bright that skin is."""
    shape, n_frames = (texels.size, texels.size), material.view.n_frames
    tone = np.exp(material.prior.tone()[0])
    lit = Lit(even_lighting(np.full(3, material.prior.light)), np.zeros((n_frames, 3)))
    if material.sightings.usable:
        start = Lit(even_lighting(material.sightings.level() / tone), lit.log_gain)
        plain = np.broadcast_to(tone, (len(material.sightings.frame), 3))
        # Twice: the first robust weights come from even light, and take a deep shadow for an object.
        for _ in range(2):
            start = fit_light(material.sightings, plain, start, LightPrior(), PLAIN_WIDTH, STEPS)
        factor = material.prior.brightening(tone, mean_light(material, start.lighting))
        tone, lit = tone * factor, Lit(start.lighting / factor, start.log_gain)
    return Estimate(np.broadcast_to(tone, (*shape, 3)).copy(), np.zeros(shape), lit)


def relit(old: Estimate, material: Material, share: float, steps: int) -> Estimate:
    """Light and gains given the texture, moved by `share`."""
    new = fit_light(material.sightings, material.albedo(old.albedo), old.lit, LightPrior(), TEXTURED_WIDTH, steps)
    return replace(old, lit=old.lit.towards(new, share))


def rebaked(old: Estimate, material: Material, texels: Texels) -> Estimate:
    """The texture of all frames under the light of `old`, whose colours judge outliers."""
    colour, coverage = old.albedo.reshape(-1, 3)[texels.index], old.coverage.reshape(-1)[texels.index]
    reference = Reference(colour, coverage >= KNOWN_COVERAGE, np.average(colour, axis=0, weights=coverage + 1e-9))
    baked = bake(texels, material.view, old.lit.lighting, np.exp(old.lit.log_gain), reference)
    return completed(old, baked, material, texels)


def completed(old: Estimate, baked: Baked, material: Material, texels: Texels) -> Estimate:
    """Pull in outliers, let little-seen texels lean on their surroundings, fill in the others."""
    seen = baked.seen.astype(np.float64)
    if not seen.any():
        return old
    prior = material.prior
    colour = prior.pulled_in(baked.colour.astype(np.float64), seen)
    base = surroundings(texels, colour, seen, len(material.model.template))
    mixed = (seen[:, None] * colour + prior.base_frames * base) / (seen + prior.base_frames)[:, None]
    coverage = np.zeros(texels.size**2)
    coverage[texels.index] = seen / (seen + HALF_SEEN_FRAMES)
    albedo = padded(texels, np.clip(mixed, LEAST_ALBEDO, GREATEST_ALBEDO))
    return Estimate(albedo, coverage.reshape(texels.size, texels.size), old.lit)


def rescaled(estimate: Estimate, material: Material, texels: Texels, share: float) -> Estimate:
    """Move brightness between skin and light, by `share` of what the skin prior wants; the pictures stay the same."""
    if not material.sightings.usable:
        return estimate
    weight = estimate.coverage.reshape(-1)[texels.index] * texels.inside + 1e-9
    logs = np.log(np.maximum(estimate.albedo.reshape(-1, 3)[texels.index], LEAST_ALBEDO))
    mean_albedo = np.exp(np.average(logs, axis=0, weights=weight))
    factor = material.prior.brightening(mean_albedo, mean_light(material, estimate.lit.lighting)) ** share
    albedo = np.clip(estimate.albedo * factor, LEAST_ALBEDO, GREATEST_ALBEDO)
    return Estimate(albedo, estimate.coverage, Lit(estimate.lit.lighting / factor, estimate.lit.log_gain))


def mean_light(material: Material, lighting: Float[np.ndarray, "9 3"]) -> Float[np.ndarray, "3"]:
    """Light on what is seen of the hand, a mean over pixels."""
    return np.maximum(np.average(material.light(lighting), axis=0, weights=material.sightings.weight), DARKEST)


def resized(old: Estimate, texels: Texels) -> Estimate:
    """The same with a texture of another size."""
    size = texels.size
    if old.albedo.shape[0] == size:
        return old
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    v, u = torch.meshgrid(1.0 - centres, centres, indexing="ij")
    uv = torch.stack([u, v], dim=-1)
    albedo = sample_albedo(torch.from_numpy(old.albedo), uv).numpy()
    cover = np.repeat(old.coverage[..., None], 3, axis=2)
    return Estimate(albedo, sample_albedo(torch.from_numpy(cover), uv).numpy()[..., 0], old.lit)


def from_appearance(appearance: Appearance) -> Estimate:
    albedo, coverage, lighting, gain = (
        t.detach().cpu().double().numpy()
        for t in (appearance.albedo, appearance.coverage, appearance.lighting, appearance.gain)
    )
    return Estimate(albedo, coverage, Lit(lighting, np.log(np.maximum(gain, 1e-3))))


def to_appearance(estimate: Estimate, scene: Scene) -> Appearance:
    """Tensors where the scene is, in its type."""
    arrays = estimate.albedo, estimate.coverage, estimate.lit.lighting, np.exp(estimate.lit.log_gain)
    return Appearance(*(torch.from_numpy(np.ascontiguousarray(array)).to(scene.vertices) for array in arrays))
