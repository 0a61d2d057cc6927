"""Files on any storage that fsspec knows: this disk, a shared folder, or a bucket behind a URL.

place = place_of("s3://bucket/results")               # or a plain path
put_folder(Path("/tmp/fitted"), place.below("clip07"), last="run.json")

A plain path, and `file://`, is this machine's file system. Nothing read here is ever executed.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fitter.errors import HandfitError, InputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Where a file is there as a whole or not at all, and a renaming would copy it once more.
_WHOLE_AT_ONCE = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"))


@dataclass(frozen=True)
class Place:
    """A file or folder: its file system, the path there, and how it is written in words: a path or a URL."""

    system: "AbstractFileSystem"
    path: str
    shown: str

    def below(self, name: str) -> "Place":
        """What lies in this folder under `name`."""
        return Place(self.system, f"{self.path.rstrip('/')}/{name}", f"{self.shown.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def local(self) -> Path | None:
        """The path on this machine; None on other storage."""
        return Path(self.path) if "file" in _protocols(self.system) else None


def is_url(text: str) -> bool:
    """Whether `text` names other storage than this machine's: `s3://...`, but not `file://...`."""
    return _URL.match(text) is not None and not text.lower().startswith("file://")


def place_of(text: str) -> Place:
    """The place that a path or a URL names; raises InputError for storage that is not known or not installed here."""
    from fsspec import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    if not is_url(text):
        plain = unquote(text[len("file://") :]) if text.lower().startswith("file://") else text
        path = os.path.abspath(plain)
        return Place(LocalFileSystem(), path, path)
    try:
        system, path = url_to_fs(text)
    except ImportError as error:
        raise InputError(f"{text}: {error}") from error
    except ValueError as error:
        raise InputError(f"{text}: no storage of this kind is known to fsspec ({error})") from error
    return Place(system, path, text)


def put_folder(folder: Path, target: Place, last: str) -> None:
    """Copy all files of `folder` to `target`; the file `last` is taken away there first and arrives when all else has.

    What an earlier run left there and this one has not is removed. Raises HandfitError where the storage refuses.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = {file.relative_to(folder).as_posix() for file in files}
    with explained(target):
        system = target.system
        system.makedirs(target.path, exist_ok=True)
        if system.exists(target.below(last).path):
            system.rm_file(target.below(last).path)
        for stale in system.find(target.path):
            if stale[len(target.path) :].strip("/") not in names:
                system.rm_file(stale)
        for file in sorted(files, key=lambda file: file == folder / last):
            put_file(file, target.below(file.relative_to(folder).as_posix()))


def put_file(file: Path, target: Place) -> None:
    """Copy one file so that it is there as a whole or not at all, as far as the storage can."""
    system, path = target.system, target.path
    parent, _, name = path.rpartition("/")
    system.makedirs(parent, exist_ok=True)
    if _protocols(system) & _WHOLE_AT_ONCE:
        system.put_file(str(file), path)
        return
    unfinished = f"{parent}/.{name}.{os.getpid()}.partial"
    system.put_file(str(file), unfinished)
    if target.local is not None:
        os.replace(unfinished, path)
    else:
        system.mv(unfinished, path)


def fetch(source: Place, target: Path) -> Path:
    """Copy a file or a folder from `source` to `target`, replacing it; raises InputError if it is not there."""
    with explained(source):
        if not source.system.exists(source.path):
            raise InputError(f"{source.shown} does not exist: expected a file or a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.system.isdir(source.path):
            source.system.get(source.path.rstrip("/") + "/", str(target), recursive=True)
        else:
            source.system.get_file(source.path, str(target))
    return target


def read_bytes(source: Place, most: int) -> bytes | None:
    """The first `most` bytes of a file; None if it is not there."""
    with explained(source):
        if not source.system.exists(source.path):
            return None
        with source.system.open(source.path, "rb") as file:
            content = file.read(most)
    return content.encode() if isinstance(content, str) else content


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """One sentence for what the storage refuses; it may be of the network, and so is worth another try."""
    try:
        yield
    except HandfitError:
        raise
    except PermissionError as error:
        raise InputError(f"{place.shown}: access is refused ({error})") from error
    except Exception as error:  # every storage has exceptions of its own
        raise HandfitError(f"{place.shown}: the storage failed ({type(error).__name__}: {error})") from error


def _protocols(system: "AbstractFileSystem") -> frozenset[str]:
    return frozenset((system.protocol,) if isinstance(system.protocol, str) else system.protocol)
