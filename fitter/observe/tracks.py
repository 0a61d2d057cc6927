"""Which hands are really in the clip: pieces cleaned, joined over gaps, and given to the two hands over the whole clip.

    hands = track_hands(frames, clip, source="mediapipe", hand="auto")      # one or two Observations

There is at most one left and one right hand. Frames vote for a side, weighted by their score: a single one that calls
itself the other side changes nothing. See `fitter.observe.sides`.
"""

import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np

from fitter.clip import Clip
from fitter.errors import NoHandError
from fitter.mapped import in_stretches, release_pages
from fitter.observe.moves import JOIN_GAP_S
from fitter.observe.observations import Detection, Observations, Side
from fitter.observe.pieces import NEAR, Piece, hand_extent, in_one, link, part_of, reach, separation
from fitter.observe.sides import UNSURE, Hand, assigned

logger = logging.getLogger(__name__)

HandChoice = Literal["auto", "left", "right", "both"]

FLEETING_S = 0.3  # a piece shorter than this must lie where the hand was before or is afterwards
SPURIOUS_S = 0.5  # a hand seen for less than this in all (or half of a shorter clip) is a false alarm
SPURIOUS_SHARE = 0.05  # and so is one seen for less than this share of the frames of the other hand
JUMP = 0.5  # extents from the local median at which a detection is looked at as an outlier ...
JUMP_RATIO = 4.0  # ... and is one if that is so many times what the hand moves there anyway
JUMP_WINDOW = 3  # frames on either side that make the local median


def track_hands(
    frames: Sequence[Sequence[Detection]], clip: Clip, source: str, hand: HandChoice = "auto"
) -> list[Observations]:
    """The hands of a clip, strongest first: one or two of different sides, each with a row for every frame.

    `auto` returns the hands that are there, `both` also takes a second one that is doubtful, `left` and `right` return
    one: the user's word stands even against the vote. Raises NoHandError where no hand was found.
    """
    pieces = [without_jumps(piece) for piece in link(frames, clip.time_s)]
    pieces = without_strays(joined(pieces, clip.time_s), clip.time_s)
    hands = assigned(pieces, clip.time_s, keep_second=hand == "both")
    if hand != "both":
        hands = without_false_alarms(hands, clip)
    if not hands:
        raise NoHandError(f"no hand was found in the {clip.n_frames} frames of {clip.path}")
    if hand in ("left", "right"):
        hands = [_asked_for(hands, "left" if hand == "left" else "right")]
    if hand == "both" and len(hands) == 1:
        logger.warning("%s: two hands were asked for, but only one was found", clip.path)
    for found in hands:
        logger.info("%s hand observed in %d of %d frames", found.side, found.n_observed, clip.n_frames)
    return [observations(found, clip, source) for found in hands]


def without_jumps(piece: Piece) -> Piece:
    """The piece without detections that leave it for a moment: far from the local median, beyond its own motion."""
    if len(piece.frames) < 2 * JUMP_WINDOW + 1:
        return piece
    kept = []
    for index, detection in enumerate(piece.detections):
        start = min(max(index - JUMP_WINDOW, 0), len(piece.frames) - 2 * JUMP_WINDOW - 1)
        window = piece.detections[start : start + 2 * JUMP_WINDOW + 1].keypoints_px
        seen = detection.confidence > 0
        away = np.linalg.norm(window - np.median(window, axis=0), axis=-1)[:, seen].mean(axis=1) / hand_extent(
            detection
        )
        kept.append(bool(away[index - start] <= max(JUMP, JUMP_RATIO * float(np.median(away)))))
    return part_of(piece, np.flatnonzero(kept).tolist())


