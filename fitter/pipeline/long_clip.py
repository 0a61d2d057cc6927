"""A long clip in windows, with one shape, texture and light for all of it, in memory that its windows bound.

for part in fit_windows(clip, TimeWindows(), work):
    part.first, part.fits                          # the fits of frames first, first + 1, ...; in order, without a gap

First the person: each hand's shape and looks, from pieces of the whole clip fitted together. Then the windows in turn,
each continuing the motion of the one before: given the shape and two frames, smoothness makes all later frames
independent of all earlier ones, so that only what later frames would say of earlier ones is cut off, and that fades
within the lookahead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from fitter.pipeline.fit_input import FitInput, with_known
from fitter.pipeline.hand_fit import HandFit
from fitter.pipeline.known import Known
from fitter.pipeline.part import absent_fit, last_state, part_of
from fitter.pipeline.presence import Presence, believed_near, in_view
from fitter.pipeline.settings import FEWEST_HELD, TimeWindows

PERSON = "person"


@dataclass(frozen=True)
class ClipHands:
    """The hands of a clip as its windows ask for them.

    seen       confidence of every hand in every frame, 0..1: the mean of its joints'; 0 where it is not observed
    begin      of some frames (increasing), the inputs of some hands (their numbers), in that order
    """

    time_s: Float[np.ndarray, "frames"]
    seen: Float[np.ndarray, "hands frames"]
    begin: Callable[[Int[np.ndarray, "chosen"], Sequence[int]], list[FitInput]]

    @property
    def n_frames(self) -> int:
        return len(self.time_s)

    @property
    def n_hands(self) -> int:
        return len(self.seen)


@dataclass(frozen=True)
class WindowFit:
    """The fits of all hands in the same frames of a clip, which begin with its frame `first`."""

    first: int
    fits: list[HandFit]


class Keeper(Protocol):
    """Keeps fits by name, so that an interrupted run need not do them again; it gives back what it was given."""

    def load(self, name: str, known: Sequence[HandFit] | None) -> list[HandFit] | None:
        """What was kept; `known` are the fits whose appearance they wear. None where there is nothing."""
        ...

    def save(self, name: str, fits: Sequence[HandFit], known: Sequence[HandFit] | None) -> list[HandFit]:
        """Keep them, and return them as `load` would."""
        ...


class NothingKept:
    """A keeper for runs that cannot be continued."""

    def load(self, name: str, known: Sequence[HandFit] | None) -> list[HandFit] | None:
        return None

    def save(self, name: str, fits: Sequence[HandFit], known: Sequence[HandFit] | None) -> list[HandFit]:
        return list(fits)


@dataclass(frozen=True)
class Work:
    """What is done with the hands of one window, where belief in a hand ends, and where finished windows are kept."""

    fit: Callable[[Sequence[FitInput]], list[HandFit]]
    presence: Presence = Presence()
    keeper: Keeper = field(default_factory=NothingKept)


def fit_windows(clip: ClipHands, settings: TimeWindows, work: Work) -> Iterator[WindowFit]:
    """The clip's fits, window by window; a clip of at most `settings.whole` frames is one."""
    hands = range(clip.n_hands)
    if clip.n_frames <= settings.whole:
        fits = work.keeper.load(name_of(0), None)
        if fits is None:
            fits = work.keeper.save(name_of(0), work.fit(clip.begin(np.arange(clip.n_frames), hands)), None)
        yield WindowFit(0, fits)
        return
    person = work.keeper.load(PERSON, None)
    if person is None:
        chosen = pieces(clip.seen, settings.person_pieces, settings.person_frames)
        person = work.keeper.save(PERSON, work.fit(clip.begin(chosen, hands)), None)
    before = None
    for number, window in enumerate(windows(clip.n_frames, settings.frames)):
        fits = work.keeper.load(name_of(number), person)
        if fits is None:
            fits = fit_window(clip, window, person, before, settings, work)
            fits = work.keeper.save(name_of(number), fits, person)
        before = fits
        yield WindowFit(window.start, fits)


def fit_window(
    clip: ClipHands,
    window: range,
    person: Sequence[HandFit],
    before: Sequence[HandFit] | None,
    settings: TimeWindows,
    work: Work,
) -> list[HandFit]:
    """The fits of all hands in one window; `before` are those of the window before it."""
    start, end = max(0, window.start - settings.held), min(clip.n_frames, window.stop + settings.lookahead)
    fits = [absent_fit(each, len(window), None if before is None else before[i]) for i, each in enumerate(person)]
    observed = [hand for hand in range(clip.n_hands) if (clip.seen[hand, start:end] > 0).any()]
    if not observed:
        return fits
    inputs = []
    for hand, given in zip(observed, clip.begin(np.arange(start, end), observed), strict=True):
        known = known_of(person[hand], None if before is None else before[hand], window.start - start)
        inputs.append(with_known(replace(given, model=person[hand].scene.model), known))
    rows = slice(window.start - start, window.stop - start)
    for hand, fit in zip(observed, work.fit(inputs), strict=True):
        kept = part_of(fit, rows)
        fits[hand] = replace(kept, present=present_in(clip, hand, window, kept, work.presence))
    return fits


def known_of(person: HandFit, before: HandFit | None, n_held: int) -> Known:
    """What is known of a hand where its window begins; its motion goes on only where it is believed to be present."""
    state = person.state
    goes_on = before is not None and bool(before.present[-FEWEST_HELD:].all())
    held = last_state(before.state, n_held) if before is not None and goes_on else None
    return Known(state.betas, state.log_focal, person.appearance, person.decided, held)


def present_in(
    clip: ClipHands, hand: int, window: range, fit: HandFit, presence: Presence
) -> Bool[np.ndarray, "frames"]:
    """Where the hand is believed to be; it may have been observed in another window nearby."""
    observed = clip.seen[hand] > 0
    inside = slice(window.start, window.stop)
    near = believed_near(clip.time_s[observed], observed[inside], clip.time_s[inside], fit.posterior, presence)
    return near & (observed[inside] | in_view(fit.scene))


def windows(n_frames: int, most: int) -> list[range]:
    """The clip in as few windows of at most `most` frames as there can be, nearly equal."""
    bounds = np.linspace(0, n_frames, -(-n_frames // most) + 1).round().astype(int)
    return [range(int(a), int(b)) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def pieces(seen: Float[np.ndarray, "hands frames"], n_pieces: int, length: int) -> Int[np.ndarray, "chosen"]:
    """The frames that decide who the person is: of each equal part of the clip the run of `length` frames in which a
    hand is seen best, the hands by turns; a part that does not show that hand shows the others.
    """
    n_hands, n_frames = seen.shape
    chosen = np.zeros(n_frames, dtype=bool)
    turn = 0
    for part in windows(n_frames, -(-n_frames // n_pieces)):
        run = min(length, len(part))
        totals = np.cumsum(np.pad(seen[:, part.start : part.stop], ((0, 0), (1, 0))), axis=1)
        score = totals[:, run:] - totals[:, :-run]
        best = np.argmax(np.round(score[turn % n_hands] + 1e-3 * score.sum(axis=0), 9))
        if score[:, best].any():
            chosen[part.start + best : part.start + best + run] = True
            turn += 1
    for hand in range(n_hands):
        if not seen[hand, chosen].any():  # seen so briefly that every part shows another hand better
            first = max(0, min(int(np.argmax(seen[hand])) - length // 2, n_frames - length))
            chosen[first : first + length] = True
    return np.flatnonzero(chosen)


def name_of(window: int) -> str:
    return f"{window:05d}"
