"""How far a detector that says little of its own doubts is to be believed, frame by frame.

    seen = doubted(observations)                  # the same points with less confidence, or none

MediaPipe answers for all 21 joints as soon as it sees a part of a hand, and is as sure of hidden joints as of others.
Two things betray it. A hand that the border cuts off is squeezed into the image, all of it. And guesses are unsteady:
they jump from frame to frame where a hand moves smoothly, measured after motion and size in the image are taken out.
Error grows faster than unsteadiness, so confidence, which counts as one over a variance, falls by its fourth power.

Measured on real clips with things pasted over the hand or its half moved out of the image (`python -m benchmarks
degraded`), see docs/hard_clips.md.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from fitter.mapped import in_stretches, stretches
from fitter.observe.observations import Observations

# Share of the joints beyond the border from which on a detection is one of nothing: the tracker has lost its hand.
MOST_OUTSIDE = 0.75
# A hand of which joints lie beyond the border is this many times as far off, all over: 0.06 to 0.12 of its extent in
# place of 0.014. `OUTSIDE_SHARE` of the joints outside are enough for that.
CUT_OFF_RATIO, OUTSIDE_SHARE = 4.0, 0.25
# What a detection scatters by about a straight motion through the frames beside it, shares of the hand's extent, and
# what a hand's own articulation bends that motion by, extents per second squared (2.4 m/s^2 of a hand of 0.2 m). At 30
# frames per second both are 0.034: so steady are 98 % of the detections in four clips of hands in full view, and less
# than half of those of half hidden hands in two of them.
STEADY, ACCELERATION = 0.02, 12.0
STEEPNESS = 2.0  # of the fall beyond, by the squared scatter
NEIGHBOURS_S = 0.12  # frames no further away are beside; at least one on either side
# A hand of less trust than this was guessed, from what is left of it or from an arm whose hand has left.
LOST = 0.12
LEAST_TRUST = 1.0 / 64.0  # of a joint: eight times the sigma, what is less sure might as well be left out


def doubted(seen: Observations) -> Observations:
    """The observations with the confidence that their borders and their unsteadiness leave them."""
    outside, steady = beyond_border(seen).mean(axis=1), steadiness(seen)
    lost = (outside > MOST_OUTSIDE) | (steady.mean(axis=1) < LOST)
    # A clip of nothing else is better fitted to guesses than not at all.
    if lost.any() and (seen.observed & ~lost).any():
        seen = without(seen, lost)
    trust = np.maximum(steady * whole(outside)[:, None], LEAST_TRUST)
    return replace(seen, confidence=in_stretches(len(trust), lambda part: seen.confidence[part] * trust[part]))


def beyond_border(seen: Observations) -> Bool[np.ndarray, "frames 21"]:
    """Joints that the source places outside of the image."""
    out = np.zeros(seen.confidence.shape, dtype=bool)
    for part in stretches(len(out)):
        points = seen.keypoints_px[part]
        out[part] = ((points < 0.0) | (points > np.array(seen.image_size))).any(axis=2) & (seen.confidence[part] > 0)
    seen.release()
    return out


def without(seen: Observations, lost: Bool[np.ndarray, "frames"]) -> Observations:
    """The observations without the frames that are `lost`."""

    def of_others(rows: np.ndarray) -> np.ndarray:
        kept = ~lost.reshape(-1, *[1] * (rows.ndim - 1))
        return in_stretches(len(rows), lambda part: rows[part] * kept[part])

    return replace(
        seen,
        keypoints_px=of_others(seen.keypoints_px),
        confidence=of_others(seen.confidence),
        depth_px=None if seen.depth_px is None else of_others(seen.depth_px),
        landmarks_m=None if seen.landmarks_m is None else of_others(seen.landmarks_m),
    )


def whole(outside: Float[np.ndarray, "frames"]) -> Float[np.ndarray, "frames"]:
    """1 where the border cuts nothing off, falling to one over the square of CUT_OFF_RATIO."""
    ratio = 1.0 + (CUT_OFF_RATIO - 1.0) * np.minimum(outside / OUTSIDE_SHARE, 1.0)
    return 1.0 / np.square(ratio)


def steadiness(seen: Observations) -> Float[np.ndarray, "frames 21"]:
    """1 for joints that move as a hand can, less for those that jump; half by the joint, half by the whole hand."""
    frames = np.flatnonzero((seen.confidence > 0).all(axis=1))
    trust = np.ones(seen.confidence.shape)
    if len(frames) < 3:
        return trust
    time_s = seen.time_s[frames]
    for rows in stretches(len(frames)):
        early, late = time_s[rows.start] - 2.0 * NEIGHBOURS_S, time_s[rows.stop - 1] + 2.0 * NEIGHBOURS_S
        first = max(min(int(np.searchsorted(time_s, early)), rows.start - 1), 0)
        after = max(int(np.searchsorted(time_s, late)), rows.stop + 1)
        near = slice(first, min(after, len(frames)))
        trust[frames[rows]] = steady_rows(
            centred(seen.keypoints_px[frames[near]]), time_s[near], range(rows.start - first, rows.stop - first)
        )
        seen.release()
    return trust


def steady_rows(
    shapes: Float[np.ndarray, "near 21 2"], time_s: Float[np.ndarray, "near"], rows: range
) -> Float[np.ndarray, "rows 21"]:
    """The steadiness of some of the hands, which have all of their neighbours beside them."""
    trust = np.ones((len(rows), shapes.shape[1]))
    for place, row in enumerate(rows):
        beside = np.abs(time_s - time_s[row]) <= NEIGHBOURS_S
        beside[max(row - 1, 0) : row + 2] = True
        if beside.sum() < 3:
            continue
        squared, allowed = scatter(shapes[beside], time_s[beside] - time_s[row])
        both = np.maximum(0.5 * squared + 0.5 * squared.mean(), 1e-12)
        trust[place] = np.minimum((STEADY**2 + allowed**2) / both, 1.0) ** STEEPNESS
    return trust


def centred(keypoints_px: Float[np.ndarray, "frames 21 2"]) -> Float[np.ndarray, "frames 21 2"]:
    """The hands about their centres, in shares of their extent; where they are and how large is taken out."""
    away = keypoints_px - keypoints_px.mean(axis=1, keepdims=True)
    extent = np.linalg.norm(np.ptp(keypoints_px, axis=1), axis=1)
    return away / np.maximum(extent, 1.0)[:, None, None]


def scatter(
    shapes: Float[np.ndarray, "beside 21 2"], time_s: Float[np.ndarray, "beside"]
) -> tuple[Float[np.ndarray, "21"], float]:
    """Mean square distance of each joint from its straight motion, and what ACCELERATION alone would make of it (root).

    Times count from the frame that is asked about.
    """
    straight = np.stack([np.ones_like(time_s), time_s], axis=1)
    free = max(len(time_s) - 2, 1)
    keep = np.eye(len(time_s)) - straight @ np.linalg.pinv(straight)
    rest = np.einsum("ab,bpc->apc", keep, shapes)
    bend = keep @ (0.5 * ACCELERATION * np.square(time_s))
    return np.square(rest).sum(axis=(0, 2)) / free, float(np.sqrt(np.square(bend).sum() / free))
