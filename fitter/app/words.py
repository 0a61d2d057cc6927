"""Options out of the words of a command line: a frozen dataclass in, one of its instances or one sentence out.

    @dataclass(frozen=True)
    class Look:
        "Look at results."
        results: conf.Positional[tuple[Path, ...]]
        colour: Literal["plain", "texture"] = "plain"

    read_options(Look, ["results/clip", "--colour", "texture"], prog="python -m fitter.look")

Words are read here and not by tyro, so that an error is one sentence, worded as for YAML, and names may be written with
dashes or underscores. tyro writes the help, from the same dataclass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, get_args, get_origin

from tyro import cli, conf

from fitter.config.expected import describe_type
from fitter.config.strict_yaml import parse_yaml
from fitter.config.structure import field_types, from_value, kinds, suggestion
from fitter.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class Given:
    """One option as it was given: its name with underscores, the words after it (None: a flag), its name as written."""

    name: str
    texts: tuple[str, ...] | None
    written: str

    def one_text(self) -> str:
        """The option's single value; raises InputError where there is none."""
        if not self.texts or not self.texts[0]:
            raise InputError(f"{self.written}: expected a value")
        return self.texts[0]


def read_options(cls: type[T], words: Sequence[str], prog: str) -> T:
    """An instance of the dataclass `cls`; raises InputError, one sentence, for anything wrong in the words.

    `--help` prints the help, headed by the docstring of `cls`, and raises SystemExit(0).
    """
    if "--help" in words or "-h" in words:
        print_help(cls, prog)
    hints = field_types(cls)
    options: dict[str, object] = {}
    # `run_command` has read --debug already.
    words = [word for word in words if word != "--debug" or "debug" in hints]
    for given in split_words(words, hints):
        if given.name not in hints:
            names = [name.replace("_", "-") for name, hint in hints.items() if not is_positional(hint)]
            raise InputError(f"unknown option --{given.written.removeprefix('--')}{_nearest(given, names)}")
        if given.name in options:
            raise InputError(f"{given.written} is given twice")
        options[given.name] = read_option(given, hints[given.name])
    for field in fields(cls):
        if field.name not in options and _is_required(field):
            hint = hints[field.name]
            name = metavar(field.name, hint) if is_positional(hint) else f"--{field.name.replace('_', '-')}"
            raise InputError(f"{name} is missing, expected {_what(hint, field.name)} (--help explains)")
    return cls(**options)


def split_words(words: Sequence[str], hints: Mapping[str, object]) -> Iterator[Given]:
    """The options in their order. Words without dashes are the positional option's; an option of several values takes
    all words up to the next one.

    Raises InputError for an option that is none by its form, or that lacks its value.
    """
    place = next((name for name, hint in hints.items() if is_positional(hint)), None)
    standing: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, text = word[2:].partition("=")
        name = name.replace("-", "_")
        if word == "--":  # from here on no word is an option, though it begins like one
            for name in rest:
                if place is None or (standing and not takes_several(hints[place])):
                    raise InputError(f"{name}: expected {'no' if place is None else f'one {metavar_of(hints)} only'}")
                standing.append(name)
            break
        if not word.startswith("-"):
            if place is None or (standing and not takes_several(hints[place])):
                raise InputError(f"{word}: expected {'no' if place is None else f'one {metavar_of(hints)} only'}")
            standing.append(word)
        elif not word.startswith("--") or not name or name == place:
            raise InputError(f"unknown option {word} (--help lists them)")
        elif bool in kinds(hints.get(name)):
            yield Given(name, (text,) if equals else None, f"--{word[2:].partition('=')[0]}")
        elif equals:
            yield Given(name, (text,), word.partition("=")[0])
        else:
            yield Given(name, _values(word, rest, takes_several(hints.get(name))), word)
    if place is not None and standing:
        yield Given(place, tuple(standing), metavar_of(hints))


def _values(option: str, rest: list[str], several: bool) -> tuple[str, ...]:
    """The words of an option, taken out of `rest`."""
    taken: list[str] = []
    while rest and not rest[0].startswith("--") and (several or not taken):
        taken.append(rest.pop(0))
    if not taken and rest:
        raise InputError(f"{option}: expected a value, got the option {rest[0]}")
    return tuple(taken)


def read_option(given: Given, hint: object) -> object:
    """The value of an option: paths and free texts as they stand, all others as in YAML."""
    if bool in kinds(hint):
        if given.texts is not None:
            raise InputError(f"{given.written}: takes no value, got {given.texts[0]!r}")
        return True
    if not takes_several(hint):
        return _value(given.one_text(), hint, given.written)
    if not given.texts:
        raise InputError(f"{given.written}: expected at least one value")
    item = next(get_args(kind)[0] for kind in kinds(hint) if get_origin(kind) is tuple)
    return tuple(_value(text, item, given.written) for text in given.texts)


def _value(text: str, hint: object, where: str) -> object:
    as_it_stands = str in kinds(hint) or Path in kinds(hint)
    return from_value(hint, text if as_it_stands else parse_yaml(text, where), where)


def takes_several(hint: object) -> bool:
    """Whether an option of this type has one value or more: it is a tuple of any length."""
    return any(get_origin(kind) is tuple for kind in kinds(hint))


def is_positional(hint: object) -> bool:
    """Whether tyro's `conf.Positional` marks this type."""
    return get_origin(hint) is Annotated and get_args(conf.Positional[int])[-1] in get_args(hint)[1:]


def metavar_of(hints: Mapping[str, object]) -> str:
    """The name in capitals of the positional option."""
    return next(metavar(name, hint) for name, hint in hints.items() if is_positional(hint))


def metavar(name: str, hint: object) -> str:
    """The name in capitals that the help gives an option."""
    named = (getattr(part, "metavar", None) for part in get_args(hint)[1:])
    return next((str(each) for each in named if each), name.upper())


def _what(hint: object, name: str) -> str:
    if takes_several(hint):
        item = next(get_args(kind)[0] for kind in kinds(hint) if get_origin(kind) is tuple)
        return f"one or more of {describe_type(item, name)}"
    return describe_type(hint, name)


def _is_required(field: "Field[Any]") -> bool:
    return field.init and field.default is MISSING and field.default_factory is MISSING


def _nearest(given: Given, names: Sequence[str]) -> str:
    near = suggestion(given.name.replace("_", "-"), names)
    return near.replace("did you mean ", "did you mean --") if "did you mean" in near else " (--help lists them)"


def print_help(cls: type, prog: str) -> NoReturn:
    """Print tyro's help for the dataclass on stdout; raises SystemExit(0)."""
    cli(cls, prog=prog, description=cleandoc(cls.__doc__ or ""), args=["--help"], config=(conf.AvoidSubcommands,))
    raise SystemExit(0)
