"""Which piece is the left hand's and which the right one's: decided for all pieces of a clip at once.

    hands = assigned(pieces, time_s, keep_second=False)        # at most one Hand of each side

A detector is least sure of the side where it matters most: where hands cross, hide each other, or one detection stands
for both. So pieces are cut wherever they may have passed from one hand to the other, and the cheapest of all ways to
give the parts to two hands is taken (dynamic programming over time, as in Zhang, Li and Nevatia, CVPR 2008, for two
targets): it may not contradict the votes on the side, nor have a hand jump, nor leave much out.

Costs are in frames: 1 is a frame that calls itself the other side with full confidence.
"""

import heapq
import logging
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float

from fitter.observe.observations import Detection, Side
from fitter.observe.pieces import REACH, Piece, in_one, part_of, reach, separation, side_sign

logger = logging.getLogger(__name__)

UNSURE = 0.5  # a piece whose vote is weaker may take the other side if its own is taken
LEFT_OUT = 0.5 * (1.0 + UNSURE)  # cost of a frame that no hand gets: that of a vote of UNSURE against it
NEVER_LEFT_OUT = 3.0  # the same where two hands are asked for, and of a part called otherwise than the piece it is of

JOIN_GAP_S = 2.0  # pieces further apart in time say nothing of each other
# A hand is found this far from where it was going (extents; after a gap, so much more per second of it): from frame to
# frame detections of one hand are 0.02 to 0.05 apart, those of two hands that hide each other 0.3 and more.
SPREAD, SPREAD_PER_S, ALWAYS_MOVED = 0.1, 1.5, 0.05
MOVED = 2.0  # cost of being a spread away from there, and by what its log, the less expected place, costs
MOST_MOVED = 6.0  # no move within reach costs more,
OUT_OF_REACH = 6.0  # added where no hand gets in the time
STOPPED = 0.25  # extents: a hand that stopped while it was hidden counts as so far from where it was going
PREDICT_S = 0.4  # a hand goes on as it went for so long
VELOCITY_FRAMES = 5  # detections that a velocity is taken from
EXCHANGED = 0.5  # cost of a piece that goes over from one hand to the other
FAVOUR_RIGHT = 1e-6  # decides where nothing else does

CUT_GAP_S = 0.04  # a piece may go on as the other hand after being unseen for so long,
CUT_JUMP = 0.15  # after a step of so many extents from one frame to the next,
# or where it is called another side than before:
NEAR_S = 1.0  # all that only where another piece comes within REACH at about this time

MOST_AT_ONCE = 4  # parts of one moment that are looked at, the best supported ones
MOST_WAYS = 64  # ways to give the parts that are followed at a time; two hands with few gaps have under ten


@dataclass(frozen=True)
class Hand:
    """The pieces of one hand, no two in one frame, in the order of their starts."""

    side: Side
    pieces: tuple[Piece, ...]

    @property
    def support(self) -> float:
        return sum(piece.support for piece in self.pieces)

    @property
    def n_observed(self) -> int:
        return sum(len(piece.frames) for piece in self.pieces)


@dataclass(frozen=True)
class Part:
    """A stretch of a piece between two cuts; `place` counts the parts of its piece."""

    piece: int
    place: int
    own: Piece
    called_otherwise: bool  # than the whole piece

    @property
    def first(self) -> int:
        return self.own.frames[0]

    def against(self, side: Side) -> float:
        """What the votes say against its being this side."""
        sign = 1.0 if side == "right" else -1.0
        return self.own.support * 0.5 * (1.0 - sign * self.own.vote)


def assigned(pieces: Sequence[Piece], time_s: Float[np.ndarray, "frames"], keep_second: bool) -> list[Hand]:
    """Left and right hand made of pieces or parts of them, the better supported hand first.

    What fits neither hand is left out: with `keep_second` only what would be a third one.
    """
    moments = list(simultaneous(pieces, cut_frames(pieces, time_s)))
    chosen = cheapest(moments, time_s, NEVER_LEFT_OUT if keep_second else LEFT_OUT)
    for side, parts in chosen.items():
        for part in parts:
            if part.own.vote * (1.0 if side == "right" else -1.0) < -UNSURE:
                logger.info("frames %d-%d are taken for the %s hand", part.first, part.own.frames[-1], side)
    given = {id(part) for parts in chosen.values() for part in parts}
    for part in (part for moment in moments for part in moment if id(part) not in given):
        called = "right" if part.own.vote >= 0 else "left"
        logger.info("a second %s hand in frames %d-%d is left out", called, part.first, part.own.frames[-1])
    hands = [Hand(side, tuple(rejoined(parts))) for side, parts in chosen.items() if parts]
    return sorted(hands, key=lambda hand: -hand.support)


