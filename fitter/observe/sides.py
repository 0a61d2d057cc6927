"""Which piece is the left hand's and which the right one's: decided for all pieces of a clip at once.

    hands = assigned(pieces, time_s, keep_second=False)        # at most one Hand of each side

A detector is least sure of the side where it matters most: where hands cross, hide each other, or one detection stands
for both. So pieces are cut wherever they may have passed from one hand to the other, and the cheapest of all ways to
give the parts to two hands is taken (dynamic programming over time, as in Zhang, Li and Nevatia, CVPR 2008, for two
targets): it may not contradict the votes on the side, nor have a hand jump or its pose, nor leave much out.

Costs are in frames: 1 is a frame that calls itself the other side with full confidence.
"""

import heapq
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Float

from fitter.observe.cuts import Part, cut_frames, follows, rejoined, simultaneous
from fitter.observe.moves import move
from fitter.observe.observations import Side
from fitter.observe.pieces import Piece

logger = logging.getLogger(__name__)

UNSURE = 0.5  # a piece whose vote is weaker may take the other side if its own is taken
LEFT_OUT = 0.5 * (1.0 + UNSURE)  # cost of a frame that no hand gets: that of a vote of UNSURE against it
NEVER_LEFT_OUT = 3.0  # the same where two hands are asked for, and of a part called otherwise than the piece it is of
EXCHANGED = 0.5  # cost of a piece that goes over from one hand to the other
FAVOUR_RIGHT = 1e-6  # decides where nothing else does

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
    given = {part for parts in chosen.values() for part in parts}
    for part in (part for moment in moments for part in moment if part not in given):
        called = "right" if part.own.vote >= 0 else "left"
        logger.info("a second %s hand in frames %d-%d is left out", called, part.first, part.own.frames[-1])
    hands = [Hand(side, tuple(rejoined(parts))) for side, parts in chosen.items() if parts]
    return sorted(hands, key=lambda hand: -hand.support)


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

    @cache
    def step(last: Part | None, part: Part | None) -> float:
        return 0.0 if last is None or part is None else move(last.own, part.own, time_s)

    ways = [Way(0.0)]
    for moment in moments:
        parts = heapq.nlargest(MOST_AT_ONCE, moment, key=lambda part: part.own.support)
        found: dict[tuple[Part | None, Part | None], Way] = {}
        for way, right, left in product(ways, (*parts, None), (*parts, None)):
            if right is left and right is not None:
                continue
            spare = sum(
                part.own.support * (NEVER_LEFT_OUT if part.called_otherwise else left_out)
                for part in moment
                if part is not right and part is not left
            )
            cost = way.cost + spare + step(way.right, right) + step(way.left, left)
            cost += named(right, way.left, "right") + named(left, way.right, "left")
            new = Way(cost, right or way.right, left or way.left, way)
            key = new.right, new.left
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


def named(part: Part | None, last_of_other: Part | None, side: Side) -> float:
    """Cost of calling `part` this side, wherever its hand was before."""
    if part is None:
        return 0.0
    return part.against(side) + FAVOUR_RIGHT * (side == "left") + EXCHANGED * follows(last_of_other, part)