def joined(pieces: Sequence[Piece], time_s: np.ndarray) -> list[Piece]:
    """Pieces joined where the later begins within reach of where the earlier ended, nearest first: their votes add.

    Pieces that vote for opposite sides are joined only if the joints hardly moved.
    """
    pieces = [piece for piece in pieces if piece.frames]
    links = []
    for i, one in enumerate(pieces):
        for j, other in enumerate(pieces):
            gap_s = float(time_s[other.frames[0]] - time_s[one.frames[-1]])
            if 0 < gap_s <= JOIN_GAP_S:
                distance = separation(one.detections[-1], other.detections[0])
                if distance <= reach(gap_s):
                    links.append((distance, i, j))
    chains = {index: [index] for index in range(len(pieces))}  # by the index of their first piece
    ends = {index: index for index in range(len(pieces))}  # the last piece of a chain -> its first
    for distance, i, j in sorted(links):
        if i not in ends or j not in chains or ends[i] == j:
            continue
        votes = _chained(pieces, chains[ends[i]]).vote * _chained(pieces, chains[j]).vote
        if votes > -UNSURE or distance <= NEAR:
            first = ends.pop(i)
            chains[first] += chains.pop(j)
            ends[chains[first][-1]] = first
    return [_chained(pieces, chain) for chain in chains.values()]


def _chained(pieces: Sequence[Piece], chain: Sequence[int]) -> Piece:
    return in_one([pieces[index] for index in chain])


def without_strays(pieces: Sequence[Piece], time_s: np.ndarray) -> list[Piece]:
    """Drop fleeting pieces that no longer piece leads to or continues: a background taken for a hand for a moment."""
    spans = [float(time_s[piece.frames[-1]] - time_s[piece.frames[0]]) for piece in pieces]
    longest = max(spans, default=0.0)
    return [piece for piece, span in zip(pieces, spans, strict=True) if span >= min(FLEETING_S, longest)]


def without_false_alarms(hands: Sequence[Hand], clip: Clip) -> list[Hand]:
    """Drop hands seen for less than SPURIOUS_S (or half of a shorter clip) or SPURIOUS_SHARE of the stronger hand."""
    least = min(SPURIOUS_S * clip.fps, clip.n_frames / 2)
    kept = []
    for hand in hands:
        needed = max(least, SPURIOUS_SHARE * hands[0].n_observed)
        if hand.n_observed >= needed:
            kept.append(hand)
        else:
            logger.info("a %s hand seen in %d frames only is left out", hand.side, hand.n_observed)
    return kept


def _asked_for(hands: Sequence[Hand], side: Side) -> Hand:
    for hand in hands:
        if hand.side == side:
            return hand
    best = hands[0]
    logger.warning("the detections call the hand %s; it is fitted as the %s hand that was asked for", best.side, side)
    return Hand(side, best.pieces)


def observations(hand: Hand, clip: Clip, source: str) -> Observations:
    """The hand's detections as arrays over all frames; what is missing is 0 with confidence 0.

    Depth and 3D landmarks are given only where all detections of the hand have them.
    """
    found = in_one(hand.pieces)
    order = np.argsort(found.frames)
    frames, rows, seen = np.array(found.frames)[order], found.detections.rows[order], found.detections.all

    def over_clip(column: np.ndarray) -> np.ndarray:
        def some_frames(part: slice) -> np.ndarray:
            table = np.zeros((part.stop - part.start, *column.shape[1:]))
            first, after = np.searchsorted(frames, [part.start, part.stop])
            table[frames[first:after] - part.start] = column[rows[first:after]]
            release_pages(column)
            return table

        return in_stretches(clip.n_frames, some_frames)

    return Observations(
        source=source,
        side=hand.side,
        time_s=clip.time_s,
        image_size=(clip.width, clip.height),
        keypoints_px=over_clip(seen.keypoints_px),
        confidence=over_clip(seen.confidence),
        depth_px=over_clip(seen.depth_px) if seen.has_depth[rows].all() else None,
        landmarks_m=over_clip(seen.landmarks_m) if seen.has_landmarks[rows].all() else None,
    )
