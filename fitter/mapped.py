"""Arrays that lie in a file and take memory only while they are looked at.

    rows = on_disk(rows, folder)            # the same numbers; what is read of them comes from the file
    release_pages(rows)                     # what was read needs no memory any more

The file has no name and goes with the array. What a program writes into a mapped array stays its own.
"""

import mmap
import tempfile
from pathlib import Path

import numpy as np

# Smaller arrays stay in memory: those of a minute of video are no more.
WORTH_IT = 1 << 20  # bytes
AT_ONCE = 1 << 20  # bytes written at once


def on_disk(array: np.ndarray, folder: Path) -> np.ndarray:
    """The array from a file in `folder`, which must exist; a small one as it is. OSError where there is no room."""
    if array.nbytes < WORTH_IT:
        return array
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, len(content), AT_ONCE):
            file.write(content[start : start + AT_ONCE].tobytes())
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return np.frombuffer(mapped, array.dtype).reshape(array.shape)


def release_pages(array: np.ndarray) -> None:
    """Let the system take back the memory that reading a mapped array has filled; it is read again where needed.

    What was written into it is forgotten. Nothing happens to an array that is not mapped.
    """
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap):
        base.obj.madvise(mmap.MADV_DONTNEED)
