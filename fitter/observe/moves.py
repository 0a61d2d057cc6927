"""How unlikely it is that one piece goes on as another: a hand goes on as it went, and keeps its pose for a while.

    move(piece, later, time_s)               # 0 for a hand that goes on; 1 is as unlikely as a frame with a false name

Where hands cross, their places are alike and their names false. Their poses are not: a right hand that shows its palm
and a left one that does are each other's mirror image, and to turn over takes a hand longer than to be hidden.
"""

import numpy as np
from jaxtyping import Float

from fitter.observe.observations import Detection
from fitter.observe.pieces import Piece, hand_centre, hand_extent, reach

JOIN_GAP_S = 2.0  # pieces further apart in time say nothing of each other

# A hand is found this far from where it was going (extents; after a gap, so much more per second of it).
SPREAD, SPREAD_PER_S, ALWAYS_MOVED = 0.1, 1.5, 0.05
NO_GAP_S = 0.04  # from one frame to the next
MOVED = 2.0  # cost of being a spread away from there, and by what its log, the less expected place, costs
MOST_MOVED = 6.0  # no move within reach costs more,
OUT_OF_REACH = 6.0  # added where no hand gets in the time
STOPPED = 0.25  # extents: a hand that stopped while it was hidden counts as so far from where it was going
PREDICT_S = 0.4  # a hand goes on as it went for so long
VELOCITY_FRAMES = 5  # detections that a velocity is taken from

# Extents by which the centred joints of a hand change in a second, on average; in other times by the root of it. In
# simulated clips and in four filmed ones that is 0.01 to 0.02 from frame to frame, 0.03 to 0.04 in 0.17 s and 0.08 to
# 0.11 in 0.8 s; those of two hands that both show their palms differ by 0.22 to 0.3.
CHANGE_PER_ROOT_S = 0.1
WAVERING = 0.03  # what the detector adds, however short the time: a frame in 20 is worse than this
MOST_CHANGED = 6.0  # no change costs more: the detector may be mistaken about a hand that is half hidden


def move(last: Piece, part: Piece, time_s: Float[np.ndarray, "frames"]) -> float:
    """Cost of a hand's being seen in `part` next after `last`."""
    gap_s = float(time_s[part.frames[0]] - time_s[last.frames[-1]])
    if gap_s > JOIN_GAP_S:
        return 0.0
    before, after = last.detections[-1], part.detections[0]
    return move_of_place(last, after, gap_s, time_s) + change_of_pose(before, after, gap_s)


def move_of_place(last: Piece, after: Detection, gap_s: float, time_s: Float[np.ndarray, "frames"]) -> float:
    """Cost of the place, `gap_s` seconds after the piece was seen last."""
    before = last.detections[-1]
    shift, extent = displacement(before, after), max(hand_extent(before), hand_extent(after))
    expected = velocity(last, time_s) * min(gap_s, PREDICT_S)
    stopped = float(np.linalg.norm(shift)) / extent
    distance = min(float(np.linalg.norm(shift - expected)) / extent, stopped + STOPPED)
    spread = SPREAD + SPREAD_PER_S * max(gap_s - NO_GAP_S, 0.0)
    cost = MOVED * (max(distance - ALWAYS_MOVED, 0.0) / spread + float(np.log(spread / SPREAD)))
    return min(cost, MOST_MOVED) + (OUT_OF_REACH if distance > reach(gap_s) else 0.0)


def change_of_pose(before: Detection, after: Detection, gap_s: float) -> float:
    """Cost of the joints' having changed, wherever they are: squared in what is usual. 0 if they share no joint."""
    both = (before.confidence > 0) & (after.confidence > 0)
    if not both.any():
        return 0.0
    moved = (after.keypoints_px - before.keypoints_px)[both]
    change = np.linalg.norm(moved - moved.mean(axis=0), axis=1).mean() / max(hand_extent(before), hand_extent(after))
    return min(float(change) ** 2 / (WAVERING**2 + CHANGE_PER_ROOT_S**2 * gap_s), MOST_CHANGED)


def displacement(before: Detection, after: Detection) -> Float[np.ndarray, "2"]:
    """How far the hand has moved, pixels: the joints that both have, or the centres where they share none."""
    both = (before.confidence > 0) & (after.confidence > 0)
    if both.any():
        return (after.keypoints_px - before.keypoints_px)[both].mean(axis=0)
    return hand_centre(after) - hand_centre(before)


def velocity(piece: Piece, time_s: Float[np.ndarray, "frames"]) -> Float[np.ndarray, "2"]:
    """Of the hand at the end of a piece, pixels per second."""
    earlier = max(len(piece.frames) - VELOCITY_FRAMES, 0)
    elapsed = float(time_s[piece.frames[-1]] - time_s[piece.frames[earlier]])
    first, last = piece.detections[earlier], piece.detections[-1]
    both = (first.confidence > 0) & (last.confidence > 0)
    if elapsed <= 0.0 or not both.any():
        return np.zeros(2)
    return displacement(first, last) / elapsed
