"""One light for the clip and a gain per frame, from pixels of roughly known albedo: least squares, robust.

    sightings = sightings_of(view, model)
    lit = fit_light(sightings, albedo, start, LightPrior(), robust_width=0.25)

Texture, shading and exposure can explain the same picture: a palm that always faces the camera may be pale, or well
lit, and the frames that show it longer exposed. What tells them apart is the hand's turning: light stays where it is,
texture turns along. So all three are unknown here at once, the albedo by patches of two centimetres; fitted in turns
they would take what the first guess of the others left over and never give it back. Where nothing turns, priors
decide: skin is of nearly one colour, light comes from everywhere, exposure hardly changes.
"""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from fitter.appearance.sightings import DARKEST, Sightings
from fitter.render.shading import SH_CONSTANT

LONGEST_STEP = 0.5  # of logarithms


@dataclass(frozen=True)
class LightPrior:
    """What light, exposure and skin are like; standard deviations, relative.

    A lamp of strength 0.6 over an even light of 0.4 (an ordinary room) has 0.55 of the even part in the first order and
    up to 0.34 in the second; `tint_sd` is how far the channels differ in that. `exposure_sd` and `white_balance_sd` are
    of the frames' log gains. Patches of skin deviate by `patch_sd` from the mean albedo, all of them together as
    `independent_patches` would (palm, back, tips, wrist). `residual_sd` is the usual error of a pixel relative to the
    mean brightness (cast shadows, gloss, misfit); errors of neighbours are alike: a frame is as good as
    `independent_pixels`.
    """

    first_order_sd: float = 0.5
    second_order_sd: float = 0.25
    tint_sd: float = 0.05
    exposure_sd: float = 0.10
    white_balance_sd: float = 0.03
    patch_sd: float = 0.25
    independent_patches: float = 15.0
    residual_sd: float = 0.15
    independent_pixels: float = 5.0

    def light_precision(self) -> Float[np.ndarray, "27 27"]:
        """Of the 9 coefficients times 3 channels (channel-major), relative to the even part, which is free."""
        relative_sd = np.array([*[self.first_order_sd] * 3, *[self.second_order_sd] * 5])
        between = np.linalg.inv(np.ones((3, 3)) + (self.tint_sd / self.first_order_sd) ** 2 * np.eye(3))
        return np.kron(between, np.diag([1e-6, *relative_sd**-2]))

    def gain_precision(self) -> Float[np.ndarray, "3 3"]:
        """Of one frame's log gains."""
        return np.linalg.inv(self.exposure_sd**2 * np.ones((3, 3)) + self.white_balance_sd**2 * np.eye(3))


def even_lighting(strength: Float[np.ndarray, "3"]) -> Float[np.ndarray, "9 3"]:
    """The lighting that sends back `strength` (linear RGB) from a white surface, whichever way it faces."""
    lighting = np.zeros((9, 3))
    lighting[0] = strength / SH_CONSTANT
    return lighting


@dataclass(frozen=True)
class Lit:
    """A light, and the log gains of the frames, which have a mean of 0 over the clip."""

    lighting: Float[np.ndarray, "9 3"]
    log_gain: Float[np.ndarray, "frames 3"]

    def centred(self) -> "Lit":
        """The same, what all gains share moved to the light."""
        mean = self.log_gain.mean(axis=0)
        return Lit(self.lighting * np.exp(mean), self.log_gain - mean)

    def towards(self, other: "Lit", share: float) -> "Lit":
        lighting = self.lighting + share * (other.lighting - self.lighting)
        return Lit(lighting, self.log_gain + share * (other.log_gain - self.log_gain)).centred()


