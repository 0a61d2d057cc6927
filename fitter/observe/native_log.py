"""Keeps what C++ libraries print while they start off the user's terminal: it goes to the debug log instead.

with native_log_muted():
    graph = Hands()                            # its chatter appears under logging.DEBUG only
"""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

logger = logging.getLogger(__name__)

STDERR = 2


@contextlib.contextmanager
def native_log_muted() -> Iterator[None]:
    """Inside, the process's standard error goes to a file; its text is logged at debug level on the way out.

    Python exceptions pass through untouched. Keep it around the first calls only: what is printed later is shown.
    """
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with tempfile.TemporaryFile() as capture:
        os.dup2(capture.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            capture.seek(0)
            for line in capture.read().decode(errors="replace").splitlines():
                logger.debug("native log: %s", line)
