"""The page of all commands, from the dataclasses that hold their options.

write_command_line()
"""

import dataclasses
from typing import Annotated, Literal, get_args, get_origin

from tyro import conf

from docs.writers.members import class_text, field_texts
from docs.writers.table import code, table
from fitter.app.options import Command
from fitter.config.expected import describe_type
from fitter.config.structure import field_types, kinds, members

_ARG = type(conf.arg())
_POSITIONAL = get_args(conf.Positional[int])[1]

INTRODUCTION = """# Command line

<!-- written by docs/writers/command_line.py from the dataclasses of the options -->

Names may be written with dashes or underscores, values after a space or `=`. Errors are one sentence on stderr, with the
exit status 2 where the input or the configuration is unusable, 3 where no hand was found, 130 after Ctrl-C, and 1 for
anything else; `--debug` shows where one arose. `--help` after any command lists the same options.

"""


def write_command_line() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION, write_command("handfit", Command)]
    parts.append(
        "Every key of the [configuration](configuration.md) is an option, too, by its dotted name: "
        "`--energy.keypoints.sigma-px 3`; `null` switches a term off. Without an installation, `python fit_sequence.py` "
        'in the repository is `handfit`, and `make fit INPUT=clip.mp4 OUTPUT=DIR ARGS="..."` sets everything up before.\n'
    )
    return "\n".join(parts)


def write_command(name: str, options: type) -> str:
    """One command: what it does, how it is called, and its options."""
    hints, texts = field_types(options), field_texts(options)
    defaults = {field.name: field for field in dataclasses.fields(options)}
    positional = [option for option in hints if _is_positional(hints[option])]
    call = " ".join([name, *(_metavar(hints[option], option) for option in positional), "[OPTIONS]"])
    rows = [
        (_name(option, hints[option]), _values(option, hints[option]), _default(defaults[option], hints[option]), text)
        for option, text in ((option, texts.get(option, "")) for option in hints)
    ]
    about = class_text(options).partition("\n\n")[0]
    return f"## {name}\n\n{about}\n\n```text\n{call}\n```\n\n" + table(("option", "value", "default", "meaning"), rows)


def _name(option: str, hint: object) -> str:
    return code(_metavar(hint, option) if _is_positional(hint) else f"--{option.replace('_', '-')}")


def _values(option: str, hint: object) -> str:
    if bool in kinds(hint):
        return ""
    named = _metavar(hint, "")
    if named and not _is_positional(hint):
        return code(named)
    plain = [kind for kind in kinds(hint) if kind is not type(None)]
    choices = [str(choice) for kind in plain if get_origin(kind) is Literal for choice in get_args(kind)]
    if choices:
        return ", ".join(map(code, choices))
    return "" if _is_positional(hint) else describe_type(hint, option).replace(" or null", "")


def _default(field: "dataclasses.Field[object]", hint: object) -> str:
    told = [meta.help_behavior_hint for meta in _arguments(hint) if meta.help_behavior_hint]
    if told:
        return str(told[0]).removeprefix("(default: ").removesuffix(")")
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "required"
    value = field.default if field.default is not dataclasses.MISSING else field.default_factory()  # pyright: ignore
    if value is False:
        return "off"
    return "" if value is None or value == () else code(str(value))


def _metavar(hint: object, option: str) -> str:
    named = [meta.metavar for meta in _arguments(hint) if meta.metavar]
    return str(named[0]) if named else option.upper()


def _arguments(hint: object) -> list:
    """tyro's remarks on an option, wherever they stand inside its annotation."""
    found = []
    for part in (hint, *members(hint)):
        if get_origin(part) is Annotated:
            found += [meta for meta in get_args(part)[1:] if isinstance(meta, _ARG)]
    return found


def _is_positional(hint: object) -> bool:
    return get_origin(hint) is Annotated and any(meta == _POSITIONAL for meta in get_args(hint)[1:])