def fit_light(
    sightings: Sightings,
    albedo: Float[np.ndarray, "pixels 3"],
    start: Lit,
    prior: LightPrior,
    robust_width: float,
    steps: int,
) -> Lit:
    """The light and gains under which the pixels look as filmed, whatever factor each patch's `albedo` changes by.

    Gauss-Newton steps from `start`, robust weights in between; `robust_width` is relative to the clip's median colour.
    """
    lighting, log_gain, level = start.lighting, start.log_gain, sightings.level()
    seen = np.bincount(sightings.patch, sightings.weight, sightings.n_patches)
    logs = sightings.weight[:, None] * np.log(np.maximum(albedo, DARKEST))
    own = np.stack([np.bincount(sightings.patch, logs[:, k], sightings.n_patches) for k in range(3)], axis=1)
    own = own / np.maximum(seen, 1e-12)[:, None]
    change = np.zeros_like(own)  # log factor of each patch
    frames = max(len(np.unique(sightings.frame)), 1)
    for _ in range(steps):
        shade = albedo * np.exp(change[sightings.patch] + log_gain[sightings.frame])
        sums = normal_equations(
            *(sightings.basis, sightings.colour, shade.astype(np.float32), sightings.weight),
            *(sightings.frame, sightings.n_frames, sightings.patch, sightings.n_patches),
            *(lighting, level, robust_width),
        )
        deviation = own + change - np.average(own + change, axis=0, weights=seen)
        information = frames * prior.independent_pixels / (max(sums.total, 1e-12) * (prior.residual_sd * level) ** 2)
        light, patches, gains = joint_step(sums, information, Lit(lighting, log_gain), deviation, prior)
        lighting = lighting + light
        change = change + np.clip(patches, -LONGEST_STEP, LONGEST_STEP)
        log_gain = log_gain + np.clip(gains, -LONGEST_STEP, LONGEST_STEP)
    # What all patches changed by is the light's: the albedo as given has to look as filmed.
    common = np.average(change, axis=0, weights=seen) if seen.any() else np.zeros(3)
    return Lit(lighting * np.exp(common), log_gain).centred()


class Sums(NamedTuple):
    """J'WJ and J'Wr of colour = exp(gain + patch) * albedo * (basis @ lighting), by channel; see `normal_equations`."""

    light_light: np.ndarray  # (3, 9, 9)
    light: np.ndarray  # (3, 9) gradient, as the next ones without a second name
    patch_light: np.ndarray  # (patches, 3, 9)
    patch_patch: np.ndarray  # (patches, 3), diagonal
    patch: np.ndarray
    frame_light: np.ndarray  # (frames, 3, 9)
    frame_patch: np.ndarray  # (frames, 3, patches)
    frame_frame: np.ndarray  # (frames, 3), diagonal
    frame: np.ndarray
    total: float  # sum of the weights


def joint_step(
    sums: Sums,
    information: Float[np.ndarray, "3"],
    at: Lit,
    deviation: Float[np.ndarray, "patches 3"],
    prior: LightPrior,
) -> tuple[Float[np.ndarray, "9 3"], Float[np.ndarray, "patches 3"], Float[np.ndarray, "frames 3"]]:
    """One Gauss-Newton step of light, patches and gains, priors added; the gains are eliminated (Schur complement)."""
    n_frames, n_patches = len(sums.frame), len(sums.patch)
    n_shared = 9 + n_patches  # unknowns of one channel besides the gains
    matrix, right = np.zeros((3, n_shared, 3, n_shared)), np.zeros((3, n_shared))
    seen = max(np.count_nonzero(sums.patch_patch[:, 0]), 1)
    anchor = prior.independent_patches / (seen * prior.patch_sd**2)
    coupling = np.zeros((n_frames, 3, 3, n_shared))
    diagonal = np.arange(9, n_shared)
    for k in range(3):
        matrix[k, :9, k, :9] = information[k] * sums.light_light[k]
        matrix[k, 9:, k, :9] = information[k] * sums.patch_light[:, k]
        matrix[k, :9, k, 9:] = matrix[k, 9:, k, :9].T
        matrix[k, diagonal, k, diagonal] = information[k] * sums.patch_patch[:, k] + anchor
        right[k, :9] = information[k] * sums.light[k]
        right[k, 9:] = information[k] * sums.patch[:, k] - anchor * deviation[:, k]
        coupling[:, k, k, :9] = information[k] * sums.frame_light[:, k]
        coupling[:, k, k, 9:] = information[k] * sums.frame_patch[:, k]
    scale = np.repeat(1.0 / np.maximum(np.abs(at.lighting[0]), 1e-3), 9)
    ridge = scale[:, None] * prior.light_precision() * scale
    matrix[:, :9, :, :9] += ridge.reshape(3, 9, 3, 9)
    right[:, :9] -= (ridge @ at.lighting.T.ravel()).reshape(3, 9)
    blocks = np.einsum("tk,kl->tkl", information * sums.frame_frame, np.eye(3)) + prior.gain_precision()
    slopes = information * sums.frame - at.log_gain @ prior.gain_precision()
    flat = coupling.reshape(n_frames, 3, 3 * n_shared)
    solved = np.linalg.solve(blocks, np.concatenate([flat, slopes[..., None]], axis=2))
    stacked = flat.reshape(-1, 3 * n_shared)
    reduced = matrix.reshape(3 * n_shared, -1) - stacked.T @ solved[..., :-1].reshape(-1, 3 * n_shared)
    shared = np.linalg.solve(reduced, right.ravel() - stacked.T @ solved[..., -1].ravel())
    gains = solved[..., -1] - solved[..., :-1] @ shared
    light, patches = np.split(shared.reshape(3, n_shared), [9], axis=1)
    return light.T, patches.T, gains


