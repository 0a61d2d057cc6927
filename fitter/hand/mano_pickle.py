"""Arrays out of the pickle that a MANO file is, without running anything that is written in it.

A pickle is a program that may call any function. Here every name that a MANO file needs is answered by a record which
only keeps what it was given, and every other name is refused. The records are then decoded to numbers one by one, each
checked against its own bytes. So nothing of numpy, scipy or chumpy is ever called by the file, and none need be
importable: the files were made by Python 2 with releases of all three that are long gone.

    arrays = read_mano_pickle(Path("MANO_RIGHT.pkl"), ("v_template", "J_regressor"))
    arrays["J_regressor"].shape            # (16, 778), dense
"""

import io
import pickle
import pickletools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fitter.errors import InputError
from fitter.hand.mano_records import (
    ArrayRecord,
    BufferRecord,
    ChRecord,
    ColumnsRecord,
    EncodedRecord,
    IgnoredRecord,
    ReconstructorRecord,
    Record,
    RowsRecord,
    ScalarRecord,
    SelectRecord,
    TypeRecord,
    decode,
)

# MANO_RIGHT.pkl has 4 MB and fewer than 10 000 opcodes. The bounds keep a hostile file from filling the memory.
MAX_FILE_BYTES = 64 * 2**20
MAX_OPCODES = 100_000
MAX_SHOWN = 80  # characters of the file's own text in a message

MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})

# What a broken or hostile stream makes the unpickler raise beside InputError.
UNPICKLING_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, MemoryError, RecursionError, ImportError),
)


def _admitted() -> dict[tuple[str, str], type[Record]]:
    names: dict[tuple[str, str], type[Record]] = {
        ("numpy", "ndarray"): IgnoredRecord,
        ("numpy", "dtype"): TypeRecord,
        ("chumpy.ch", "Ch"): ChRecord,
        ("chumpy.reordering", "Select"): SelectRecord,
        ("_codecs", "encode"): EncodedRecord,
    }
    for core in ("numpy.core", "numpy._core"):  # before and after numpy 2
        names[f"{core}.multiarray", "_reconstruct"] = ArrayRecord
        names[f"{core}.multiarray", "scalar"] = ScalarRecord
        names[f"{core}.numeric", "_frombuffer"] = BufferRecord
    for private in ("", "_"):  # before and after scipy 1.8
        names[f"scipy.sparse.{private}csc", "csc_matrix"] = ColumnsRecord
        names[f"scipy.sparse.{private}csr", "csr_matrix"] = RowsRecord
    for builtins, registry in (("__builtin__", "copy_reg"), ("builtins", "copyreg")):  # Python 2 and 3
        names[builtins, "set"] = IgnoredRecord
        names[builtins, "object"] = IgnoredRecord
        names[registry, "_reconstructor"] = ReconstructorRecord
    return names


ADMITTED = _admitted()


class _Unpickler(pickle.Unpickler):
    """Answers admitted names with records and imports nothing."""

    def __init__(self, data: bytes, path: Path) -> None:
        # Latin-1 keeps the byte strings of Python 2 one to one.
        super().__init__(io.BytesIO(data), encoding="latin1")
        self.path = path

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        record = ADMITTED.get((module_name, global_name))
        if record is None:
            shown = ascii(f"{module_name}.{global_name}"[:MAX_SHOWN])[1:-1]
            raise InputError(
                f"{self.path}: refuses to load {shown}: a MANO file holds only numpy, scipy.sparse and chumpy data"
            )
        return record


def read_mano_pickle(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays called `keys` of the dictionary in the pickle at `path`; chumpy evaluated, sparse matrices dense.

    Raises InputError, one sentence, for a name that a MANO file does not hold, a file that is no such pickle, a missing
    key, and a value that is no array of numbers. chumpy's layout: `ch.py` and `reordering.py` of its source.
    """
    data = _read_bytes(path)
    try:
        _bound_opcodes(data)
        content = _Unpickler(data, path).load()
    except UNPICKLING_ERRORS as error:
        reason = " ".join(str(error).split())[:MAX_SHOWN]  # in one line
        raise InputError(f"{path}: is no pickle of a MANO model ({reason}); expected MANO_RIGHT.pkl") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no dictionary; expected the keys of MANO_RIGHT.pkl")
    arrays = {}
    for key in keys:
        if key not in content:
            raise InputError(f"{path}: has no '{key}'; expected the keys of MANO_RIGHT.pkl")
        try:
            arrays[key] = decode(content[key])
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise InputError(f"{path}: '{key}' is no array of numbers ({error})") from error
    return arrays


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected a MANO file") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_FILE_BYTES // 2**20} MB; a MANO file has 4 MB")
    return data


def _bound_opcodes(data: bytes) -> None:
    """Walk over the program without running it: lengths beyond the file and huge memo numbers end here."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if count >= MAX_OPCODES:
            raise ValueError(f"more than {MAX_OPCODES} steps")
        if opcode.name in MEMO_OPCODES and not (isinstance(argument, int) and 0 <= argument < MAX_OPCODES):
            raise ValueError("a memo number out of range")
