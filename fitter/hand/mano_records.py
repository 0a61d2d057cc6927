"""What stands in a MANO pickle, as inert records, and the numbers decoded from them.

A record keeps the arguments that an object was made with and the state it was given, and does nothing else. `decode`
reads one as an array; each claim of the file (shape, type, indices) is checked against the bytes that are really there.

    decode(record)                         # numpy array of numbers, or ValueError
"""

import math
import pickle
import re
from typing import Any

import numpy as np

# A dense matrix may take the 64 MB that the file may: MANO's largest array has 315 090 numbers.
MAX_ELEMENTS = 2**23
MAX_DEPTH = 4  # of chumpy expressions; MANO's shapedirs are two deep, a Select over a Ch
MAX_SHOWN = 80  # characters of the file's own text in a message

NUMBER_TYPE = re.compile(r"[fiu][1248]|b1")
BYTE_ORDERS = ("<", ">", "|", "=")


class Record:
    """An object of the pickle: the arguments it was made with and the state it was given, never interpreted here."""

    __slots__ = ("arguments", "state")

    def __new__(cls, *arguments: Any) -> "Record":
        record = object.__new__(cls)
        record.arguments = arguments
        record.state = None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def field(self, name: str) -> Any:
        """A named part of the state of an ordinary Python object."""
        if not isinstance(self.state, dict) or name not in self.state:
            raise ValueError(f"an object without its '{name}'")
        return self.state[name]


class ArrayRecord(Record):
    """`numpy.core.multiarray._reconstruct`; state (version, shape, type, Fortran order, bytes)."""


class BufferRecord(Record):
    """`numpy.core.numeric._frombuffer` of protocol 5; arguments (bytes, type, shape, order)."""


class TypeRecord(Record):
    """`numpy.dtype`; arguments (code, ...), state (version, byte order, ...)."""


class ScalarRecord(Record):
    """`numpy.core.multiarray.scalar`; arguments (type, bytes)."""


class ColumnsRecord(Record):
    """`scipy.sparse` matrix by compressed columns."""


class RowsRecord(Record):
    """`scipy.sparse` matrix by compressed rows."""


class ChRecord(Record):
    """`chumpy.ch.Ch`: a constant, its value in `x`."""


class SelectRecord(Record):
    """`chumpy.reordering.Select`: the elements `idxs` of the raveled `a`, in `preferred_shape` where it is given."""


class EncodedRecord(Record):
    """`_codecs.encode(text, 'latin1')`: how Python 3 writes bytes for Python 2."""


class IgnoredRecord(Record):
    """What MANO's objects carry along and no number depends on: sets of changed names, bare base classes."""


class ReconstructorRecord(Record):
    """`copy_reg._reconstructor(class, base, state)` of protocols 0 and 1: an empty object of an admitted class."""

    def __new__(cls, *arguments: Any) -> Record:
        target = arguments[0] if arguments else None
        if not isinstance(target, type) or not issubclass(target, Record):
            raise pickle.UnpicklingError("an object of no class")
        return object.__new__(target)


def decode(value: Any, depth: int = 0) -> np.ndarray:
    """The numbers of a record."""
    if depth > MAX_DEPTH:
        raise ValueError("chumpy expressions nested too deep")
    if isinstance(value, ArrayRecord):
        return _decode_array(value)
    if isinstance(value, BufferRecord):
        buffer, type_record, shape, order = _expect_tuple(value.arguments, 4)
        return _from_bytes(buffer, type_record, shape, order == "F")
    if isinstance(value, ScalarRecord):
        type_record, buffer = _expect_tuple(value.arguments, 2)
        return _from_bytes(buffer, type_record, (), False)
    if isinstance(value, ChRecord):
        return decode(value.field("x"), depth + 1)
    if isinstance(value, SelectRecord):
        selected = decode(value.field("a"), depth + 1).ravel()[_indices(value.field("idxs"))]
        return (
            selected.reshape(_shape(value.field("preferred_shape"))) if "preferred_shape" in value.state else selected
        )
    if isinstance(value, (ColumnsRecord, RowsRecord)):
        return _decode_sparse(value)
    raise ValueError(f"found {type(value).__name__}")


def _decode_array(record: ArrayRecord) -> np.ndarray:
    version, shape, type_record, fortran, buffer = _expect_tuple(record.state, 5)
    if version != 1:
        raise ValueError("an array layout other than numpy's version 1")
    return _from_bytes(buffer, type_record, shape, bool(fortran))


def _decode_sparse(matrix: ColumnsRecord | RowsRecord) -> np.ndarray:
    """scipy's compressed layout: along the major axis, `indptr` bounds each line's run of `indices` and `data`."""
    shape = _shape(matrix.field("_shape" if "_shape" in matrix.state else "shape"))
    if len(shape) != 2 or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a sparse matrix of shape {shape}")
    values = decode(matrix.field("data")).ravel()
    minor = _indices(matrix.field("indices"))
    bounds = _indices(matrix.field("indptr"))
    by_columns = isinstance(matrix, ColumnsRecord)
    lines = shape[1] if by_columns else shape[0]
    counts = np.diff(bounds)
    if len(bounds) != lines + 1 or bounds[0] != 0 or (counts < 0).any() or not bounds[-1] == len(minor) == len(values):
        raise ValueError("a sparse matrix whose parts disagree")
    major = np.repeat(np.arange(lines), counts)
    dense = np.zeros(shape, dtype=values.dtype)
    np.add.at(dense, (minor, major) if by_columns else (major, minor), values)
    return dense


def _from_bytes(buffer: Any, type_record: Any, shape: Any, fortran: bool) -> np.ndarray:
    dtype, sizes, data = _number_type(type_record), _shape(shape), _bytes(buffer)
    if math.prod(sizes) * dtype.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes for shape {sizes} of {dtype}")
    return np.frombuffer(data, dtype=dtype).reshape(sizes, order="F" if fortran else "C")


def _number_type(record: Any) -> np.dtype:
    if not isinstance(record, TypeRecord) or not record.arguments or not isinstance(record.state, tuple):
        raise ValueError("a type that is none")
    code, order = record.arguments[0], record.state[1] if len(record.state) > 1 else None
    if not isinstance(code, str) or not NUMBER_TYPE.fullmatch(code) or order not in BYTE_ORDERS:
        raise ValueError(f"values of type {ascii(code)[:MAX_SHOWN]}")
    return np.dtype(f"{order}{code}")


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, Record):
        value = decode(value).tolist()
    if not isinstance(value, (tuple, list)):
        raise ValueError("a shape that is none")
    sizes = tuple(int(decode(size).item()) if isinstance(size, ScalarRecord) else size for size in value)
    if not all(isinstance(size, int) and 0 <= size <= MAX_ELEMENTS for size in sizes):
        raise ValueError("a shape that is none")
    return sizes


def _indices(value: Any) -> np.ndarray:
    indices = decode(value).ravel()
    if indices.dtype.kind not in "iu" or (indices.size and int(indices.min()) < 0):
        raise ValueError("indices that are none")
    return indices.astype(np.int64)


def _bytes(value: Any) -> bytes:
    if isinstance(value, EncodedRecord):
        value = value.arguments[0] if value.arguments else None
    if isinstance(value, str):  # a byte string of Python 2
        return value.encode("latin1")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise ValueError("an array without its bytes")


def _expect_tuple(value: Any, length: int) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or len(value) != length:
        raise ValueError("a numpy object that is cut short")
    return value
