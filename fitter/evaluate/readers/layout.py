"""What a reader of a published data set is, and how its layout is recognised in a folder.

A layout is one file of this package: its `LAYOUT` says by which files it is known and opens it as a `Reader`.

    LAYOUT = Layout("RHD", ("training/anno_training.pickle",), open_rhd)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.hand import AnnotatedHand, ImageSequence, Split

# No length in any unit, angle or pixel: products of three such numbers are still finite.
MOST = 1e30


class Reader(Protocol):
    """A data set on disk. Opening it checks that its parts are there and agree; a hand is read when it is asked for."""

    @property
    def name(self) -> str:
        """What the data set is called."""
        ...

    @property
    def sequences(self) -> tuple[ImageSequence, ...]:
        """All its sequences, in a fixed order."""
        ...

    def hand(self, sequence: ImageSequence, index: int) -> AnnotatedHand:
        """Hand `index` (0 to length - 1) of one of `sequences`. Raises InputError where its files are broken."""
        ...


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk.

    `signs` are patterns of paths in its folder, each found in no other data set: one is enough to recognise it, so that
    `open` can say what is missing from half a data set. `form` is what is expected, for the message.
    """

    name: str
    signs: tuple[str, ...]
    form: str
    open: Callable[[Path], Reader]

    def n_signs(self, folder: Path) -> int:
        """How many of the signs `folder` shows."""
        return sum(next(folder.glob(sign), None) is not None for sign in self.signs)


def hands(reader: Reader, split: Split | None = None) -> Iterator[AnnotatedHand]:
    """All hands of a data set, or of one split of it, one after the other."""
    for sequence in reader.sequences:
        if split is None or sequence.split == split:
            for index in range(sequence.length):
                yield reader.hand(sequence, index)


def needed(path: Path, layout: str) -> Path:
    """`path`, which the layout cannot do without. Raises InputError where it is missing."""
    if not path.exists():
        raise InputError(f"{path} is missing: the layout of {layout} has it")
    return path


def checked_array(value: object, shape: tuple[int, ...], where: str) -> Float[np.ndarray, "..."]:
    """A copy of `value` as finite numbers of `shape`. Raises InputError, naming `where`."""
    try:
        given = np.array(value)
        if given.dtype.kind == "c":
            raise TypeError("complex numbers")
        array = given.astype(np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{where}: is no array of numbers, expected shape {shape}") from None
    if array.size != np.prod(shape) or array.squeeze().shape != np.empty(shape).squeeze().shape:
        raise InputError(f"{where}: has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{where}: holds a number that is not finite")
    if array.size and np.abs(array).max() > MOST:
        raise InputError(f"{where}: holds a number beyond all measure")
    return array.reshape(shape)


def checked_intrinsics(value: object, where: str) -> Float[np.ndarray, "3 3"]:
    """`value` as an intrinsic matrix without skew. Raises InputError, naming `where`."""
    matrix = checked_array(value, (3, 3), where)
    (fx, _, cx), (_, fy, cy), _ = matrix.tolist()
    plain = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    if not (fx > 0 and fy > 0 and np.allclose(matrix, plain, rtol=0, atol=1e-6 * max(fx, fy))):
        raise InputError(f"{where}: is no camera matrix, expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels")
    return plain
