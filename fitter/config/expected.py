"""What a configuration key expects, in words: `a number above 0 (pixels)`.

describe_type(Annotated[float, Gt(0)], "energy.keypoints.sigma_px")
"""

import dataclasses
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

# The last word of a key's name, and the unit that it stands for.
UNITS = {
    "px": "pixels",
    "mm": "millimetres",
    "m": "metres",
    "deg": "degrees",
    "rad": "radians",
    "s": "seconds",
    "hz": "hertz",
    "fps": "frames per second",
    "percent": "percent",
    "frames": "frames",
}

_PLAIN = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    type(None): "null",
}


def describe_type(annotation: object, key: str = "") -> str:
    """The values that `annotation` allows, with the unit that the last word of `key` (or of an option) names."""
    unit = UNITS.get(key.replace("-", "_").rpartition(".")[2].rpartition("_")[2])
    return f"{_describe(annotation)} ({unit})" if unit else _describe(annotation)


def describe_value(value: object) -> str:
    """How a value from a YAML file is named in an error."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a section" if value else "an empty section"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _describe(annotation: object) -> str:
    origin = get_origin(annotation)
    arguments: tuple[object, ...] = get_args(annotation)
    if origin is Annotated:
        return " ".join([_describe(arguments[0]), *_bounds(arguments[1:])])
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(argument) for argument in arguments)
    if origin is Literal:
        names = ", ".join(map(str, arguments))
        return f"one of {names}" if len(arguments) > 1 else names
    if origin is tuple:
        return "a list"
    if dataclasses.is_dataclass(annotation):
        return "a section with keys"
    if isinstance(annotation, type) and annotation in _PLAIN:
        return _PLAIN[annotation]
    raise TypeError(f"{annotation} has no place in a configuration")


def _bounds(metadata: Iterable[object]) -> list[str]:
    """`above 0`, `from 0`, `to 1`, ... for the bounds among `metadata`."""
    words = []
    for bound in metadata:
        if isinstance(bound, Gt):
            words.append(f"above {bound.gt:g}")
        elif isinstance(bound, Ge):
            words.append(f"from {bound.ge:g}")
        elif isinstance(bound, Lt):
            words.append(f"below {bound.lt:g}")
        elif isinstance(bound, Le):
            words.append(f"to {bound.le:g}")
    return words
