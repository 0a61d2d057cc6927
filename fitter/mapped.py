"""Arrays that lie in files and take memory only while they are looked at.

    rows = in_stretches(n_frames, lambda part: seen[part] * 2.0)       # made, and kept, a few frames at a time
    release_pages(rows)                                                # what was read needs no memory any more

The files have no name and go with their arrays. What a program writes into a mapped array stays its own.
"""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from fitter.errors import HandfitError

# Smaller arrays stay in memory: those of a minute of video are no more.
WORTH_IT = 1 << 20  # bytes
ROWS_AT_ONCE = 1024
# For large files: /tmp is memory on many systems (file-hierarchy(7)).
ROOMY = "/var/tmp"


class Growing:
    """Rows that come one behind the other, of one type and shape, in a file once they are many; a context."""

    def __init__(self) -> None:
        self._place = ROOMY if "TMPDIR" not in os.environ and os.access(ROOMY, os.W_OK) else tempfile.gettempdir()
        self._file = tempfile.SpooledTemporaryFile(max_size=WORTH_IT, dir=self._place)
        self._like = np.empty(0)

    def __enter__(self) -> "Growing":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, rows: np.ndarray) -> None:
        """Raises HandfitError where there is no room."""
        self._like = rows[:0].copy()
        try:
            self._file.write(np.ascontiguousarray(rows).tobytes())
        except OSError as error:
            raise HandfitError(
                f"{self._place}: a temporary file cannot be written ({error.strerror}); "
                "expected room there, or in another folder that TMPDIR names"
            ) from error

    def array(self) -> np.ndarray:
        """All of them; nothing is added any more. It stays when the context ends."""
        if self._file.tell() <= WORTH_IT:
            self._file.seek(0)
            content = bytearray(self._file.read())
        else:
            self._file.flush()
            content = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        return np.frombuffer(content, self._like.dtype).reshape(-1, *self._like.shape[1:])


def in_stretches(n_rows: int, part: Callable[[slice], np.ndarray]) -> np.ndarray:
    """The array of which `part` makes some rows; raises HandfitError where there is no room for it."""
    with Growing() as rows:
        for stretch in stretches(n_rows):
            rows.add(part(stretch))
        return rows.array()


def stretches(n_rows: int) -> Iterator[slice]:
    """All rows, ROWS_AT_ONCE at a time; of none one that is empty."""
    return (slice(first, min(first + ROWS_AT_ONCE, n_rows)) for first in range(0, max(n_rows, 1), ROWS_AT_ONCE))


def release_pages(*arrays: np.ndarray | None) -> None:
    """Let the system take back the memory that reading mapped arrays has filled; they are read again where needed.

    What was written into them is forgotten. Nothing happens to an array that is not mapped.
    """
    for array in arrays:
        base: object = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap):
            base.obj.madvise(mmap.MADV_DONTNEED)
