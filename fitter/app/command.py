"""How a command ends: every outcome is an exit status and, if it failed, one sentence on stderr.

    def main(words=None):
        return run_command(lambda request: ..., sys.argv[1:])

Status 0: done; 2 and 3: as the HandfitError says; 130: Ctrl-C; 143: asked to stop; 1: anything else. A traceback is
shown with --debug or HANDFIT_DEBUG=1 only.
"""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

from fitter.app.arguments import Request, parse_arguments
from fitter.errors import HandfitError

# As shells report a process that ended by a signal: 128 and its number.
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def run_command(work: Callable[[Request], None], words: Sequence[str]) -> int:
    """Parse `words`, do the `work`, and return the exit status; errors become one sentence on stderr."""
    debug = "--debug" in words or os.environ.get("HANDFIT_DEBUG", "") not in ("", "0")
    _log_on_stderr(debug)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        work(parse_arguments(words))
        return 0
    except HandfitError as error:
        return _report(str(error), error.exit_status, debug)
    except KeyboardInterrupt:
        return _report(
            "interrupted; files of earlier runs are untouched, no half-written file is left", INTERRUPTED, debug
        )
    except BrokenPipeError:
        # Whoever read stdout has gone (`| head`): nothing is left to be said, and Python must not flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        return _report("not enough memory; a shorter clip or smaller frames need less", 1, debug)
    except Exception as error:
        sentence = f"unexpected {type(error).__name__}: {error}; this is a fault in handfit, --debug shows where"
        return _report(sentence, 1, debug)
    finally:
        signal.signal(signal.SIGTERM, before)


def _report(sentence: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"handfit: {' '.join(sentence.split())}", file=sys.stderr, flush=True)
    return status


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends the program like an exception, so that temporary files are removed."""
    raise SystemExit(TERMINATED)


def _log_on_stderr(debug: bool) -> None:
    """With --debug everything is logged; else warnings reach the user through the summary (`Journal`) only."""
    logger = logging.getLogger("fitter")
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    logger.handlers = [handler]
    logger.propagate = debug is False
