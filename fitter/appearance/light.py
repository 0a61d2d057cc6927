"""One light for the clip and a gain per frame, from pixels of roughly known albedo: least squares, robust.

    sightings = sightings_of(view, model)
    lit = fit_lighting(sightings, albedo, gain, start, LightPrior())
    log_gain = fit_log_gain(sightings, lit.albedo * light, GainPrior())

Texture and shading can explain the same picture: a palm that always faces the camera may be pale, or well lit. What
tells them apart is the hand's turning: light stays where it is, texture turns along. So the albedo of every patch of the
surface is unknown here too, and eliminated; fitted in turns with the light instead, it would take what the first guess
of the light left over and never give it back. Where nothing turns, priors decide: skin is of nearly one colour, and
light comes from everywhere.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit

from fitter.appearance.view import View
from fitter.hand import HandModel
from fitter.render.shading import SH_CONSTANT, srgb_to_linear

# Light and gains are a few dozen unknowns: a grid of about so many pixels across a window says enough.
GRID = 75
# Surfaces turned away further (78 degrees) are seen at the fit's own outline, where it errs most.
LEAST_FACING = 0.2
# Linear light of 8-bit values.
LINEAR = srgb_to_linear(torch.arange(256, dtype=torch.float64) / 255.0).numpy().astype(np.float32)
GAUSS_NEWTON_STEPS = 4
DARKEST = 0.004  # linear light of the 8-bit value 12: below it a ratio measures the sensor's noise


@dataclass(frozen=True)
class LightPrior:
    """How directed and how coloured the light may be; standard deviations relative to its even part.

    A lamp of strength 0.6 over an even light of 0.4 (an ordinary room) has 0.55 in the first order and up to 0.34 in
    the second; `tint_sd` is how far the channels may differ in that. Patches of skin deviate by `patch_sd` from the mean
    albedo, all of them together as `independent_patches` would (palm, back, tips). `residual_sd` is the usual error of a
    pixel relative to the mean brightness (cast shadows, gloss, misfit), and errors of neighbours are alike: a clip is as
    good as `independent_pixels` of them.
    """

    first_order_sd: float = 0.5
    second_order_sd: float = 0.25
    tint_sd: float = 0.05
    patch_sd: float = 0.25
    independent_patches: float = 100.0
    residual_sd: float = 0.15
    independent_pixels: float = 300.0

    def precision(self) -> Float[np.ndarray, "27 27"]:
        """Of the 9 coefficients times 3 channels (channel-major), relative to the even part, which is free."""
        relative_sd = np.array([*[self.first_order_sd] * 3, *[self.second_order_sd] * 5])
        between = np.linalg.inv(np.ones((3, 3)) + (self.tint_sd / self.first_order_sd) ** 2 * np.eye(3))
        return np.kron(between, np.diag([0.0, *relative_sd**-2]))


@dataclass(frozen=True)
class GainPrior:
    """How far exposure and white balance wander within a clip (standard deviations of the log gain).

    A frame measures its exposure as well as `independent_pixels` pixels that each err by `residual_sd`, its white
    balance by `tint_residual_sd`, because shadows and misfit darken all channels alike.
    """

    exposure_sd: float = 0.12
    white_balance_sd: float = 0.04
    residual_sd: float = 0.15
    tint_residual_sd: float = 0.05
    independent_pixels: float = 50.0


@dataclass(frozen=True)
class Sightings:
    """Some pixels that see the hand well, frame by frame.

    patch   the vertex whose surroundings the pixel sees
    basis   spherical harmonics, interpolated between the vertices: light = basis @ lighting
    colour  linear RGB as filmed; `weight` is sight times the squared cosine of the viewing angle
    """

    frame: Int[np.ndarray, "pixels"]
    patch: Int[np.ndarray, "pixels"]
    uv: Float[np.ndarray, "pixels 2"]
    basis: Float[np.ndarray, "pixels 9"]
    colour: Float[np.ndarray, "pixels 3"]
    weight: Float[np.ndarray, "pixels"]
    n_frames: int
    n_patches: int

    @property
    def usable(self) -> bool:
        """Whether there is enough to estimate anything: more pixels than the light has coefficients."""
        return len(self.frame) > 9

    def level(self) -> Float[np.ndarray, "3"]:
        """Median colour: brightness differences count relative to it."""
        return np.maximum(np.median(self.colour, axis=0), DARKEST)


def sightings_of(view: View, model: HandModel) -> Sightings:
    """Every few pixels, those with any sight."""
    stride = max(1, -(-view.sight.shape[1] // GRID))
    thin = (slice(None), slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    frame, row, column = np.nonzero(view.sight[thin] > 0)
    row, column = row * stride + stride // 2, column * stride + stride // 2
    triangle = view.triangle_id[frame, row, column]
    weights = np.empty((len(frame), 3), np.float32)
    weights[:, :2] = view.barycentric[frame, row, column]
    weights[:, 2] = 1.0 - weights[:, 0] - weights[:, 1]
    corners = model.faces.cpu().numpy()[triangle]
    facing = (weights * view.facing[frame[:, None], corners]).sum(1)
    uv = model.uv.cpu().numpy().astype(np.float32)[model.uv_faces.cpu().numpy()[triangle]]
    kept = facing > LEAST_FACING
    return Sightings(
        frame=frame[kept],
        patch=corners[np.arange(len(corners)), weights.argmax(axis=1)][kept],
        uv=np.einsum("pk,pkc->pc", weights, uv)[kept],
        basis=sum(weights[:, k, None] * view.basis[frame, corners[:, k]] for k in range(3))[kept],
        colour=LINEAR[view.rgb[frame, row, column]][kept],
        weight=(view.sight[frame, row, column] * facing**2)[kept],
        n_frames=view.n_frames,
        n_patches=len(model.template),
    )


def even_lighting(strength: Float[np.ndarray, "3"]) -> Float[np.ndarray, "9 3"]:
    """The lighting that sends back `strength` (linear RGB) from a white surface, whichever way it faces."""
    lighting = np.zeros((9, 3))
    lighting[0] = strength / SH_CONSTANT
    return lighting


@dataclass(frozen=True)
class Lit:
    """A light, and the albedo of every pixel's patch that goes with it."""

    lighting: Float[np.ndarray, "9 3"]
    albedo: Float[np.ndarray, "pixels 3"]


