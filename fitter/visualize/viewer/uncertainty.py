"""The joints' uncertainty as colours on the surface: which joints a vertex belongs to, and which colour a sigma has.

shares = joint_shares(vertices_m, joints_m, faces)       # (vertices, 21), once per clip
scale = sigma_scale([folder.relative_sigma_mm[0]])
colours = scale.colours(shares @ sigma_mm)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.sparse import coo_matrix, diags

from fitter.skeleton import BONES, POINT_PARENTS

# sRGB from sure to unsure: hues that stay apart for the colour-blind (blue to yellow to red-purple) and that shading
# leaves readable, as they are about equally bright but for the end.
COLOURS = np.array([[0.27, 0.66, 0.82], [0.55, 0.83, 0.74], [0.97, 0.88, 0.55], [0.95, 0.55, 0.33], [0.72, 0.17, 0.38]])
# Frames from which it is learned which bone a vertex belongs to, and how often colours are averaged with neighbours'.
POSES, SMOOTHINGS = 12, 6
# The scale covers all but the extremes, at least so many millimetres, and ends on round numbers.
COVERED_PERCENT = (1.0, 99.0)
LEAST_SPAN_MM = 0.5
MOST_TICKS = 6


@dataclass(frozen=True)
class SigmaScale:
    """Millimetres at the scale's ends and its marks."""

    ticks_mm: tuple[float, ...]

    @property
    def low_mm(self) -> float:
        return self.ticks_mm[0]

    @property
    def high_mm(self) -> float:
        return self.ticks_mm[-1]

    def colours(self, sigma_mm: Float[np.ndarray, "points"]) -> Float64[np.ndarray, "points 3"]:
        """sRGB 0..1; what lies beyond an end has the end's colour."""
        place = (sigma_mm - self.low_mm) / (self.high_mm - self.low_mm)
        stops = np.linspace(0.0, 1.0, len(COLOURS))
        return np.stack([np.interp(place, stops, COLOURS[:, channel]) for channel in range(3)], axis=-1)


def sigma_scale(sigmas_mm: Sequence[Float[np.ndarray, "_ 21"]]) -> SigmaScale:
    """One scale for all hands; NaN rows are left out, and without any sigma it is 0 to 10 mm."""
    seen = np.concatenate([sigma[np.isfinite(sigma)] for sigma in sigmas_mm]) if sigmas_mm else np.zeros(0)
    if not len(seen):
        return SigmaScale((0.0, 5.0, 10.0))
    low, high = (float(value) for value in np.percentile(seen, COVERED_PERCENT))
    if high - low < LEAST_SPAN_MM:
        middle = 0.5 * (low + high)
        low, high = max(middle - 0.5 * LEAST_SPAN_MM, 0.0), middle + 0.5 * LEAST_SPAN_MM
    step = next(size for size in _round_steps() if (np.ceil(high / size) - np.floor(low / size)) < MOST_TICKS)
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return SigmaScale(tuple(float(np.round(number * step, 6)) for number in range(first, last + 1)))


def _round_steps() -> Sequence[float]:
    """0.1, 0.2, 0.5, 1, 2, 5, 10, ... millimetres, up to kilometres."""
    return [factor * 10.0**power for power in range(-1, 7) for factor in (1.0, 2.0, 5.0)]


def joint_shares(
    vertices_m: Float[np.ndarray, "frames vertices 3"],
    joints_m: Float[np.ndarray, "frames 21 3"],
    faces: Int[np.ndarray, "faces 3"],
) -> Float64[np.ndarray, "vertices 21"]:
    """How much of each joint's sigma each vertex shows: that of the two ends of its bone, smoothed over the surface.

    A result has no skinning weights: a vertex belongs to the bone to which it stays nearest over the clip's poses, and
    shows the ends' sigma by where along the bone it lies. Rows sum to 1.
    """
    count = vertices_m.shape[1]
    if not len(vertices_m):
        return np.full((count, 21), 1.0 / 21.0)
    chosen = np.unique(np.linspace(0, len(vertices_m) - 1, POSES).astype(int))
    farthest, along = np.zeros((count, len(BONES))), np.zeros((count, len(BONES)))
    for pose in chosen:
        distance, place = distances(vertices_m[pose].astype(np.float64), joints_m[pose].astype(np.float64))
        farthest = np.maximum(farthest, distance)
        along += place / len(chosen)
    bone, rows = farthest.argmin(axis=1), np.arange(count)
    shares = np.zeros((count, 21))
    shares[rows, BONES[bone]] = along[rows, bone]
    shares[rows, POINT_PARENTS[BONES[bone]]] = 1.0 - along[rows, bone]
    return smoothed(shares, faces)


def distances(
    points_m: Float64[np.ndarray, "points 3"], joints_m: Float64[np.ndarray, "21 3"]
) -> tuple[Float64[np.ndarray, "points 20"], Float64[np.ndarray, "points 20"]]:
    """From each point to each bone, metres, and where along the bone (0 at its parent, 1 at its end) that is."""
    starts, bones = joints_m[POINT_PARENTS[BONES]], joints_m[BONES] - joints_m[POINT_PARENTS[BONES]]
    length = np.maximum((bones**2).sum(axis=1), 1e-12)
    place = np.clip(((points_m[:, None] - starts) * bones).sum(axis=2) / length, 0.0, 1.0)
    return np.linalg.norm(points_m[:, None] - starts - place[..., None] * bones, axis=2), place


def smoothed(
    shares: Float64[np.ndarray, "vertices 21"], faces: Int[np.ndarray, "faces 3"]
) -> Float64[np.ndarray, "vertices 21"]:
    """Averaged with the neighbours', SMOOTHINGS times."""
    count = len(shares)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1], np.stack([np.arange(count)] * 2, axis=1)])
    ends = np.unique(ends, axis=0)
    neighbours = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count)).tocsr()
    average = diags(1.0 / np.asarray(neighbours.sum(axis=1)).ravel()) @ neighbours
    for _ in range(SMOOTHINGS):
        shares = average @ shares
    return shares
