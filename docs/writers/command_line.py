"""The page of all commands, from the dataclasses that hold their options.

write_command_line()
"""

import dataclasses
from typing import Any, Literal, get_args, get_origin

from docs.writers.members import class_text, field_texts
from docs.writers.table import code, table
from fitter.app.batch_options import Batch
from fitter.app.evaluate_command import Evaluate
from fitter.app.export_command import ExportCommand
from fitter.app.options import Command
from fitter.app.report_command import ReportOptions
from fitter.app.view_command import ViewOptions
from fitter.app.words import is_positional, metavar, takes_several
from fitter.config.expected import describe_type
from fitter.config.structure import field_types, kinds

INTRODUCTION = """# Command line

<!-- written by docs/writers/command_line.py from the dataclasses of the options -->

Names may be written with dashes or underscores, values after a space or `=`. Errors are one sentence on stderr, with
the exit status 2 where the input or the configuration is unusable, 3 where no hand was found, 130 after Ctrl-C, and 1
for anything else; `--debug` shows where one arose. `--help` after any command lists the same options.

"""


KEYS = """Every key of the [configuration](configuration.md) is an option, too, by its dotted name:
`--energy.keypoints.sigma-px 3`; `null` switches a term off. Without an installation `python fit_sequence.py` in the
repository is `handfit`, and `make fit INPUT=clip.mp4 OUTPUT=DIR ARGS="..."` sets everything up before.
"""


# The other commands, by how they are called.
COMMANDS = {
    "python -m fitter.batch": Batch,
    "python -m fitter.export": ExportCommand,
    "python -m fitter.evaluate": Evaluate,
    "python -m fitter.view": ViewOptions,
    "python -m fitter.report": ReportOptions,
}


def write_command_line() -> str:
    """The page, as Markdown."""
    others = [write_command(name, options) for name, options in COMMANDS.items()]
    return "\n".join([INTRODUCTION, write_command("handfit", Command), KEYS, *others])


def write_command(name: str, options: type) -> str:
    """One command: what it does, how it is called, and its options."""
    hints, texts = field_types(options), field_texts(options)
    defaults = {field.name: field for field in dataclasses.fields(options)}
    standing = [_metavar(option, hint) for option, hint in hints.items() if is_positional(hint)]
    rows = [
        (_name(option, hint) + _values(option, hint), texts.get(option, ""), _default(defaults[option], hint))
        for option, hint in hints.items()
    ]
    about = class_text(options).partition("\n\n")[0]
    call = " ".join([name, *standing, "[OPTIONS]"])
    return f"## {name}\n\n{about}\n\n```text\n{call}\n```\n\n" + table(("option", "meaning", "default"), rows)


def _name(option: str, hint: object) -> str:
    return code(_metavar(option, hint) if is_positional(hint) else f"--{option.replace('_', '-')}")


def _metavar(option: str, hint: object) -> str:
    return metavar(option, hint) + ("..." if takes_several(hint) else "")


def _values(option: str, hint: object) -> str:
    """What stands after the option, on a line of its own: nothing after a flag."""
    if bool in kinds(hint) or is_positional(hint):
        return ""
    choices = [str(choice) for kind in kinds(hint) if get_origin(kind) is Literal for choice in get_args(kind)]
    named = _metavar(option, hint)
    if choices or not named.startswith(option.upper()):
        return "<br>" + ", ".join(map(code, choices or [named]))
    return "<br>" + describe_type(hint, option).replace(" or null", "")


def _default(field: "dataclasses.Field[Any]", hint: object) -> str:
    told = [text for text in (getattr(part, "help_behavior_hint", None) for part in get_args(hint)[1:]) if text]
    if told:
        return str(told[0]).removeprefix("(default: ").removesuffix(")")
    if field.default is field.default_factory is dataclasses.MISSING:
        return "required"
    value = field.default if field.default is not dataclasses.MISSING else None
    if isinstance(value, bool):
        return "off"
    return "" if value is None or value == () else code(str(value))
