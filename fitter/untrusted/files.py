"""Files that are files: a pipe would make the reader wait for ever, and a device never ends.

with open_regular(path) as file:
    head = file.read(24)
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# Not on Windows, where opening a pipe does not wait either.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> BinaryIO:
    """The file at `path`, or behind the link there, for reading; OSError where it is none that can be read."""
    descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING | _BINARY)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "neither a file nor a folder", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All of the file; of a larger one `most_bytes` + 1 bytes, by which it is told. OSError as `open_regular`."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(min(size, most_bytes) + 1)  # Python makes room for as much as it is asked for