def fit_lighting(
    sightings: Sightings,
    albedo: Float[np.ndarray, "pixels 3"],
    gain: Float[np.ndarray, "pixels 3"],
    start: Float[np.ndarray, "9 3"],
    prior: LightPrior,
    robust_width: float,
) -> Lit:
    """The light under which the pixels look as filmed, whatever factor each patch's `albedo` has to be changed by.

    Gauss-Newton steps from `start` on the bilinear problem, the patches' factors eliminated (Schur complement), robust
    weights in between; `robust_width` is relative to the clip's median colour.
    """
    lighting, level = start, sightings.level()
    weight = sightings.weight.astype(np.float64)
    seen = np.bincount(sightings.patch, weight, sightings.n_patches)
    logs = np.log(np.maximum(albedo, DARKEST))
    own = np.stack([np.bincount(sightings.patch, weight * logs[:, k], sightings.n_patches) for k in range(3)], axis=1)
    own = own / np.maximum(seen, 1e-12)[:, None]
    change = np.zeros_like(own)  # log factor of each patch
    anchor = prior.independent_patches / (prior.patch_sd**2 * max(np.count_nonzero(seen), 1))
    for _ in range(GAUSS_NEWTON_STEPS):
        mean = np.average(own + change, axis=0, weights=seen)
        shade = (gain * albedo * np.exp(change)[sightings.patch]).astype(np.float32)
        matrix, gradient, cross, square, slope, total = normal_equations(
            *(sightings.basis, sightings.colour, shade, sightings.weight, sightings.patch, sightings.n_patches),
            *(lighting, level, robust_width),
        )
        information = prior.independent_pixels / (max(total, 1e-12) * (prior.residual_sd * level) ** 2)
        square = information * square + anchor
        slope = information * slope - anchor * (own + change - mean)
        step = light_step(
            matrix * information[:, None, None], gradient * information[:, None], cross * information[:, None],
            *(square, slope, lighting, prior),
        )
        lighting = lighting + step
        change += np.clip((slope - np.einsum("pki,ik->pk", cross * information[:, None], step)) / square, -0.5, 0.5)
    return Lit(lighting, albedo * np.exp(change)[sightings.patch])


def light_step(
    matrix: Float[np.ndarray, "3 9 9"],
    gradient: Float[np.ndarray, "3 9"],
    cross: Float[np.ndarray, "patches 3 9"],
    square: Float[np.ndarray, "patches 3"],
    slope: Float[np.ndarray, "patches 3"],
    lighting: Float[np.ndarray, "9 3"],
    prior: LightPrior,
) -> Float[np.ndarray, "9 3"]:
    """The light's part of a Gauss-Newton step, the patches eliminated and the prior added."""
    even = np.maximum(np.abs(lighting[0]), 1e-3)
    scale = np.repeat(1.0 / even, 9)
    full = scale[:, None] * prior.precision() * scale
    right = -full @ lighting.T.ravel()
    for k in range(3):
        own = slice(9 * k, 9 * k + 9)
        full[own, own] += matrix[k] - np.einsum("pi,pj->ij", cross[:, k] / square[:, k, None], cross[:, k])
        right[own] += gradient[k] - cross[:, k].T @ (slope[:, k] / square[:, k])
    full += np.diag(1e-6 * scale**2)  # a clip whose pixels all face one way leaves the even light undetermined
    return np.linalg.solve(full, right).reshape(3, 9).T


