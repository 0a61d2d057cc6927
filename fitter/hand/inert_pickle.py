"""Pickles that anybody may have written, read without running anything that is written in them.

A pickle is a program that may call any function. Here every name that files of a kind need is answered by a record
which only keeps what it was given (`fitter.hand.mano_records`), and every other name is refused. Nothing is imported,
so files of releases that are long gone can be read too.

    content = load_inert(path, Kind(admitted, most_bytes, most_opcodes, "a MANO file", "numpy data"))
"""

import io
import pickle
import pickletools
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitter.errors import InputError
from fitter.hand.mano_records import (
    ArrayRecord,
    BufferRecord,
    EncodedRecord,
    IgnoredRecord,
    ReconstructorRecord,
    Record,
    ScalarRecord,
    TypeRecord,
)
from fitter.untrusted import quoted, read_regular

MAX_SHOWN = 80  # characters of the file's own text in a message

MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})

# What a broken or hostile stream makes the unpickler raise beside InputError.
UNPICKLING_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, MemoryError, RecursionError, ImportError, struct.error),
)

Names = Mapping[tuple[str, str], type[Record]]


@dataclass(frozen=True)
class Kind:
    """What pickles of one kind may hold.

    `admitted` answers (module, name); the bounds keep a hostile file from filling the memory. In messages such a file
    is `called` so, `holds` only that, and is what `expected` says.
    """

    admitted: Names
    most_bytes: int
    most_opcodes: int
    called: str
    holds: str
    expected: str


def numpy_names() -> dict[tuple[str, str], type[Record]]:
    """The names in pickles of plain numpy arrays and scalars, of every protocol and Python."""
    names: dict[tuple[str, str], type[Record]] = {
        ("numpy", "ndarray"): IgnoredRecord,
        ("numpy", "dtype"): TypeRecord,
        ("_codecs", "encode"): EncodedRecord,
    }
    for core in ("numpy.core", "numpy._core"):  # before and after numpy 2
        names[f"{core}.multiarray", "_reconstruct"] = ArrayRecord
        names[f"{core}.multiarray", "scalar"] = ScalarRecord
        names[f"{core}.numeric", "_frombuffer"] = BufferRecord
    for builtins, registry in (("__builtin__", "copy_reg"), ("builtins", "copyreg")):  # Python 2 and 3
        names[builtins, "object"] = IgnoredRecord
        names[registry, "_reconstructor"] = ReconstructorRecord
    return names


class _Unpickler(pickle.Unpickler):
    """Answers admitted names with records and imports nothing."""

    def __init__(self, data: bytes, path: Path, kind: Kind) -> None:
        # Latin-1 keeps the byte strings of Python 2 one to one.
        super().__init__(io.BytesIO(data), encoding="latin1")
        self.path = path
        self.kind = kind

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        record = self.kind.admitted.get((module_name, global_name))
        if record is None:
            shown = ascii(f"{module_name}.{global_name}"[:MAX_SHOWN])[1:-1]
            raise InputError(f"{self.path}: refuses to load {shown}: {self.kind.called} holds only {self.kind.holds}")
        return record


def load_inert(path: Path, kind: Kind) -> Any:
    """What the pickle at `path` holds: Python's plain containers, text, numbers, and records of all other things.

    Raises InputError, one sentence, for a name that such a file does not hold and a file that is no pickle.
    """
    data = _read_bytes(path, kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the file's texts, which are read all the same
            _bound_opcodes(data, kind.most_opcodes)
        return _Unpickler(data, path, kind).load()
    except UNPICKLING_ERRORS as error:
        raise InputError(
            f"{path}: is no pickle of {kind.called} ({quoted(error, MAX_SHOWN)}); expected {kind.expected}"
        ) from error


def _read_bytes(path: Path, kind: Kind) -> bytes:
    try:
        data = read_regular(path, kind.most_bytes)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected {kind.called}") from error
    if len(data) > kind.most_bytes:
        raise InputError(f"{path}: is larger than {kind.most_bytes / 2**20:.0f} MB; expected {kind.expected}")
    return data


def _bound_opcodes(data: bytes, most: int) -> None:
    """Walk over the program without running it: lengths beyond the file and huge memo numbers end here."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if count >= most:
            raise ValueError(f"more than {most} steps")
        if opcode.name in MEMO_OPCODES and not (isinstance(argument, int) and 0 <= argument < most):
            raise ValueError("a memo number out of range")
