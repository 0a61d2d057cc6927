"""A texture from pictures by gathering: every texel looks where it is seen in each frame, and averages robustly.

    baked = bake(texels, view, lighting, gain, reference)
    baked.colour, baked.seen        # (texels, 3) albedo, (texels,) in frames' worth of good views

Gathering leaves no holes whatever the resolution of the pictures. What a texel sees in most frames is its colour: an
object before the hand, a highlight or a cast shadow passes, and burns in only where nothing else was ever seen.
"""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float
from numba import njit

from fitter.appearance.sightings import LEAST_FACING, LINEAR
from fitter.appearance.texels import Texels
from fitter.appearance.view import View
from fitter.render.shading import SH_CONSTANT
from fitter.render.workers import over_frames
from fitter.scene import LEAST_LIGHT

# A texel is seen where its pixel's depth is its own; half a pixel on a slanted surface makes about this much.
DEPTH_TOLERANCE_M = 0.003
# Relative deviations of a texel's colour from frame to frame: the error of shading and fit.
OWN_WIDTH = 0.2
# Skin differs twofold in brightness over a hand (pale palm, dark back), but hardly in hue: what does is another thing.
FOREIGN_BRIGHTNESS, FOREIGN_HUE = 1.0, 0.35
LEAST_ALBEDO = 0.02  # added where deviations are taken relative to a colour: black divides nothing
MEDIAN_STEPS, MEAN_STEPS = 6, 2
# So many samples (16 bytes each) fit a core's cache: texels are baked in blocks of that many over the frames.
BLOCK_SAMPLES = 60_000


@dataclass(frozen=True)
class Reference:
    """What texels are believed to look like: their own `colour` where `known`, and all of them roughly as the
    `mean`.
    """

    colour: Float[np.ndarray, "texels 3"]
    known: Bool[np.ndarray, "texels"]
    mean: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Baked:
    """Albedo of each texel, 0 where it was never seen; `seen` counts frames that saw it, weighted 0..1 each."""

    colour: Float[np.ndarray, "texels 3"]
    seen: Float[np.ndarray, "texels"]


class Places(NamedTuple):
    """`Texels` as the kernel reads them."""

    corners: np.ndarray
    weights: np.ndarray
    triangle: np.ndarray


class Frames(NamedTuple):
    """`View` as the kernel reads it; `light` is irradiance times gain, `linear` the linear light of 8-bit values."""

    screen: np.ndarray
    facing: np.ndarray
    light: np.ndarray
    even: np.ndarray
    rgb: np.ndarray
    sight: np.ndarray
    triangle_id: np.ndarray
    depth: np.ndarray
    trust: np.ndarray
    linear: np.ndarray


