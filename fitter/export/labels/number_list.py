"""A JSON list of arrays that grows one by one, so that a data set's worth of vertices is never in memory.

with ExitStack() as files:
    lists = NumberList(Path("training_xyz.json"), files)
    lists.add(joints_m)
    lists.finish()
"""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Float

# Of metres, radians and pixels alike: a tenth of a micrometre. Vertices are a third of the size they have with all
# digits.
DECIMALS = 7


class NumberList:
    """One element per line; the file, which `files` closes, is no JSON before it is finished."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._file = files.enter_context(path.open("w", encoding="ascii"))
        self._file.write("[")
        self._count = 0

    def add(self, array: Float[np.ndarray, "..."]) -> None:
        self._file.write(",\n" if self._count else "")
        json.dump(rounded(array), self._file)
        self._count += 1

    def finish(self) -> None:
        self._file.write("]\n")
        self._file.close()


def rounded(array: Float[np.ndarray, "..."]) -> list[object]:
    """Nested lists of numbers with DECIMALS digits."""
    return np.round(np.asarray(array, dtype=np.float64), DECIMALS).tolist()
