"""Arrays out of the pickle that a MANO file is, without running anything that is written in it.

Here are the names that a MANO file needs; `fitter.hand.inert_pickle` answers each by a record which only keeps what it
was given and refuses every other. The records are then decoded to numbers one by one, each checked against its own
bytes. So nothing of numpy, scipy or chumpy is ever called by the file, and none need be importable: the files were made
by Python 2 with releases of all three that are long gone.

    arrays = read_mano_pickle(Path("MANO_RIGHT.pkl"), ("v_template", "J_regressor"))
    arrays["J_regressor"].shape            # (16, 778), dense
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.hand.inert_pickle import Kind, load_inert, numpy_names
from fitter.hand.mano_records import (
    ChRecord,
    ColumnsRecord,
    IgnoredRecord,
    Record,
    RowsRecord,
    SelectRecord,
    decode,
)

# MANO_RIGHT.pkl has 4 MB and fewer than 10 000 opcodes. The bounds keep a hostile file from filling the memory.
MAX_FILE_BYTES = 64 * 2**20
MAX_OPCODES = 100_000


def _admitted() -> dict[tuple[str, str], type[Record]]:
    names = numpy_names()
    names["chumpy.ch", "Ch"] = ChRecord
    names["chumpy.reordering", "Select"] = SelectRecord
    for private in ("", "_"):  # before and after scipy 1.8
        names[f"scipy.sparse.{private}csc", "csc_matrix"] = ColumnsRecord
        names[f"scipy.sparse.{private}csr", "csr_matrix"] = RowsRecord
    for builtins in ("__builtin__", "builtins"):  # Python 2 and 3
        names[builtins, "set"] = IgnoredRecord
    return names


ADMITTED = _admitted()


def read_mano_pickle(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays called `keys` of the dictionary in the pickle at `path`; chumpy evaluated, sparse matrices dense.

    Raises InputError, one sentence, for a name that a MANO file does not hold, a file that is no such pickle, a missing
    key, and a value that is no array of numbers. chumpy's layout: `ch.py` and `reordering.py` of its source.
    """
    holds = "numpy, scipy.sparse and chumpy data"
    kind = Kind(ADMITTED, MAX_FILE_BYTES, MAX_OPCODES, "a MANO model", holds, "MANO_RIGHT.pkl (4 MB)")
    content = load_inert(path, kind)
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
