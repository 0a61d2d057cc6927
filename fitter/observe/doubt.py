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
    if (
        lost.any() and (seen.observed & ~lost).any()
    ):  # a clip of nothing else is better fitted to guesses than not at all
        seen = without(seen, lost)
    trust = np.maximum(steady * whole(outside)[:, None], LEAST_TRUST)
    return replace(seen, confidence=seen.confidence * trust)


def beyond_border(seen: Observations) -> Bool[np.ndarray, "frames 21"]:
    """Joints that the source places outside of the image."""
    out = ((seen.keypoints_px < 0.0) | (seen.keypoints_px > np.array(seen.image_size))).any(axis=2)
    return out & (seen.confidence > 0)


def without(seen: Observations, lost: Bool[np.ndarray, "frames"]) -> Observations:
    """The observations without the frames that are `lost`."""
    kept = ~lost
    return replace(
        seen,
        keypoints_px=seen.keypoints_px * kept[:, None, None],
        confidence=seen.confidence * kept[:, None],
        depth_px=None if seen.depth_px is None else seen.depth_px * kept[:, None],
        landmarks_m=None if seen.landmarks_m is None else seen.landmarks_m * kept[:, None, None],
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
    shapes, time_s = centred(seen.keypoints_px[frames]), seen.time_s[frames]
    squared = np.full((len(frames), 21), np.nan)
    allowed = np.full(len(frames), np.nan)
    for row in range(len(frames)):
        first, after = np.searchsorted(time_s, [time_s[row] - 2.0 * NEIGHBOURS_S, time_s[row] + 2.0 * NEIGHBOURS_S])
        near = np.arange(max(min(first, row - 1), 0), min(max(after, row + 2), len(frames)))
        beside = near[(np.abs(time_s[near] - time_s[row]) <= NEIGHBOURS_S) | (np.abs(near - row) <= 1)]
        if len(beside) < 3:
            continue
        squared[row], allowed[row] = scatter(shapes[beside], time_s[beside] - time_s[row])
    both = 0.5 * squared + 0.5 * squared.mean(axis=1, keepdims=True)
    expected = STEADY**2 + np.square(allowed)
    known = np.isfinite(allowed)
    trust[frames[known]] = np.minimum(expected[known, None] / np.maximum(both[known], 1e-12), 1.0) ** STEEPNESS
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
