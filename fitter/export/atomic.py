"""Files that appear under their final name only when they are complete.

The writer gets a temporary name in the same folder and with the same suffix (so that libraries which choose a format
by suffix still do). On success it is flushed to the disk and renamed, which POSIX makes one indivisible step; on any
exception it is removed. A killed writer leaves only a hidden `.partial` file, which the next `prepare_folder` removes.

    folder = prepare_folder(Path("results/clip"))            # before the work: fails early where nothing can be written
    with atomic_path(folder / "result.npz") as path:
        np.savez_compressed(path, joints_m=joints_m)
"""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitter.errors import HandfitError, InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}
_PARTIAL = re.compile(r"^\..+\.(\d+)-[0-9a-f]{8}\.partial(\..+)?$")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` once the block has ended well.

    The folder must exist. Raises InputError where the place cannot be written, HandfitError where the disk is full;
    every other exception of the block passes through. In each case `path` is as it was before.
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        raise explained(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """A hidden name beside `path`, with its suffix, that `prepare_folder` sweeps away once this process has gone."""
    return path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}.partial{path.suffix}")


def prepare_folder(folder: Path) -> Path:
    """Create `folder`, prove that files can be written in it, and sweep away what killed writers left.

    Raises InputError where it cannot be created or written, HandfitError where the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        shown = explained(error, folder)
        if shown is error:  # a name that is too long, a file system that holds no folders of ours, ...
            shown = InputError(f"{folder}: cannot be created ({error.strerror}), choose another output folder")
        raise shown from error
    probe = folder / "writable"
    with atomic_path(probe) as temporary:
        temporary.write_bytes(b"writable")
    probe.unlink()
    for leftover in folder.glob(".*.partial*"):
        match = _PARTIAL.match(leftover.name)
        if match and not runs(int(match[1])):
            leftover.unlink(missing_ok=True)
    return folder


def _flush(path: Path) -> None:
    """Wait until the file's bytes, or the folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def runs(process: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def explained(error: OSError, path: Path) -> Exception:
    """The sentence for what the file system refused; other errors are returned as they are."""
    if error.errno in _FULL:
        return HandfitError(f"{path}: could not be written because the disk is full or a size limit is reached")
    if error.errno in _REFUSED:
        return InputError(f"{path}: cannot be written ({os.strerror(error.errno or 0)}), choose another output folder")
    if error.errno in _IN_THE_WAY:
        return InputError(
            f"{path}: cannot be written because something else has this name, choose another output folder"
        )
    return error
