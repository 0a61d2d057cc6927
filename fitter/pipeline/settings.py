"""How a long clip is cut into windows that are fitted one after the other."""

from dataclasses import dataclass

from fitter.errors import InputError
from fitter.quantity import Count

# Smoothness joins three frames in a row: two held ones carry all that the window before says of the next.
FEWEST_HELD = 2


@dataclass(frozen=True)
class TimeWindows:
    """A clip of at most `whole` frames is fitted as one. A longer one first gives each hand's shape, texture and light,
    from `person_pieces` pieces of `person_frames` frames, spread over the clip, where its hands are seen best; then its
    windows of about `frames` frames follow in turn, each with the `held` last frames of the one before, which stay, and
    with `lookahead` frames behind it, whose fit is left to the next window. Smoothness reaches about five frames far
    (docs/long_clips.md).
    """

    whole: Count = 1200
    frames: Count = 300
    lookahead: Count = 30
    held: Count = 20
    person_pieces: Count = 10
    person_frames: Count = 32

    def __post_init__(self) -> None:
        if not FEWEST_HELD <= self.held <= self.frames // 2:
            raise InputError(
                f"windows.held: expected {FEWEST_HELD} frames or more (smoothness joins three) and at most half of "
                f"windows.frames ({self.frames}), got {self.held}"
            )
