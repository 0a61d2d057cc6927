"""Detections linked from frame to frame into pieces: unbroken stretches of one hand, whatever its side is called.

pieces = link(frames, time_s)                  # frames: one list of Detections each
pieces[0].frames, pieces[0].vote               # frame numbers; +1 surely right ... -1 surely left
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from fitter.observe.detections import SomeHands, gathered, joined_hands
from fitter.observe.observations import Detection

# Distances below are shares of the hand's extent (the diagonal of its joints' bounding box).
# Two detections of one frame that lie closer on average are one hand: MediaPipe's of one rendered or filmed hand lie
# under 0.18 apart, those of two hands that pass before each other and show their palms from 0.25 on.
DUPLICATE = 0.2
NEAR = 0.35  # what articulation alone moves the joints from one frame to the next
SPEED = 6.0  # extents per second: a hand of 20 cm at 1.2 m/s, beyond which video is motion blur
REACH = 1.5  # no link reaches further, however long the gap
SIDE_PENALTY = (
    0.4  # added where a detection calls itself the other side than its piece: decides between hands that meet
)
MAX_GAP_S = 0.5  # a piece waits this long for its hand
EXTRAPOLATE_S = 0.1  # velocity predicts no further than this
MIN_JOINTS = 4  # a detection with fewer joints says neither where the hand is nor how large

FORBIDDEN = 1e6  # cost of an impossible link: far above any sum of possible ones


@dataclass(frozen=True)
class Piece:
    """Detections of one hand in rising `frames` (indices into the clip)."""

    frames: tuple[int, ...]
    detections: SomeHands

    @cached_property
    def support(self) -> float:
        """How much evidence there is: frames weighted by their mean confidence."""
        return float(sum(detection.confidence.mean() for detection in self.detections))

    @cached_property
    def vote(self) -> float:
        """Score-weighted vote on the side over all frames: +1 all say right, -1 all say left, 0 nobody knows."""
        return _Ballot().cast(*self.detections).vote


def part_of(piece: Piece, kept: Iterable[int]) -> Piece:
    """The detections of a piece with these indices, rising."""
    kept = list(kept)
    return Piece(tuple(piece.frames[index] for index in kept), piece.detections.at(kept))


def in_one(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one clip, each later than the one before, as a single one."""
    frames = tuple(frame for piece in pieces for frame in piece.frames)
    return Piece(frames, joined_hands([piece.detections for piece in pieces]))


@dataclass
class _Ballot:
    """Votes on the side, counted as they come in."""

    signed: float = 0.0
    total: float = 0.0

    def cast(self, *detections: Detection) -> "_Ballot":
        for detection in detections:
            self.signed += side_sign(detection) * detection.side_score
            self.total += abs(side_sign(detection)) * detection.side_score
        return self

    @property
    def vote(self) -> float:
        return self.signed / self.total if self.total > 0 else 0.0


@dataclass
class _Growing:
    """A piece while frames are added to it; `last` and the one `before` tell where its hand goes."""

    frames: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    ballot: _Ballot = field(default_factory=_Ballot)
    last: Detection | None = None
    before: Detection | None = None

    def add(self, frame: int, row: int, detection: Detection) -> None:
        self.frames.append(frame)
        self.rows.append(row)
        self.ballot.cast(detection)
        self.last, self.before = detection, self.last


def link(frames: Sequence[Sequence[Detection]], time_s: Float[np.ndarray, "frames"]) -> list[Piece]:
    """All pieces of a clip, in the order in which they start; every usable detection is in exactly one."""
    seen, pieces = gathered(frames), list[_Growing]()
    for index, found in enumerate(seen):
        waiting = [piece for piece in pieces if time_s[index] - time_s[piece.frames[-1]] <= MAX_GAP_S]
        usable = without_duplicates(found)
        matched = _matches(waiting, index, [found[number] for number in usable], time_s)
        for column, number in enumerate(usable):
            if column not in matched:
                matched[column] = _Growing()
                pieces.append(matched[column])
            matched[column].add(index, seen.rows(index)[number], found[number])
    return [Piece(tuple(piece.frames), seen.some(piece.rows)) for piece in pieces]