def normal_equations(
    basis: Float[np.ndarray, "pixels 9"],
    colour: Float[np.ndarray, "pixels 3"],
    shade: Float[np.ndarray, "pixels 3"],
    weight: Float[np.ndarray, "pixels"],
    frame: Int[np.ndarray, "pixels"],
    n_frames: int,
    patch: Int[np.ndarray, "pixels"],
    n_patches: int,
    lighting: Float[np.ndarray, "9 3"],
    level: Float[np.ndarray, "3"],
    robust_width: float,
) -> Sums:
    """The sums over all pixels; weights fall with the residual as Geman and McClure's do."""
    arrays = [
        *(np.zeros((3, 9, 9)), np.zeros((3, 9))),
        *(np.zeros((n_patches, 3, 9)), np.zeros((n_patches, 3)), np.zeros((n_patches, 3))),
        *(np.zeros((n_frames, 3, 9)), np.zeros((n_frames, 3, n_patches))),
        *(np.zeros((n_frames, 3)), np.zeros((n_frames, 3))),
    ]
    total = add_pixels(basis, colour, shade, weight, frame, patch, lighting, level, robust_width, *arrays)
    return Sums(*arrays, total=total)


@njit(cache=True, nogil=True)
@no_type_check
def add_pixels(
    basis, colour, shade, weight, frame, patch, lighting, level, robust_width,
    light_light, light, patch_light, patch_patch, patch_slope,
    frame_light, frame_patch, frame_frame, frame_slope,
):  # fmt: skip
    """Add every pixel to the sums, see `Sums`; returns the sum of the weights."""
    predicted, row, total = np.empty(3), np.empty(9), 0.0
    products, packed = np.empty(45), np.zeros((3, 45))  # of the basis with itself: its lower triangle, row by row
    for p in range(len(basis)):
        for i in range(9):
            row[i] = basis[p, i]
            for j in range(i + 1):
                products[i * (i + 1) // 2 + j] = row[i] * row[j]
        squared = 0.0
        for k in range(3):
            lit = 0.0
            for i in range(9):
                lit += row[i] * lighting[i, k]
            predicted[k] = shade[p, k] * lit
            squared += ((colour[p, k] - predicted[k]) / level[k]) ** 2 / 3.0
        w = weight[p] / (1.0 + squared / robust_width**2) ** 2
        total += w
        t, own = frame[p], patch[p]
        for k in range(3):
            residual, square = colour[p, k] - predicted[k], w * predicted[k] * predicted[k]
            patch_patch[own, k] += square
            frame_frame[t, k] += square
            frame_patch[t, k, own] += square
            patch_slope[own, k] += w * predicted[k] * residual
            frame_slope[t, k] += w * predicted[k] * residual
            pull, slope, stiffness = w * shade[p, k] * residual, w * shade[p, k] * predicted[k], w * shade[p, k] ** 2
            for i in range(9):
                light[k, i] += pull * row[i]
                patch_light[own, k, i] += slope * row[i]
                frame_light[t, k, i] += slope * row[i]
            for i in range(45):
                packed[k, i] += stiffness * products[i]
    for k in range(3):
        for i in range(9):
            for j in range(i + 1):
                light_light[k, i, j] = light_light[k, j, i] = packed[k, i * (i + 1) // 2 + j]
    return total