@njit(cache=True, nogil=True)
@no_type_check
def normal_equations(basis, colour, shade, weight, patch, n_patches, lighting, level, robust_width):
    """J'WJ and J'Wr of colour = shade * (basis @ lighting) * (1 + change of the patch), by channel.

    Returns the light's block (3, 9, 9) and gradient (3, 9), the mixed block (patches, 3, 9), the patches' diagonal and
    gradient (patches, 3), and the sum of the weights, which fall with the residual.
    """
    matrix, gradient, total = np.zeros((3, 9, 9)), np.zeros((3, 9)), 0.0
    cross, square, slope = np.zeros((n_patches, 3, 9)), np.zeros((n_patches, 3)), np.zeros((n_patches, 3))
    predicted = np.empty(3)
    for p in range(len(basis)):
        squared = 0.0
        for k in range(3):
            light = 0.0
            for i in range(9):
                light += basis[p, i] * lighting[i, k]
            predicted[k] = shade[p, k] * light
            squared += ((colour[p, k] - predicted[k]) / level[k]) ** 2 / 3.0
        w = weight[p] / (1.0 + squared / robust_width**2) ** 2
        total += w
        own = patch[p]
        for k in range(3):
            s, residual = w * shade[p, k], colour[p, k] - predicted[k]
            square[own, k] += w * predicted[k] * predicted[k]
            slope[own, k] += w * predicted[k] * residual
            for i in range(9):
                gradient[k, i] += s * basis[p, i] * residual
                cross[own, k, i] += s * basis[p, i] * predicted[k]
                scaled = s * shade[p, k] * basis[p, i]
                for j in range(i + 1):
                    matrix[k, i, j] += scaled * basis[p, j]
    for k in range(3):
        for i in range(9):
            for j in range(i):
                matrix[k, j, i] = matrix[k, i, j]
    return matrix, gradient, cross, square, slope, total


def fit_log_gain(
    sightings: Sightings, white: Float[np.ndarray, "pixels 3"], prior: GainPrior
) -> Float[np.ndarray, "frames 3"]:
    """Log gain of each frame over what `white` (albedo times light) predicts; 0 where a frame shows nothing.

    The mean over the clip is not removed: it belongs to the light.
    """
    ratio = np.log(np.maximum(sightings.colour, DARKEST) / np.maximum(white, DARKEST))
    bounds = np.searchsorted(sightings.frame, np.arange(sightings.n_frames + 1))
    exposure = np.empty((sightings.n_frames, 3))
    information = np.empty(sightings.n_frames)
    robust_log_ratios(ratio, sightings.weight.astype(np.float64), bounds, 2.0 * prior.residual_sd, exposure, information)
    # Frames that see half of the usual amount say half as much.
    usual = max(float(np.median(information[information > 0])), 1e-12) if (information > 0).any() else 1.0
    pixels = prior.independent_pixels * np.minimum(information / usual, 1.0)[:, None]
    known = information > 0
    middle = np.average(exposure, axis=0, weights=information) if known.any() else np.zeros(3)
    deviation = np.where(known[:, None], exposure - middle, 0.0)
    common = deviation.mean(axis=1, keepdims=True)
    common_kept = pixels / (pixels + (prior.residual_sd / prior.exposure_sd) ** 2)
    tint_kept = pixels / (pixels + (prior.tint_residual_sd / prior.white_balance_sd) ** 2)
    return middle + common_kept * common + tint_kept * (deviation - common)


@njit(cache=True, nogil=True)
@no_type_check
def robust_log_ratios(ratio, weight, bounds, width, middle, information):
    """Each frame's weighted mean of the log ratios, from the medians in two reweighted steps; and its sum of weights."""
    for t in range(len(middle)):
        first, last = bounds[t], bounds[t + 1]
        information[t] = 0.0
        middle[t] = 0.0
        if last - first == 0:
            continue
        for k in range(3):
            middle[t, k] = np.median(ratio[first:last, k])
        for _ in range(2):
            summed, total = np.zeros(3), 0.0
            for p in range(first, last):
                squared = 0.0
                for k in range(3):
                    squared += (ratio[p, k] - middle[t, k]) ** 2 / 3.0
                w = weight[p] / (1.0 + squared / width**2) ** 2
                total += w
                for k in range(3):
                    summed[k] += w * ratio[p, k]
            if total > 0.0:
                for k in range(3):
                    middle[t, k] = summed[k] / total
            information[t] = total
