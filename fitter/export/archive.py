"""Archives of plain arrays (`.npz`) that hold one dataclass each: written without pickles, read with every doubt.

    write_archive(path, arrays)
    arrays = read_archive(file, "the result.npz of a fit")
    find_wrong_shape(result)                            # "joints_m: expected float32 of shape (...), got ..."

Not compressed: float noise shrinks by a tenth, and compressing it takes longer than the fit.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import jaxtyping._decorator
import numpy as np
from jaxtyping import AbstractArray, jaxtyped

from fitter.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = "format_version"


def write_archive(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `numpy.savez`, which on a full disk leaves an archive open that complains on stderr when it is collected."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_archive(file: Path, expected: str) -> dict[str, np.ndarray]:
    """All arrays of an archive; raises InputError, one sentence, where it cannot be read or is damaged."""
    damaged = f"{file}: damaged or not a result of a fit, expected an .npz archive of arrays"
    try:
        with file.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise InputError(damaged)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as loaded:
                return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise InputError(f"{file}: cannot be read ({reason}), expected {expected}") from error
    except (ValueError, EOFError, KeyError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(damaged) from error


def require_version(arrays: Mapping[str, np.ndarray], wanted: int, file: Path) -> None:
    """Raise InputError where the arrays are of another version: their numbers would be misread."""
    if VERSION not in arrays:
        raise InputError(f"{file}: no {VERSION}, so not a result of a fit or one by an older handfit; fit again")
    version = arrays[VERSION]
    if version.shape != () or version.dtype.kind != "i" or int(version) != wanted:
        raise InputError(f"{file}: its {VERSION} is {version}, this handfit reads {wanted}; fit again")


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