def rejoined(parts: Sequence[Part]) -> Iterator[Piece]:
    """The parts as pieces, those that were cut from one piece in one again."""
    run: list[Part] = []
    for part in (*parts, None):
        if run and (part is None or not follows(run[-1], part)):
            yield in_one([each.own for each in run])
            run = []
        if part is not None:
            run.append(part)


def follows(part: Part | None, later: Part) -> bool:
    """Whether `later` is the next part of the same piece."""
    return part is not None and part.piece == later.piece and part.place + 1 == later.place


def cut_frames(pieces: Sequence[Piece], time_s: Float[np.ndarray, "frames"]) -> list[int]:
    """Frames at which all pieces are cut: where one begins or ends beside another, and where one may go over."""
    cuts: set[int] = set()
    for i, piece in enumerate(pieces):
        others = [other for j, other in enumerate(pieces) if j != i and close_in_time(piece, other, time_s)]
        if not others:
            continue
        ends = {edge for other in others for edge in (other.frames[0], other.frames[-1] + 1)}
        cuts |= {edge for edge in ends if piece.frames[0] < edge <= piece.frames[-1]}
        for index in doubtful(piece, time_s):
            if any(comes_near(other, piece, index, time_s) for other in others):
                cuts.add(piece.frames[index])
    return sorted(cuts)


def close_in_time(piece: Piece, other: Piece, time_s: Float[np.ndarray, "frames"]) -> bool:
    early, late = time_s[other.frames[0]] - NEAR_S, time_s[other.frames[-1]] + NEAR_S
    return bool(time_s[piece.frames[-1]] >= early and time_s[piece.frames[0]] <= late)


def doubtful(piece: Piece, time_s: Float[np.ndarray, "frames"]) -> Iterator[int]:
    """Indices of detections from which on a piece may be another hand."""
    signs = [side_sign(detection) for detection in piece.detections]
    for index in range(1, len(piece.frames)):
        gap_s = float(time_s[piece.frames[index]] - time_s[piece.frames[index - 1]])
        turned = signs[index] != signs[index - 1]
        jumped = separation(piece.detections[index - 1], piece.detections[index]) > CUT_JUMP
        if turned or jumped or gap_s > CUT_GAP_S:
            yield index


def comes_near(other: Piece, piece: Piece, index: int, time_s: Float[np.ndarray, "frames"]) -> bool:
    """Whether `other`, about when the piece's detection `index` was made, is where the two can be mistaken."""
    frame, at = piece.frames[index], bisect_left(other.frames, piece.frames[index])
    around = [k for k in (at - 1, at) if 0 <= k < len(other.frames)]
    return any(
        abs(time_s[other.frames[k]] - time_s[frame]) <= NEAR_S
        and separation(other.detections[k], piece.detections[index]) <= REACH
        for k in around
    )


def simultaneous(pieces: Sequence[Piece], cuts: Sequence[int]) -> Iterator[list[Part]]:
    """The parts of all pieces between one cut and the next that lie in the same stretch of time, in its order."""
    stretches: dict[int, list[Part]] = {}
    for number, piece in enumerate(pieces):
        inner = [cut for cut in cuts if piece.frames[0] < cut <= piece.frames[-1]]
        edges = [bisect_left(piece.frames, cut) for cut in (piece.frames[0], *inner)] + [len(piece.frames)]
        spans = [(start, end) for start, end in zip(edges[:-1], edges[1:], strict=True) if end > start]
        for place, (start, end) in enumerate(spans):
            own = part_of(piece, range(start, end))
            # Pieces that overlap are cut alike, so parts of one stretch begin between the same two cuts.
            stretch = bisect_left(cuts, own.frames[0] + 1)
            stretches.setdefault(stretch, []).append(Part(number, place, own, own.vote * piece.vote < 0))
    for stretch in sorted(stretches):
        yield from apart(stretches[stretch])


