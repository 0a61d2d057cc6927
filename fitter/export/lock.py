"""One writer at a time in a folder: a second one is refused, a crashed one is in nobody's way.

    with locked(prepare_folder(Path("results/clip"))):
        ...

The lock is `flock` on a hidden file, which the system gives up when the process ends, however it ends. On NFS it holds
between machines where the server's lock manager runs (Linux 2.6.12 and later); a file system that knows no locks at all
costs a warning and goes unguarded. The file is removed with the lock; what `kill -9` leaves of it is taken over.
"""

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitter.errors import InputError
from fitter.export.atomic import explained
from fitter.untrusted import quoted

log = logging.getLogger(__name__)

LOCK_FILE = ".handfit.lock"
HELD = (errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
MOST_BYTES = 200


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, which must exist, until the block ends.

    Raises InputError where another process (or another fit of this one) holds it, or the lock cannot be written.
    """
    path = folder / LOCK_FILE
    try:
        descriptor = _acquired(folder, path)
    except OSError as error:
        raise explained(error, path) from error
    try:
        yield
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)  # while it is held: whoever opened it meanwhile sees that it is gone
            os.close(descriptor)


def _acquired(folder: Path, path: Path) -> int | None:
    """The descriptor that holds the lock; None where the file system has no locks."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = quoted(os.read(descriptor, MOST_BYTES).decode("utf-8", "replace"))
            os.close(descriptor)
            if error.errno in HELD:
                who = holder or "another process"
                raise InputError(
                    f"{folder}: {who} is writing here; wait until it ends, or choose another output folder"
                ) from None
            if error.errno in NO_LOCKS:
                path.unlink(missing_ok=True)
                log.warning("%s: its file system has no locks; let no other fit write there", folder)
                return None
            raise
        if _is_still(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            return descriptor
        os.close(descriptor)  # its owner removed it between the opening and the locking


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file at `path` is the one that was opened."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