def _matches(
    pieces: list[_Growing], index: int, detections: list[Detection], time_s: Float[np.ndarray, "frames"]
) -> dict[int, _Growing]:
    """The piece that each detection of frame `index` continues, by the detection's number; cheapest in all."""
    costs = np.full((len(pieces), len(detections)), FORBIDDEN)
    for row, piece in enumerate(pieces):
        for column, detection in enumerate(detections):
            costs[row, column] = _link_cost(piece, index, detection, time_s)
    pairs = zip(*linear_sum_assignment(costs), strict=True)
    return {int(column): pieces[row] for row, column in pairs if costs[row, column] < FORBIDDEN}


def _link_cost(piece: _Growing, index: int, detection: Detection, time_s: Float[np.ndarray, "frames"]) -> float:
    last, before = piece.last, piece.before
    if last is None:
        return FORBIDDEN
    elapsed = float(time_s[index] - time_s[piece.frames[-1]])
    moved = np.zeros(2)
    if before is not None:
        seen = (last.confidence > 0) & (before.confidence > 0)
        if seen.any():
            step = (last.keypoints_px - before.keypoints_px)[seen].mean(axis=0)
            moved = step / (time_s[piece.frames[-1]] - time_s[piece.frames[-2]]) * min(elapsed, EXTRAPOLATE_S)
    predicted = replace(last, keypoints_px=last.keypoints_px + moved)
    # The prediction helps at steady motion and hurts where the hand stops: the better of both counts.
    distance = min(separation(predicted, detection), separation(last, detection))
    vote = piece.ballot.vote
    if vote * side_sign(detection) < 0:
        distance += SIDE_PENALTY * abs(vote) * detection.side_score
    return distance if distance <= reach(elapsed) else FORBIDDEN


def reach(elapsed_s: float) -> float:
    """How far (in extents) a hand may be found from where it was seen `elapsed_s` seconds ago."""
    return min(NEAR + SPEED * elapsed_s, REACH)


def separation(one: Detection, other: Detection) -> float:
    """Mean distance of the joints that both see, as a share of the larger extent; centres where they share none."""
    both = (one.confidence > 0) & (other.confidence > 0)
    extent = max(hand_extent(one), hand_extent(other))
    if both.any():
        return float(np.linalg.norm((one.keypoints_px - other.keypoints_px)[both], axis=1).mean() / extent)
    return float(np.linalg.norm(hand_centre(one) - hand_centre(other)) / extent)


def hand_extent(detection: Detection) -> float:
    """Diagonal of the bounding box of the joints that are seen, pixels, at least 1."""
    seen = detection.keypoints_px[detection.confidence > 0]
    return max(float(np.linalg.norm(np.ptp(seen, axis=0))), 1.0)


def hand_centre(detection: Detection) -> Float[np.ndarray, "2"]:
    """Mean of the joints that are seen, pixels."""
    return detection.keypoints_px[detection.confidence > 0].mean(axis=0)


def side_sign(detection: Detection) -> float:
    """+1 where the detection calls itself right, -1 left, 0 where it does not say."""
    return {"right": 1.0, "left": -1.0, None: 0.0}[detection.side]


def without_duplicates(found: Sequence[Detection]) -> list[int]:
    """Which detections of one frame are usable, the most confident first; of two on one hand only the better."""
    kept: list[int] = []
    for number in sorted(range(len(found)), key=lambda number: -float(found[number].confidence.mean())):
        usable = (found[number].confidence > 0).sum() >= MIN_JOINTS
        if usable and all(separation(found[number], found[other]) > DUPLICATE for other in kept):
            kept.append(number)
    return kept
