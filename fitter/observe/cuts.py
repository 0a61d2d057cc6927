"""Pieces cut wherever they may have passed from one hand to another, and put together again.

moments = list(simultaneous(pieces, cut_frames(pieces, time_s)))      # lists of parts that overlap in time
list(rejoined(parts))                                                 # those of one hand, as pieces
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fitter.observe.observations import Side
from fitter.observe.pieces import REACH, Piece, in_one, part_of, separation, side_sign

CUT_GAP_S = 0.04  # a piece may go on as the other hand after being unseen for so long,
CUT_JUMP = 0.15  # after a step of so many extents from one frame to the next,
# or where it is called another side than before:
NEAR_S = 1.0  # all that only where another piece comes within REACH at about this time


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of a piece between two cuts, equal to itself only; `place` counts the parts of its piece."""

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
