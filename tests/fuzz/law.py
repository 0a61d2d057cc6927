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
# Of what waits without working, such as for a pipe. Work is measured in the process's own time, all threads together,
# so that no busy machine makes a hang of a slow moment.
WAITING_S = 60.0
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


def judged(bench: Bench, content: bytes) -> Verdict:
    """Write `content` in the place of the broken file and read it."""
    bench.file.write_bytes(content)
    began = time.process_time()
    try:
        with warnings.catch_warnings(), _time_limit(bench.target.slow_s), _quiet():
            warnings.simplefilter("error")
            bench.target.read(bench.folder)
    except HandfitError as error:
        seconds = time.process_time() - began
        sentence = str(error).replace(str(bench.folder), "")
        if len(sentence) > LONGEST_SENTENCE:
            return Verdict("sentence", _place(error), f"{len(sentence)} characters: {sentence[:200]}", seconds)
        odd = [character for character in sentence if not character.isprintable() and character != "\n"]
        if odd:
            return Verdict("sentence", _place(error), f"unprintable {odd[:3]}: {sentence[:200]}", seconds)
        return Verdict("refused", "", sentence, seconds)
    except TooSlow as error:
        return Verdict("hang", _place(error), traceback.format_exc(), time.process_time() - began)
    except Exception as error:
        return Verdict("crash", _place(error), traceback.format_exc(), time.process_time() - began)
    return Verdict("read", seconds=time.process_time() - began)


def _place(error: BaseException) -> str:
    """The error's type and the innermost line of the program itself."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/fuzz/" not in frame.filename]
    ours = [frame for frame in frames if any(f"/{part}/" in frame.filename for part in ("fitter", "priors"))]
    frame = (ours or frames or traceback.extract_tb(error.__traceback__))[-1]
    return f"{type(error).__name__} at {'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno}"


@contextmanager
def _time_limit(working_s: float) -> Iterator[None]:
    """Raise TooSlow after so long at work, or WAITING_S by the clock."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow("at work" if number == signal.SIGPROF else "waiting")

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, working_s), (signal.SIGALRM, signal.ITIMER_REAL, WAITING_S))
    before = [(number, signal.signal(number, stop)) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for _, timer, _ in timers:
            signal.setitimer(timer, 0)
        for number, handler in before:
            signal.signal(number, handler)


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
