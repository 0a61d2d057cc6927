"""Archives of plain arrays (`.npz`) that hold one dataclass each: written without pickles, read with every doubt.

    write_archive(path, arrays)
    arrays = read_archive(file, "the result.npz of a fit")
    find_wrong_shape(result)                            # "joints_m: expected float32 of shape (...), got ..."

Not compressed: float noise shrinks by a tenth, and compressing it takes longer than the fit. So an hour's arrays need
no memory either: they lie in the file as they would in memory, and are mapped from there. What a program writes into
a mapped array stays its own.
"""

import math
import mmap
import shutil
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import jaxtyping._decorator
import numpy as np
from jaxtyping import AbstractArray, jaxtyped

from fitter.errors import InputError
from fitter.untrusted import Damaged, open_regular, quoted
from fitter.untrusted.arrays import FAULTS, read_array, read_header, usable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = "format_version"


# Where an array's numbers begin in the file, in bytes: any type may be read from there in place.
ALIGNMENT = 64
# A local header of a zip archive: its fixed part, the sizes beyond 4 GB, and the field that fills up (PKZIP APPNOTE
# 4.3.7, 4.5.3; the number is the one that Android's zipalign uses).
FIXED_HEADER, LARGE_SIZES, FILLER = 30, 20, struct.Struct("<HH")
FILLER_ID = 0xD935
AT_ONCE = 1 << 20  # bytes checked at once
MOST_UNPACKED = 1 << 30  # bytes of an array that is not mapped: numpy.savez_compressed may have packed a result again


def write_archive(path: Path, arrays: Mapping[str, np.ndarray | Path]) -> None:
    """As `numpy.savez`, each array at a place from which it can be mapped; a path names the `.npy` file of one.

    Unlike `numpy.savez` it leaves no archive open on a full disk, to complain on stderr when it is collected.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(_aligned(archive, f"{name}.npy"), "w", force_zip64=True) as member:
                if isinstance(array, Path):
                    with array.open("rb") as file:
                        shutil.copyfileobj(file, member, AT_ONCE)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def _aligned(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The next member, with as much filling that its content starts at a multiple of ALIGNMENT."""
    info = zipfile.ZipInfo(name)
    start = archive.start_dir + FIXED_HEADER + len(name.encode()) + LARGE_SIZES + FILLER.size
    filling = -start % ALIGNMENT
    info.extra = FILLER.pack(FILLER_ID, filling) + bytes(filling)
    return info


def read_archive(file: Path, expected: str) -> dict[str, np.ndarray]:
    """All arrays of an archive, mapped from the file; raises InputError, one sentence, where it cannot be read or is
    damaged.
    """
    damaged = f"{file}: damaged or not a result of a fit, expected an .npz archive of arrays"
    try:
        with open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            return {info.filename.removesuffix(".npy"): _read(archive, info, mapped) for info in archive.infolist()}
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise InputError(f"{file}: cannot be read ({reason}), expected {expected}") from error
    except (Damaged, *FAULTS) as error:
        raise InputError(damaged) from error


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, mapped: mmap.mmap) -> np.ndarray:
    """One array: mapped where it lies as `write_archive` left it, else read, if it is no larger than it says."""
    with archive.open(info) as member:
        shape, in_columns, dtype = read_header(member, info.filename)
        start, size = member.tell(), math.prod(shape) * dtype.itemsize
        if size != info.file_size - start:
            raise Damaged(f"{info.filename}: not as large as it says")
        can_be_mapped = info.compress_type == zipfile.ZIP_STORED and not in_columns and size > 0
        while can_be_mapped and member.read(AT_ONCE):  # to its end, where its checksum is compared
            pass
    if can_be_mapped:
        array = np.frombuffer(mapped, dtype, math.prod(shape), _content(mapped, info) + start).reshape(shape)
        return usable(array if array.flags.aligned else array.copy(), info.filename)
    if size > MOST_UNPACKED:
        raise Damaged(f"{info.filename}: too large for an array that a fit has not written itself")
    return read_array(archive, info, info.filename)


def _content(mapped: mmap.mmap, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its own header, whose filling need not be that of the directory."""
    name, extra = struct.unpack_from("<HH", mapped, info.header_offset + FIXED_HEADER - 4)
    return info.header_offset + FIXED_HEADER + name + extra


def require_version(arrays: Mapping[str, np.ndarray], wanted: int, file: Path) -> None:
    """Raise InputError where the arrays are of another version: their numbers would be misread."""
    if VERSION not in arrays:
        raise InputError(f"{file}: no {VERSION}, so not a result of a fit or one by an older handfit; fit again")
    version = arrays[VERSION]
    if version.shape != () or version.dtype.kind != "i" or int(version) != wanted:
        raise InputError(f"{file}: its {VERSION} is {quoted(version)}, this handfit reads {wanted}; fit again")


def typed(arrays: Mapping[str, np.ndarray], name: str, kind: str, axes: int, file: Path) -> np.ndarray:
    """An array of Python scalars, of numpy's dtype `kind` and with this many axes; else InputError."""
    array = arrays[name]
    if array.dtype.kind != kind or array.ndim != axes:
        expected = {"U": "text", "b": "true or false", "i": "whole numbers", "f": "a number"}[kind]
        shape = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"{file}: {name}: expected {expected} with {axes} axes, got {shape}")
    return array


def find_wrong_shape(held: "DataclassInstance") -> str | None:
    """An array whose type or shape is not what the annotation says, the named axes being the same in all arrays."""
    # For the tracebacks of programs that use JAX, jaxtyping would load it wherever it is installed: half a second.
    jaxtyping._decorator._tb_flag = False  # pyright: ignore[reportAttributeAccessIssue]
    with jaxtyped("context"):
        for name, hint in get_type_hints(type(held)).items():
            if not (isinstance(hint, type) and issubclass(hint, AbstractArray)):
                continue
            array = getattr(held, name)
            if not isinstance(array, hint):
                wanted = f"{hint.dtypes[0].rstrip('_')} of shape ({hint.dim_str.replace(' ', ', ')})"
                return f"{name}: expected {wanted}, got {array.dtype} of shape {array.shape}"
    return None
