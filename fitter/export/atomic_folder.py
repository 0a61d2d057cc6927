"""A folder that appears under its final name only when everything in it is complete.

    with atomic_folder(Path("labels"), marker="manifest.json", overwrite=False) as folder:
        (folder / "manifest.json").write_text("{}")

The writer fills a hidden folder beside it, which is renamed when the block ends well and removed when it does not. A
killed writer leaves only the hidden one, which the next writer of the same name removes. What a power cut leaves is the
file system's matter: thousands of images are not flushed one by one.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitter.errors import InputError
from fitter.export.atomic import explained, prepare_folder, runs


@contextmanager
def atomic_folder(path: Path, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` once the block has ended well.

    `path` may be missing or empty; with `overwrite` it may hold what an earlier writer made, which is known by its file
    `marker` and replaced as a whole. Raises InputError where it holds anything else, or cannot be written.
    """
    path = Path(os.path.abspath(path))
    refuse_occupied(path, marker, overwrite)
    prepare_folder(path.parent)
    _sweep(path)
    temporary = _beside(path, "unfinished")
    try:
        try:
            temporary.mkdir()
            yield temporary
            _replace(temporary, path)
        except OSError as error:
            raise explained(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_occupied(path: Path, marker: str, overwrite: bool) -> None:
    """Raise InputError where writing a folder `path` would destroy something."""
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path}: is a file, expected a folder to write, or a name that is free")
    try:
        empty = next(path.iterdir(), None) is None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), choose another output folder") from error
    if empty:
        return
    if not overwrite:
        raise InputError(f"{path}: is not empty; choose another output folder, or give --overwrite to replace it")
    if not (path / marker).is_file():
        raise InputError(f"{path}: has no {marker}, so it is no export of labels and is not overwritten")


def _replace(temporary: Path, path: Path) -> None:
    """Rename onto a path that is free, empty, or to be replaced: the old folder is out of the way for one moment."""
    if path.is_dir() and next(path.iterdir(), None) is not None:
        old = _beside(path, "old")
        os.rename(path, old)
        try:
            os.rename(temporary, path)
        except OSError:
            os.rename(old, path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(temporary, path)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.{kind}")


def _sweep(path: Path) -> None:
    """Remove what killed writers of this folder left."""
    leftover = re.compile(rf"\.{re.escape(path.name)}\.(\d+)-[0-9a-f]{{8}}\.(unfinished|old)")
    for found in path.parent.glob(".*"):
        match = leftover.fullmatch(found.name)
        # An old folder is kept where its successor never arrived.
        if match and not runs(int(match[1])) and (match[2] == "unfinished" or path.exists()):
            shutil.rmtree(found, ignore_errors=True)
