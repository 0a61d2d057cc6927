"""How a command ends: every outcome is an exit status and, if it failed, one sentence on stderr.

    def main() -> int:
        return run_command(parse_arguments, fit_sequence, sys.argv[1:])

Status 0: done; 2 and 3: as the HandfitError says; 130: Ctrl-C; 143: asked to stop; 1: anything else. A traceback is
shown with --debug or HANDFIT_DEBUG=1 only.
"""

import errno
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from fitter.app.journal import PrintableFormatter
from fitter.errors import HandfitError, one_line, printable

T = TypeVar("T")

# As shells report a process that ended by a signal: 128 and its number.
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def run_command(read: Callable[[Sequence[str]], T], work: Callable[[T], None], words: Sequence[str]) -> int:
    """`read` the command line's words, do the `work`, and return the exit status; errors become one sentence on
    stderr.
    """
    debug = "--debug" in words or os.environ.get("HANDFIT_DEBUG", "") not in ("", "0")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    with _logging(debug), _signals_as_exceptions() as stopped:
        try:
            work(read(words))
        except KeyboardInterrupt:
            return _report("interrupted", INTERRUPTED, debug)
        except Exception as error:
            if stopped:  # a library in whose code Ctrl-C fell may have made another error of it
                return _report("interrupted", INTERRUPTED, debug)
            return _failed(error, debug)
    return 0


def _failed(error: Exception, debug: bool) -> int:
    match error:
        case HandfitError():
            return _report(str(error), error.exit_status, debug)
        case BrokenPipeError():
            # Whoever read stdout has gone (`| head`): there is no one to tell, and Python must not flush it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        case OSError() if error.errno == errno.ENAMETOOLONG:
            # Python asks whether a path exists before any reader sees it.
            return _report(f"{error.filename}: file name too long, expected a path that exists", 2, debug)
        case MemoryError():
            return _report("not enough memory; a shorter clip or smaller frames need less", 1, debug)
        case _:
            sentence = f"{type(error).__name__}: {error} (a fault in handfit; --debug shows where)"
            return _report(sentence, 1, debug)


def _report(sentence: str, status: int, debug: bool) -> int:
    if debug:
        print(printable(traceback.format_exc()), file=sys.stderr, end="")
    print(f"handfit: {one_line(sentence)}", file=sys.stderr, flush=True)
    return status


@contextmanager
def _signals_as_exceptions() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end the block like exceptions, so that temporary files are removed; the list holds the
    number of a Ctrl-C that came.
    """
    stopped: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for jobs in a shell's background
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, stop)
    try:
        yield stopped
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def _logging(debug: bool) -> Iterator[None]:
    """With --debug everything is logged on stderr; else warnings reach the user through the summary (`Journal`)."""
    logger = logging.getLogger("fitter")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    level = logger.level
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
