"""Archives of more frames than memory holds: rows are put into their places as windows of frames come.

    with StreamedArchive(folder / "result.npz", n_frames) as archive:
        for part in parts:                           # dataclasses of arrays, each of the next few frames
            archive.add(part, arrays_of(part))
        archive.pack(path)

Which of a dataclass's arrays have a row per frame, and on which axis, its annotations say. Until they are packed the
rows lie in hidden files beside the archive, which are swept like all that a killed writer leaves (`atomic`).
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, TypeVar, get_type_hints

import numpy as np
from jaxtyping import AbstractArray

from fitter.export.archive import write_archive
from fitter.export.atomic import explained, temporary_name

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Held = TypeVar("Held", bound="DataclassInstance")

FRAMES = "frames"


class StreamedArchive:
    """The arrays of a clip of `n_frames`, window by window; a context, at whose end the hidden files are removed."""

    def __init__(self, path: Path, n_frames: int) -> None:
        self._path, self._n_frames, self._done = path, n_frames, 0
        self._rows: dict[str, _Rows] = {}
        self._constant: dict[str, np.ndarray] = {}
        self._cleanup = ExitStack()

    def __enter__(self) -> "StreamedArchive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def add(self, part: "DataclassInstance", arrays: Mapping[str, np.ndarray]) -> None:
        """Put the next frames into their places; of what has no row per frame the latest stays."""
        axes = frame_axes(type(part))
        lengths = {arrays[name].shape[axis] for name, axis in axes.items()}
        if len(lengths) != 1 or self._done + max(lengths) > self._n_frames:
            raise AssertionError(f"{lengths} frames after {self._done} of {self._n_frames}")
        try:
            for name, array in arrays.items():
                if name not in axes:
                    self._constant[name] = array
                    continue
                if name not in self._rows:
                    shape = (*array.shape[: axes[name]], self._n_frames, *array.shape[axes[name] + 1 :])
                    self._rows[name] = self._cleanup.enter_context(_Rows(self._path, name, shape, axes[name], array))
                self._rows[name].write(self._done, array)
        except OSError as error:
            raise explained(error, self._path) from error
        self._done += lengths.pop()

    def pack(self, path: Path, **constant: np.ndarray) -> None:
        """Write the archive, once every frame has come; `constant` replaces arrays that have no row per frame."""
        if self._done != self._n_frames:
            raise AssertionError(f"{self._done} of {self._n_frames} frames were written")
        files = {name: rows.closed() for name, rows in self._rows.items()}
        write_archive(path, {**files, **self._constant, **constant})


class _Rows:
    """One array in a `.npy` file of its own."""

    def __init__(self, archive: Path, name: str, shape: tuple[int, ...], axis: int, like: np.ndarray) -> None:
        self._path = temporary_name(archive.with_name(f"{name}.npy"))
        self._axis, self._shape, self._type = axis, shape, like.dtype
        self._file: IO[bytes] = self._path.open("wb")
        self._start = 0

    def __enter__(self) -> "_Rows":
        try:
            self._make_room()
        except OSError:
            self.__exit__()
            raise
        return self

    def _make_room(self) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(self._type), "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()
        self._file.truncate(self._start + int(np.prod(self._shape, dtype=object)) * self._type.itemsize)

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, first: int, part: np.ndarray) -> None:
        """The part's frames behind the first ones: one run of bytes for each place before the frames' axis."""
        outer = self._shape[: self._axis]
        if part.dtype != self._type or part.shape[: self._axis] != outer:
            raise AssertionError(f"{self._path.name}: {part.dtype} of {part.shape} among {self._shape}")
        row = int(np.prod(self._shape[self._axis + 1 :], dtype=object)) * self._type.itemsize
        for place, index in enumerate(np.ndindex(*outer)):
            self._file.seek(self._start + (place * self._shape[self._axis] + first) * row, os.SEEK_SET)
            self._file.write(np.ascontiguousarray(part[index]).tobytes())

    def closed(self) -> Path:
        self._file.close()
        return self._path


def frames_of(held: Held, frames: slice) -> Held:
    """The same of some frames; of what has no row per frame all of it."""
    axes = frame_axes(type(held))
    return replace(
        held, **{name: getattr(held, name)[(slice(None),) * axis + (frames,)] for name, axis in axes.items()}
    )


def frame_axes(kind: type) -> dict[str, int]:
    """The arrays of a dataclass that have a row per frame, and on which axis."""
    hints = get_type_hints(kind)
    shapes = {
        name: hint.dim_str.split()
        for name, hint in hints.items()
        if isinstance(hint, type) and issubclass(hint, AbstractArray)
    }
    return {name: shape.index(FRAMES) for name, shape in shapes.items() if FRAMES in shape}
