"""One input against the law: it is read, or refused in one sentence, in time.

verdict = judged(bench, content)                # Verdict("refused", "... expected ...")
verdict.breaks_the_law
"""

import logging
import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal

from fitter.errors import HandfitError
from tests.fuzz.target import Bench

LONGEST_SENTENCE = 700  # characters beside the path
Kind = Literal["read", "refused", "crash", "hang", "sentence"]


@dataclass(frozen=True)
class Verdict:
    """What became of an input; `place` tells one fault from another, `detail` is for those who repair it."""

    kind: Kind
    place: str = ""
    detail: str = ""
    seconds: float = 0.0

    @property
    def breaks_the_law(self) -> bool:
        return self.kind not in ("read", "refused")


class TooSlow(BaseException):
    """Not an Exception: no reader may take it for a damaged file."""


def judged(bench: Bench, content: bytes, patience: float = 1.0) -> Verdict:
    """Write `content` in the place of the broken file and read it; `patience`: times the limit, for busy machines."""
    bench.file.write_bytes(content)
    began = time.monotonic()
    try:
        with warnings.catch_warnings(), _time_limit(patience * bench.target.slow_s), _quiet():
            warnings.simplefilter("error")
            bench.target.read(bench.folder)
    except HandfitError as error:
        seconds = time.monotonic() - began
        sentence = str(error).replace(str(bench.folder), "")
        if len(sentence) > LONGEST_SENTENCE:
            return Verdict("sentence", _place(error), f"{len(sentence)} characters: {sentence[:200]}", seconds)
        odd = [character for character in sentence if not character.isprintable() and character != "\n"]
        if odd:
            return Verdict("sentence", _place(error), f"unprintable {odd[:3]}: {sentence[:200]}", seconds)
        return Verdict("refused", "", sentence, seconds)
    except TooSlow as error:
        return Verdict("hang", _place(error), traceback.format_exc(), time.monotonic() - began)
    except Exception as error:
        return Verdict("crash", _place(error), traceback.format_exc(), time.monotonic() - began)
    return Verdict("read", seconds=time.monotonic() - began)


def _place(error: BaseException) -> str:
    """The error's type and the innermost line of the program itself."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/fuzz/" not in frame.filename]
    ours = [frame for frame in frames if any(f"/{part}/" in frame.filename for part in ("fitter", "priors"))]
    frame = (ours or frames or traceback.extract_tb(error.__traceback__))[-1]
    return f"{type(error).__name__} at {'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno}"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings in the log are the reader's right; thousands of them on stderr are not needed."""
    logger = logging.getLogger("fitter")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
