"""A JSON list of nested lists of numbers too large to load, each element read when it is asked for.

FreiHAND's vertices are 1.5 GB of text, which Python's reader turns into ten times as much. The file is walked over once
for where its elements begin and end; with numbers only, that is where the brackets say.

    lists = index_number_lists(Path("training_xyz.json"))
    lists.array(12, (21, 3))
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Int

from fitter.errors import InputError
from fitter.evaluate.readers.layout import checked_array
from fitter.untrusted import open_regular

CHUNK_BYTES = 16 * 2**20
MOST_DEPTH = 4  # of lists: rows of a matrix of an element of the file are 3
MOST_ELEMENT_BYTES = 2**20  # 778 vertices with 20 digits each are 50 kB
MOST_SEPARATOR_BYTES = 64  # a comma and the indent of a pretty printer

OPEN, CLOSE = ord("["), ord("]")
ALLOWED = b"0123456789+-.eE,[] \t\r\n"


@dataclass(frozen=True)
class NumberLists:
    """The elements of one file: element i lies in bytes `bounds[i]`."""

    path: Path
    bounds: Int[np.ndarray, "elements 2"] = field(repr=False)

    def __len__(self) -> int:
        return len(self.bounds)

    def array(self, index: int, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Element `index` as an array of `shape`. Raises InputError where it is none."""
        where = f"{self.path}, element {index}"
        start, end = self.bounds[index].tolist()
        try:
            with open_regular(self.path) as file:
                file.seek(start)
                value = json.loads(file.read(end - start))
        except (OSError, ValueError, RecursionError):
            raise InputError(f"{where}: cannot be read, expected a list of numbers") from None
        return checked_array(value, shape, where)


def index_number_lists(path: Path) -> NumberLists:
    """Find the elements of the list in the file. Raises InputError where it is no list of lists of numbers."""
    try:
        bounds = _bounds(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected a JSON file of numbers") from None
    except ValueError as error:
        raise InputError(f"{path} is no JSON list of lists of numbers: {error}") from None
    return NumberLists(path, bounds)


def _bounds(path: Path) -> Int[np.ndarray, "elements 2"]:
    """(start, end) of every list at depth 2; ValueError with the reason where the brackets do not fit."""
    starts, ends, depth, offset = [], [], 0, 0
    with open_regular(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            data = np.frombuffer(chunk, dtype=np.uint8)
            if foreign := chunk.translate(None, ALLOWED):
                raise ValueError(f"byte {offset + chunk.index(foreign[:1])} belongs to no number")
            if offset == 0 and not chunk.lstrip().startswith(b"["):
                raise ValueError("it does not begin with a list")
            places = np.flatnonzero((data == OPEN) | (data == CLOSE))
            steps = np.where(data[places] == OPEN, 1, -1)
            depths = depth + np.cumsum(steps)
            if (depths < 0).any() or (depths > MOST_DEPTH).any():
                raise ValueError("its brackets do not match")
            starts.append(places[(steps > 0) & (depths == 2)] + offset)
            ends.append(places[(steps < 0) & (depths == 1)] + offset + 1)
            depth = int(depths[-1]) if len(depths) else depth
            offset += len(chunk)
        if depth != 0 or offset == 0:
            raise ValueError("it is cut short")
        bounds = np.stack([np.concatenate(starts), np.concatenate(ends)], axis=1)
        if (np.diff(bounds, axis=1) > MOST_ELEMENT_BYTES).any():
            raise ValueError(f"an element has more than {MOST_ELEMENT_BYTES // 2**20} MB")
        _check_separators(file, bounds, offset)
    return bounds


def _check_separators(file: BinaryIO, bounds: Int[np.ndarray, "elements 2"], end: int) -> None:
    """Between the elements stand single commas, around them the list's brackets: nothing else at its depth."""
    if not len(bounds):
        raise ValueError("it holds no list")
    wanted = [b"[", *[b","] * (len(bounds) - 1), b"]"]
    gaps = zip([0, *bounds[:, 1].tolist()], [*bounds[:, 0].tolist(), end], wanted, strict=True)
    for start, stop, separator in gaps:
        file.seek(start)
        if stop - start > MOST_SEPARATOR_BYTES or file.read(stop - start).strip() != separator:
            raise ValueError(f"its elements are not all lists (at byte {start})")