def bake(
    texels: Texels,
    view: View,
    lighting: Float[np.ndarray, "9 3"],
    gain: Float[np.ndarray, "frames 3"],
    reference: Reference,
) -> Baked:
    """Every texel's albedo under this light, from all frames.

    A frame's weight is its pixel's sight, times the squared cosine of the viewing angle, times the squared brightness
    (at most 1) because dark sides tell little, times a robust weight by the deviation from the texel's usual colour.
    """
    light = np.maximum(view.basis @ lighting.astype(np.float32), np.float32(LEAST_LIGHT))
    frames = Frames(
        *(view.screen, view.facing, light * gain[:, None].astype(np.float32)),
        (lighting[0] * SH_CONSTANT).astype(np.float32),
        *(view.rgb, view.sight, view.triangle_id, view.depth, view.trust, LINEAR),
    )
    places = Places(texels.corners, texels.weights, texels.triangle)
    colour, seen = np.zeros((texels.count, 3), np.float32), np.zeros(texels.count, np.float32)
    believed, known, mean = reference.colour.astype(np.float32), reference.known, reference.mean.astype(np.float32)
    block = max(8, BLOCK_SAMPLES // view.n_frames)

    def fill(chunk: slice) -> None:
        for first in range(chunk.start, chunk.stop, block):
            part = slice(first, min(first + block, chunk.stop))
            own = Places(*(array[part] for array in places))
            bake_block(own, frames, believed[part], known[part], mean, colour[part], seen[part])

    # Texels are shared out, not frames: each is the business of one thread, so sums do not depend on their number.
    over_frames(fill, texels.count)
    return Baked(colour, seen)


@njit(cache=True, nogil=True)
@no_type_check
def bake_block(places, frames, believed, known, mean, colour, seen):
    """Gather all samples of some texels, then average each texel's."""
    count = np.zeros(len(believed), np.int32)
    samples = np.empty((len(believed), len(frames.screen), 4), np.float32)
    for t in range(len(frames.screen)):
        if frames.trust[t] > 0.0:
            gather(places, frames, t, samples, count)
    for i in range(len(believed)):
        seen[i] = settle(samples[i, : count[i]], believed[i], known[i], mean, colour[i])


@njit(cache=True)
@no_type_check
def gather(places, frames, t, samples, count):
    """Append what frame `t` shows of each texel: albedo and weight."""
    screen, facing, light = frames.screen[t], frames.facing[t], frames.light[t]
    size = frames.sight.shape[1]
    for i in range(len(count)):
        a, b, c = places.corners[i, 0], places.corners[i, 1], places.corners[i, 2]
        wa, wb, wc = places.weights[i, 0], places.weights[i, 1], places.weights[i, 2]
        cosine = wa * facing[a] + wb * facing[b] + wc * facing[c]
        if cosine < LEAST_FACING:
            continue
        # The point is linear in space, not on the screen: weigh the corners' pixels by their depth.
        pa, pb, pc = wa * screen[a, 2], wb * screen[b, 2], wc * screen[c, 2]
        z = pa + pb + pc
        x = (pa * screen[a, 0] + pb * screen[b, 0] + pc * screen[c, 0]) / z
        y = (pa * screen[a, 1] + pb * screen[b, 1] + pc * screen[c, 1]) / z
        if not (x > 1.0 and y > 1.0 and x < size - 1.0 and y < size - 1.0):
            continue
        row, column = int(y), int(x)
        sight = frames.sight[t, row, column]
        if sight <= 0.0:
            continue
        if frames.triangle_id[t, row, column] != places.triangle[i]:
            if abs(frames.depth[t, row, column] - z) > DEPTH_TOLERANCE_M:
                continue
        left, top = int(x - 0.5), int(y - 0.5)
        fx, fy = x - np.float32(0.5) - left, y - np.float32(0.5) - top
        rgb, dimmest = frames.rgb[t], np.float32(1.0)
        for k in range(3):
            upper_left, upper_right = frames.linear[rgb[top, left, k]], frames.linear[rgb[top, left + 1, k]]
            lower_left, lower_right = frames.linear[rgb[top + 1, left, k]], frames.linear[rgb[top + 1, left + 1, k]]
            upper = upper_left + fx * (upper_right - upper_left)
            lower = lower_left + fx * (lower_right - lower_left)
            lit = max(wa * light[a, k] + wb * light[b, k] + wc * light[c, k], np.float32(LEAST_LIGHT))
            samples[i, count[i], k] = (upper + fy * (lower - upper)) / lit
            dimmest = min(dimmest, lit / max(frames.even[k], np.float32(LEAST_LIGHT)))
        samples[i, count[i], 3] = sight * cosine * cosine * dimmest * dimmest
        count[i] += 1


@njit(cache=True, inline="always")
@no_type_check
def relative_square(sample, colour):
    """Mean over the channels of the squared deviation relative to `colour`."""
    total = np.float32(0.0)
    for k in range(3):
        ratio = (sample[k] - colour[k]) / (colour[k] + np.float32(LEAST_ALBEDO))
        total += ratio * ratio
    return total / np.float32(3.0)


@njit(cache=True, inline="always")
@no_type_check
def foreign_square(sample, mean):
    """How far a colour is from any of a hand with this mean, squared, in widths."""
    floor = np.float32(LEAST_ALBEDO)
    own = sample[0] + sample[1] + sample[2] + 3 * floor
    usual = mean[0] + mean[1] + mean[2] + 3 * floor
    brightness = np.float32(2.0) * (own - usual) / (own + usual)
    hue = np.float32(0.0)
    for k in range(3):
        ratio = (sample[k] + floor) / (mean[k] + floor) * usual / own - np.float32(1.0)
        hue += ratio * ratio
    return brightness * brightness / FOREIGN_BRIGHTNESS**2 + hue / (3.0 * FOREIGN_HUE**2)


@njit(cache=True)
@no_type_check
def settle(samples, believed, known, mean, colour):
    """Write a texel's colour, and return the sum of its weights.

    Colours foreign to the whole hand count little. Of an unknown texel first the geometric median (Weiszfeld's steps),
    which less than half of the samples cannot carry away; a known colour takes its place. Then means reweighted as
    Geman and McClure do.
    """
    if len(samples) == 0:
        return np.float32(0.0)
    middle, summed = believed.copy(), np.zeros(3)
    for s in range(len(samples)):
        samples[s, 3] /= (1.0 + foreign_square(samples[s], mean)) ** 2
    if not known:
        middle[:] = mean
        for _ in range(MEDIAN_STEPS):
            total = 0.0
            summed[:] = 0.0
            for s in range(len(samples)):
                w = samples[s, 3] / max(np.sqrt(relative_square(samples[s], middle)), 0.02)
                total += w
                for k in range(3):
                    summed[k] += w * samples[s, k]
            if total > 0.0:
                for k in range(3):
                    middle[k] = summed[k] / total
    total = 0.0
    for _ in range(MEAN_STEPS):
        total = 0.0
        summed[:] = 0.0
        for s in range(len(samples)):
            w = samples[s, 3] / (1.0 + relative_square(samples[s], middle) / OWN_WIDTH**2) ** 2
            total += w
            for k in range(3):
                summed[k] += w * samples[s, k]
        if total > 0.0:
            for k in range(3):
                middle[k] = summed[k] / total
    if total > 0.0:
        colour[:] = middle
    return np.float32(total)