def apart(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts that overlap in time together, others by themselves, in the order of time."""
    together: list[Part] = []
    for part in sorted(parts, key=lambda part: part.first):
        if together and part.first > max(other.own.frames[-1] for other in together):
            yield together
            together = []
        together.append(part)
    if together:
        yield together


@dataclass(frozen=True)
class Way:
    """One way to give the parts so far: the last of each hand, and the way before."""

    cost: float
    right: Part | None = None
    left: Part | None = None
    before: "Way | None" = None


def cheapest(
    moments: Sequence[list[Part]], time_s: Float[np.ndarray, "frames"], left_out: float
) -> dict[Side, list[Part]]:
    """The parts of each side in the cheapest way; `left_out` is the cost of a frame that no hand gets."""
    ways = [Way(0.0)]
    for moment in moments:
        parts = heapq.nlargest(MOST_AT_ONCE, moment, key=lambda part: part.own.support)
        found: dict[tuple[int, int], Way] = {}
        for way, right, left in product(ways, (*parts, None), (*parts, None)):
            if right is left and right is not None:
                continue
            spare = sum(
                part.own.support * (NEVER_LEFT_OUT if part.called_otherwise else left_out)
                for part in moment
                if part is not right and part is not left
            )
            cost = way.cost + spare + step(way.right, right, way.left, "right", time_s)
            cost += step(way.left, left, way.right, "left", time_s)
            new = Way(cost, right or way.right, left or way.left, way)
            key = id(new.right), id(new.left)
            if key not in found or cost < found[key].cost:
                found[key] = new
        ways = heapq.nsmallest(MOST_WAYS, found.values(), key=lambda way: way.cost)
    chosen: dict[Side, list[Part]] = {"right": [], "left": []}
    way: Way | None = ways[0]
    while way is not None and way.before is not None:
        if way.right is not way.before.right and way.right is not None:
            chosen["right"].insert(0, way.right)
        if way.left is not way.before.left and way.left is not None:
            chosen["left"].insert(0, way.left)
        way = way.before
    return chosen


def step(last: Part | None, part: Part | None, last_of_other: Part | None, side: Side, time_s: np.ndarray) -> float:
    """Cost of giving `part` to the hand that was seen in `last` before."""
    if part is None:
        return 0.0
    cost = part.against(side) + FAVOUR_RIGHT * (side == "left")
    if follows(last_of_other, part):
        cost += EXCHANGED
    if last is None:
        return cost
    gap_s = float(time_s[part.first] - time_s[last.own.frames[-1]])
    if gap_s > JOIN_GAP_S:
        return cost
    distance = min(
        separation(going_on(last.own, gap_s, time_s), part.own.detections[0]),
        separation(last.own.detections[-1], part.own.detections[0]) + STOPPED,
    )
    spread = SPREAD + SPREAD_PER_S * max(gap_s - CUT_GAP_S, 0.0)
    moved = MOVED * (max(distance - ALWAYS_MOVED, 0.0) / spread + float(np.log(spread / SPREAD)))
    return cost + min(moved, MOST_MOVED) + (OUT_OF_REACH if distance > reach(gap_s) else 0.0)


def going_on(piece: Piece, gap_s: float, time_s: Float[np.ndarray, "frames"]) -> Detection:
    """Where the hand of a piece would be `gap_s` seconds after its last detection if it went on as it went."""
    last, earlier = piece.detections[-1], piece.detections[-VELOCITY_FRAMES:][0]
    elapsed = float(time_s[piece.frames[-1]] - time_s[piece.frames[-VELOCITY_FRAMES:][0]])
    both = (last.confidence > 0) & (earlier.confidence > 0)
    if elapsed <= 0.0 or not both.any():
        return last
    velocity = (last.keypoints_px - earlier.keypoints_px)[both].mean(axis=0) / elapsed
    return replace(last, keypoints_px=last.keypoints_px + velocity * min(gap_s, PREDICT_S))
