"""What the engine warned of while it worked, kept for the summary and the report.

with keep_warnings() as journal:
    ...                                             # logging.getLogger("fitter.camera").warning("focal length assumed")
journal.warnings                                    # ("focal length assumed",)
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fitter.errors import printable

ENGINE = "fitter"


class PrintableFormatter(logging.Formatter):
    """Escapes what is not printable: warnings quote names and files of anybody's making, and so do tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class Journal(logging.Handler):
    """Collects each different warning of the engine once, in order."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self._messages: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences so far."""
        return tuple(self._messages)

    def emit(self, record: logging.LogRecord) -> None:
        self._messages[printable(record.getMessage())] = None


@contextmanager
def keep_warnings() -> Iterator[Journal]:
    """Keep the warnings that the engine logs inside the block."""
    journal = Journal()
    logger = logging.getLogger(ENGINE)
    logger.addHandler(journal)
    try:
        yield journal
    finally:
        logger.removeHandler(journal)
