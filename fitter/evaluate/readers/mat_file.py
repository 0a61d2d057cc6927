"""One array of numbers out of a MATLAB file of version 5 to 7, as bytes that anybody may have written.

(scipy's reader of such files crashes the process on some damaged ones.)

    read_mat_array(Path("B1Counting_BB.mat"), "handPara")        # (3, 21, 1500)

Layout: "MAT-File Format" of MathWorks, chapter "Level 5 MAT-File Format".
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.untrusted import read_regular

MOST_BYTES = 64 * 2**20  # of a file, and of what one of its variables unpacks to
HEADER_BYTES = 128
FLAGS_BYTES, MOST_DIMENSIONS, MOST_NAME_BYTES = 8, 8, 63

# Types of data elements (table 1-1). A matrix may keep its numbers in any type that holds them.
COMPRESSED, MATRIX = 15, 14
NUMBER_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# Classes of matrices that hold plain numbers (table 1-3): double to 64-bit integers.
NUMBER_CLASSES = range(6, 16)
COMPLEX_FLAG = 0x08  # in the byte above the class


def read_mat_array(path: Path, name: str) -> Float[np.ndarray, "..."]:
    """The real array called `name`. Raises InputError where the file is broken or has no such array."""
    wanted = f"expected a MATLAB file of version 5 to 7 with an array '{name}'"
    try:
        data = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {wanted}") from None
    try:
        array = _find(data, name)
    except (ValueError, struct.error, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}): {wanted}") from None
    if array is None:
        raise InputError(f"{path} has no '{name}': {wanted}")
    return array


def _find(data: bytes, name: str) -> Float[np.ndarray, "..."] | None:
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES // 2**20} MB")
    order = {b"IM": "<", b"MI": ">"}.get(data[HEADER_BYTES - 2 : HEADER_BYTES])
    if order is None:
        raise ValueError("no header of this kind")
    for kind, content in _elements(data[HEADER_BYTES:], order):
        if kind == COMPRESSED:
            unpacker = zlib.decompressobj()
            inflated = unpacker.decompress(content, MOST_BYTES)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise ValueError("a variable that is cut short or too large")
            kind, content = next(_elements(inflated, order), (0, b""))
        if kind == MATRIX:
            array = _matrix(content, order, name)
            if array is not None:
                return array
    return None


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The type and content of the data elements that follow one another in `data`."""
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        start, padding = place + 8, 0 if kind == COMPRESSED else -size % 8  # others begin at multiples of 8 bytes
        if kind >> 16:  # a small element: the size stands above the type, the content in the tag itself
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
            padding = 4 - size
        if start + size > len(data) or padding < 0:
            raise ValueError("an element that is cut short")
        yield kind, data[start : start + size]
        place = start + size + padding


def _matrix(content: bytes, order: str, name: str) -> Float[np.ndarray, "..."] | None:
    """The numbers of a matrix if it is the one called `name`."""
    parts = _elements(content, order)
    header = [part for _, part in zip(range(3), parts, strict=False)]
    if len(header) < 3:
        raise ValueError("a matrix without its header")
    (_, flags), (_, dimensions), (_, label) = header
    if label[:MOST_NAME_BYTES] != name.encode():
        return None
    if len(flags) != FLAGS_BYTES or len(dimensions) % 4 or len(dimensions) > 4 * MOST_DIMENSIONS:
        raise ValueError("a matrix with a broken header")
    flag = struct.unpack_from(f"{order}I", flags)[0]
    if flag & 0xFF not in NUMBER_CLASSES or flag >> 8 & COMPLEX_FLAG:
        raise ValueError(f"'{name}' is no array of real numbers")
    kind, numbers = next(parts, (0, b""))
    if kind not in NUMBER_TYPES:
        raise ValueError(f"'{name}' is no array of real numbers")
    values = np.frombuffer(numbers, dtype=f"{order}{NUMBER_TYPES[kind]}").astype(np.float64)
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    if any(size < 0 for size in shape):
        raise ValueError("a matrix of negative size")
    return values.reshape(shape, order="F")
