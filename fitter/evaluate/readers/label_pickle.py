"""The dictionaries of numbers that data sets pickle, read without running anything that is written in them.

labels = read_label_pickle(path, MOST_BYTES, MOST_OPCODES, "the labels of HO-3D")
numbers(labels, "handPose", (48,), where)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.readers.layout import checked_array
from fitter.hand.inert_pickle import Kind, load_inert, numpy_names
from fitter.hand.mano_records import Record, decode

ADMITTED = numpy_names()


def read_label_pickle(path: Path, most_bytes: int, most_opcodes: int, called: str) -> Mapping[Any, Any]:
    """The dictionary in a pickle of plain numpy data, its arrays still records.

    Raises InputError for anything else, and for files beyond the bounds, which keep them from filling the memory.
    """
    kind = Kind(ADMITTED, most_bytes, most_opcodes, called, "numpy data", "a dictionary of numpy arrays")
    content = load_inert(path, kind)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no dictionary, expected {called}")
    return content


def numbers(labels: object, key: str, shape: tuple[int, ...], where: str) -> Float[np.ndarray, "..."]:
    """The finite numbers called `key`, of `shape`. Raises InputError, naming `where`, if they are not there."""
    if not isinstance(labels, dict) or key not in labels:
        raise InputError(f"{where}: has no '{key}'")
    value = labels[key]
    if value is None:
        raise InputError(f"{where}: '{key}' is not annotated")
    if isinstance(value, Record):
        try:
            value = decode(value)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise InputError(f"{where}: '{key}' is no array of numbers ({error})") from None
    return checked_array(value, shape, f"{where}, '{key}'")
