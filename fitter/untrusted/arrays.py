"""Arrays out of a `.npz` file: nothing is unpacked before its size is checked, and pickles are never read.

    arrays = read_plain_arrays(Path("hands.npz"), {"keypoints_px"}, most_bytes=2**28)     # OSError, Damaged

Only what `numpy.savez` and `savez_compressed` write is read: numbers, truth values and text, stored or deflated.
numpy's own reader believes the headers, and asks for as much memory as they announce.
"""

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Set
from pathlib import Path
from typing import IO

import numpy as np

from fitter.mapped import Growing
from fitter.untrusted.files import open_regular
from fitter.untrusted.quoted import quoted

KINDS = "biufcUS"  # of numpy's types: numbers, truth values and text
CHUNK_BYTES = 2**20
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ENCRYPTED = 0x1  # among a member's flags
LAST_CHARACTER, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)

# What zipfile, zlib and numpy's reader of headers (a parser of Python) raise on damaged files.
FAULTS = (
    *(
        ValueError,
        EOFError,
        RuntimeError,
        LookupError,
        TypeError,
        ArithmeticError,
        AttributeError,
        SyntaxError,
        OSError,
    ),
    *(MemoryError, zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)


class Damaged(Exception):
    """Why a file is no archive of plain arrays, in a few words without its name."""


class Oversized(Damaged):
    """It would unpack to more than may be."""


def read_plain_arrays(path: Path, names: Set[str] | None, most_bytes: int) -> dict[str, np.ndarray]:
    """Those of the named arrays (None: all) that the file holds; others in it are not looked at.

    Raises OSError where it cannot be opened, Damaged where it is no such file or unpacks to over `most_bytes`.
    """
    with open_regular(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                wanted = {name: info for name, info in members.items() if names is None or name in names}
                if sum(info.file_size for info in wanted.values()) > most_bytes:
                    raise Oversized(f"unpacks to more than {most_bytes // 2**20} MiB")
                return {name: read_array(archive, info, name) for name, info in wanted.items()}
        except FAULTS as error:
            raise Damaged(quoted(error)) from None


def read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
    """One member of an archive, which the errors call `name`. Raises Damaged and the FAULTS of the libraries."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & ENCRYPTED:
        raise Damaged(f"{quoted(name)} is packed in another way than numpy.savez does it")
    with archive.open(info) as member:
        shape, fortran, dtype = read_header(member, name)
        size = math.prod(shape) * dtype.itemsize
        # An array may not announce more than its file holds: numpy would make room for it first.
        if size > info.file_size:
            raise Damaged(f"{quoted(name)} is not a plain array as numpy.savez writes it")
        with Growing() as content:
            for start in range(0, size, CHUNK_BYTES):
                part = member.read(min(CHUNK_BYTES, size - start))
                content.add(np.frombuffer(part, np.uint8))
                if len(part) < min(CHUNK_BYTES, size - start):
                    raise Damaged(f"{quoted(name)} is cut short")
            array = content.array().view(dtype) if size else np.empty(0, dtype)
    return usable(array.reshape(shape, order="F" if fortran else "C"), name)


def read_header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type of a `.npy` file that is open at its start.

    Raises Damaged for what is no plain array, and the FAULTS of numpy's reader.
    """
    version = np.lib.format.read_magic(member)
    if version not in HEADERS:
        raise Damaged(f"{quoted(name)} is of .npy version {version}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python's parser, about the text that it is given
        shape, fortran, dtype = HEADERS[version](member)
    if dtype.kind not in KINDS or dtype.hasobject or min(shape, default=0) < 0:
        raise Damaged(f"{quoted(name)} is not a plain array as numpy.savez writes it")
    return shape, fortran, dtype


def usable(array: np.ndarray, name: str) -> np.ndarray:
    """The array in the machine's own order of bytes; truth values are 0 or 1, and text is text."""
    if array.dtype.kind == "b":
        return array.view(np.uint8) != 0
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "U" and array.size:
        characters = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        first, last = SURROGATES
        if ((characters > LAST_CHARACTER) | ((characters >= first) & (characters <= last))).any():
            raise Damaged(f"{quoted(name)} holds what is no text")
    return array
