"""How a command ends: every outcome is an exit status and, if it failed, one sentence on stderr.

    def main() -> int:
        return run_command(parse_arguments, fit_sequence, sys.argv[1:])

Status 0: done; 2 and 3: as the HandfitError says; 130: Ctrl-C; 143: asked to stop; 1: anything else. A traceback is
shown with --debug or HANDFIT_DEBUG=1 only.
"""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from fitter.errors import HandfitError

T = TypeVar("T")

# As shells report a process that ended by a signal: 128 and its number.
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def run_command(read: Callable[[Sequence[str]], T], work: Callable[[T], None], words: Sequence[str]) -> int:
    """`read` the command line's words, do the `work`, and return the exit status; errors become one sentence on
    stderr.
    """
    debug = "--debug" in words or os.environ.get("HANDFIT_DEBUG", "") not in ("", "0")
    with _logging(debug), _sigterm_as_exception():
        try:
            work(read(words))
        except HandfitError as error:
            return _report(str(error), error.exit_status, debug)
        except KeyboardInterrupt:
            return _report("interrupted", INTERRUPTED, debug)
        except BrokenPipeError:
            # Whoever read stdout has gone (`| head`): there is no one to tell, and Python must not flush it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except MemoryError:
            return _report("not enough memory; a shorter clip or smaller frames need less", 1, debug)
        except Exception as error:
            sentence = f"{type(error).__name__}: {error} (a fault in handfit; --debug shows where)"
            return _report(sentence, 1, debug)
    return 0


def _report(sentence: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"handfit: {' '.join(sentence.split())}", file=sys.stderr, flush=True)
    return status


@contextmanager
def _sigterm_as_exception() -> Iterator[None]:
    """SIGTERM ends the block like an exception, so that temporary files are removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _logging(debug: bool) -> Iterator[None]:
    """With --debug everything is logged on stderr; else warnings reach the user through the summary (`Journal`)."""
    logger = logging.getLogger("fitter")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    level = logger.level
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
