"""Plain data to nested frozen dataclasses and back, strictly: the dataclasses ARE the schema.

Supported field types: bool, int, float, str, Path, Literal, `Annotated` numbers with bounds (`Gt`, `Ge`, `Lt`, `Le`),
tuples of anything supported, dataclasses, `X | None` (null switches a section off), and unions of dataclasses told
apart by a `Literal` field that each has under the same name.

    config = from_mapping(Config, {"energy": {"keypoints": {"sigma_px": 4}}}, where="configs/default.yaml")
    to_mapping(config)                          # plain data again, with every default filled in
"""

import dataclasses
import difflib
import types
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fitter.config.expected import describe_type, describe_value
from fitter.errors import InputError
from fitter.untrusted import quoted

T = TypeVar("T")

# Strict: a number is accepted for a float, a text never is; NaN and infinity are no values.
_SCALARS = ConfigDict(strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class _Spot:
    """Where a value stands: the file, and the dotted key inside it."""

    where: str
    key: str = ""

    def child(self, name: str) -> "_Spot":
        return _Spot(self.where, f"{self.key}.{name}" if self.key else name)

    def refuse(self, sentence: str) -> NoReturn:
        raise InputError(": ".join(part for part in (self.where, quoted(self.key), sentence) if part))


def from_mapping(cls: type[T], mapping: object, where: str) -> T:
    """An instance of the dataclass `cls` with the values of `mapping`, and its defaults for absent keys.

    `where` (a file, or "command line") begins every error. Raises InputError for an unknown key (with a suggestion), a
    missing one, or a value of the wrong type or range, naming the dotted key, what was expected and what came.
    """
    return cast(T, _read_dataclass(cls, mapping, _Spot(where)))


def from_value(annotation: object, value: object, where: str) -> object:
    """`value` as the type `annotation`; `where` begins every error and names the unit by its last word.

    Raises InputError as `from_mapping` does.
    """
    return _read(annotation, value, _Spot("", where))


def to_mapping(config: object) -> dict[str, object]:
    """Plain dicts, lists and scalars with the values of the dataclass `config`, for YAML or JSON."""
    plain = _plain(config)
    if not isinstance(plain, dict):
        raise TypeError(f"a dataclass is expected, got {type(config).__name__}")
    return plain


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean X?` with the known word nearest to `word`, or the few there are, or nothing."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean {near[0]}?"
    return f", expected one of {', '.join(names)}" if 0 < len(names) <= 12 else ""


def field_types(cls: type) -> dict[str, object]:
    """The type of each field that can be given, with its bounds, in the order of declaration."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def members(annotation: object) -> tuple[object, ...]:
    """The members of a union, `Annotated` and nested unions opened; the type itself where it is no union."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in members(part))
    if get_origin(annotation) is Annotated and get_origin(get_args(annotation)[0]) in (Union, types.UnionType):
        return members(get_args(annotation)[0])
    return (annotation,)


def kinds(annotation: object) -> tuple[object, ...]:
    """The members of a union without their bounds: bool, int, float, str, Path, a dataclass, ..."""
    return tuple(get_args(member)[0] if get_origin(member) is Annotated else member for member in members(annotation))


def _read(annotation: object, value: object, spot: _Spot) -> object:
    """`value` as `annotation` wants it: the way through sections and lists down to the scalars."""
    options = members(annotation)
    if value is None and type(None) in options:
        return None
    sections = [option for option in options if dataclasses.is_dataclass(option)]
    if sections and (isinstance(value, dict) or len(sections) == len(options)):
        return _read_dataclass(_choose(cast("list[type]", sections), value, spot), value, spot)
    for kind in kinds(annotation):
        if get_origin(kind) is tuple and isinstance(value, list | tuple):
            return _read_tuple(get_args(kind), value, spot)
    return _read_scalar(annotation, value, spot)


def _read_dataclass(cls: type, value: object, spot: _Spot) -> object:
    if not isinstance(value, dict):
        spot.refuse(f"expected a section with keys, got {describe_value(value)}")
    known = field_types(cls)
    for key in value:
        if key not in known:
            spot.child(str(key)).refuse(f"unknown key{suggestion(str(key), known)}")
    for field in dataclasses.fields(cls):
        if _required(field) and field.name not in value:
            spot.child(field.name).refuse(f"missing, expected {describe_type(known[field.name], field.name)}")
    values = {name: _read(known[name], entry, spot.child(name)) for name, entry in value.items()}
    try:
        return cls(**values)
    except ValueError as error:
        spot.refuse(str(error))


def _required(field: "dataclasses.Field[object]") -> bool:
    missing = dataclasses.MISSING
    return field.init and field.default is missing and field.default_factory is missing


def _choose(sections: list[type], value: object, spot: _Spot) -> type:
    """The one dataclass of a union that `value` names by their common Literal field."""
    if len(sections) == 1 or not isinstance(value, dict):
        return sections[0]
    shared = set.intersection(
        *({name for name, hint in field_types(cls).items() if _is_literal(hint)} for cls in sections)
    )
    if len(shared) != 1:
        raise TypeError(f"{spot.key}: a union of dataclasses needs one Literal field that all have, got {shared}")
    (tag,) = shared
    by_name = {name: cls for cls in sections for name in get_args(field_types(cls)[tag])}
    names = ", ".join(map(str, by_name))
    if tag not in value:
        spot.child(tag).refuse(f"missing, expected one of {names}")
    name = value[tag]
    if not isinstance(name, str) or name not in by_name:
        spot.child(tag).refuse(f"expected one of {names}, got {describe_value(name)}")
    return by_name[name]


def _is_literal(annotation: object) -> bool:
    return get_origin(annotation) is Literal


def _read_tuple(
    wanted: tuple[object, ...], value: list[object] | tuple[object, ...], spot: _Spot
) -> tuple[object, ...]:
    if len(wanted) == 2 and wanted[1] is Ellipsis:
        wanted = (wanted[0],) * len(value)
    if len(wanted) != len(value):
        spot.refuse(f"expected a list of {len(wanted)}, got {describe_value(value)}")
    return tuple(
        _read(entry, item, spot.child(str(i))) for i, (entry, item) in enumerate(zip(wanted, value, strict=True))
    )


def _read_scalar(annotation: object, value: object, spot: _Spot) -> object:
    if isinstance(value, str) and Path in kinds(annotation):
        return Path(value)
    adapter = TypeAdapter(cast("type[object]", annotation), config=_SCALARS)
    try:
        return adapter.validate_python(value)
    except ValidationError:
        spot.refuse(f"expected {describe_type(annotation, spot.key)}, got {describe_value(value)}")


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in field_types(type(value))}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a configuration")
