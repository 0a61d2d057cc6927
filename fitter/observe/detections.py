"""All the hands that a source saw in a clip, as a few arrays: an object for each of them takes four times the memory.

seen = gathered(lists_of_hands)         # one list of Detections per frame, taken as they come
seen[17]                                # the hands of a frame, made when they are asked for
seen.some([3, 4, 9])                    # those of some rows, wherever they are; again made when asked for
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from fitter.mapped import ROWS_AT_ONCE, Growing, release_pages
from fitter.observe.observations import Detection, Side

SIDES: tuple[Side | None, ...] = (None, "left", "right")  # as numbers
# What there is of a hand: the shape after the axis of hands, and the type.
COLUMNS: dict[str, tuple[tuple[int, ...], type]] = {
    "keypoints_px": ((21, 2), np.float64),
    "confidence": ((21,), np.float64),
    "side": ((), np.int8),
    "side_score": ((), np.float64),
    "has_depth": ((), np.bool_),
    "has_landmarks": ((), np.bool_),
    "depth_px": ((21,), np.float64),
    "landmarks_m": ((21, 3), np.float64),
}
Columns = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Detections(Sequence[list[Detection]]):
    """The hands of each of `n_frames`, see `Detection`; a row per hand, in the order of their frames.

    `side` are numbers of SIDES; depth and landmarks mean something where the row `has` them.
    """

    n_frames: int
    frame: Int[np.ndarray, "hands"]
    keypoints_px: Float[np.ndarray, "hands 21 2"]
    confidence: Float[np.ndarray, "hands 21"]
    side: Int8[np.ndarray, "hands"]
    side_score: Float[np.ndarray, "hands"]
    has_depth: Bool[np.ndarray, "hands"]
    has_landmarks: Bool[np.ndarray, "hands"]
    depth_px: Float[np.ndarray, "hands 21"]
    landmarks_m: Float[np.ndarray, "hands 21 3"]

    def __len__(self) -> int:
        return self.n_frames

    @overload
    def __getitem__(self, index: int) -> list[Detection]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[Detection]]: ...
    def __getitem__(self, index: int | slice) -> list[Detection] | list[list[Detection]]:
        if isinstance(index, slice):
            return [self[frame] for frame in range(*index.indices(self.n_frames))]
        return [self.hand(row) for row in self.rows(range(self.n_frames)[index])]

    @cached_property
    def _starts(self) -> Int[np.ndarray, "starts"]:
        return np.searchsorted(self.frame, np.arange(self.n_frames + 1))

    def __iter__(self) -> Iterator[list[Detection]]:
        for frame in range(self.n_frames):
            yield [self.hand(row) for row in self.rows(frame)]
            if frame % ROWS_AT_ONCE == 0:
                self.release()

    def release(self) -> None:
        """Let go of the memory in which hands lie that were read from files."""
        release_pages(*(getattr(self, name) for name in COLUMNS))

    def rows(self, frame: int) -> range:
        """Those of a frame's hands."""
        return range(int(self._starts[frame]), int(self._starts[frame + 1]))

    def hand(self, row: int) -> Detection:
        """A view of one row."""
        return Detection(
            keypoints_px=self.keypoints_px[row],
            confidence=self.confidence[row],
            side=SIDES[self.side[row]],
            side_score=float(self.side_score[row]),
            depth_px=self.depth_px[row] if self.has_depth[row] else None,
            landmarks_m=self.landmarks_m[row] if self.has_landmarks[row] else None,
        )

    def some(self, rows: Iterable[int]) -> "SomeHands":
        """The hands of these rows, in this order."""
        return SomeHands(self, np.fromiter(rows, np.int64))


@dataclass(frozen=True, eq=False)
class SomeHands(Sequence[Detection]):
    """Some hands of a clip, by their rows."""

    all: Detections
    rows: Int[np.ndarray, "chosen"]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Detection: ...
    @overload
    def __getitem__(self, index: slice) -> "SomeHands": ...
    def __getitem__(self, index: int | slice) -> "Detection | SomeHands":
        if isinstance(index, slice):
            return SomeHands(self.all, self.rows[index])
        return self.all.hand(int(self.rows[index]))

    def __iter__(self) -> Iterator[Detection]:
        for number, row in enumerate(self.rows.tolist()):
            yield self.all.hand(row)
            if number % ROWS_AT_ONCE == 0:
                self.all.release()

    @property
    def keypoints_px(self) -> Float[np.ndarray, "chosen 21 2"]:
        """A copy of them."""
        return self.all.keypoints_px[self.rows]

    def at(self, places: Sequence[int]) -> "SomeHands":
        """Of these hands some."""
        return SomeHands(self.all, self.rows[list(places)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SomeHands) and self.all is other.all and np.array_equal(self.rows, other.rows)

    __hash__ = None  # pyright: ignore[reportAssignmentType] (arrays have none either)


def joined_hands(parts: Sequence[SomeHands]) -> SomeHands:
    """Hands of one clip, one part behind the other."""
    return SomeHands(parts[0].all, np.concatenate([part.rows for part in parts]))


def gathered(frames: Iterable[Sequence[Detection]]) -> Detections:
    """The hands of all frames, of which no more than ROWS_AT_ONCE or a frame's are objects at a time."""
    if isinstance(frames, Detections):
        return frames
    n_frames = 0

    def blocks() -> Iterator[Columns]:
        nonlocal n_frames
        waiting, numbers = list[Detection](), list[int]()
        for found in frames:
            waiting += found
            numbers += [n_frames] * len(found)
            n_frames += 1
            if len(waiting) >= ROWS_AT_ONCE:
                yield _packed(waiting, numbers)
                waiting, numbers = [], []
        yield _packed(waiting, numbers)

    columns = one_behind_the_other(blocks())  # which counts the frames
    return Detections(n_frames, **columns)


def one_behind_the_other(blocks: Iterable[Columns]) -> Columns:
    """The columns of several blocks, at least one, whose frames rise from each to the next."""
    with ExitStack() as files:
        columns = {name: files.enter_context(Growing()) for name in ("frame", *COLUMNS)}
        for block in blocks:
            for name, rows in columns.items():
                rows.add(block[name])
        return {name: rows.array() for name, rows in columns.items()}


def _packed(hands: Sequence[Detection], frames: Sequence[int]) -> Columns:
    columns: Columns = {
        "frame": np.array(frames, np.int64),
        "side": np.array([SIDES.index(hand.side) for hand in hands], np.int8),
        "has_depth": np.array([hand.depth_px is not None for hand in hands], np.bool_),
        "has_landmarks": np.array([hand.landmarks_m is not None for hand in hands], np.bool_),
    }
    for name in ("keypoints_px", "confidence", "side_score", "depth_px", "landmarks_m"):
        shape, kind = COLUMNS[name]
        values = (getattr(hand, name) for hand in hands)
        rows = [np.zeros(shape) if value is None else value for value in values]
        columns[name] = np.array(rows, kind).reshape(-1, *shape)
    return columns
