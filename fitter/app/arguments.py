"""The command line, read: options fill `Command`, dotted keys change the configuration.

A key works for every term, also for one that is switched off (`--energy.size null`, then `--energy.size.length-mm
190`). tyro writes the help, from the same dataclasses.

    request = parse_arguments(["clip.mp4", "--hand", "left", "--energy.keypoints.sigma-px", "3"])
    request.command.hand, request.config.energy.keypoints.sigma_px
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fitter.app.options import DEFAULT_CONFIG, Command, print_help
from fitter.app.words import read_option, split_words
from fitter.config import Config, from_mapping, load_config, to_mapping
from fitter.config.strict_yaml import parse_yaml
from fitter.config.structure import field_types
from fitter.errors import InputError

OPTIONS = field_types(Command)


@dataclass(frozen=True)
class Request:
    """What the user asks for: the options, and the configuration with its overrides; `words` is how it was said."""

    command: Command
    config: Config
    words: tuple[str, ...] = field(default=(), compare=False)


def parse_arguments(words: Sequence[str]) -> Request:
    """Read the command line; raises InputError, one sentence, for anything wrong in it or in the configuration.

    `--help` prints the help and raises SystemExit(0).
    """
    if "--help" in words or "-h" in words:
        print_help()
    options: dict[str, object] = {}
    overrides: dict[str, object] = {}
    for given in split_words(words, OPTIONS):
        is_key = "." in given.name or given.name in field_types(Config)
        if not is_key and given.name not in OPTIONS:
            name = given.written.removeprefix("--")
            raise InputError(f"unknown option --{name}{_suggest_option(name)}")
        if given.name in options or given.name in overrides:
            raise InputError(f"{given.written} is given twice")
        if is_key:
            overrides[given.name] = parse_yaml(given.one_text(), given.written)
        else:
            options[given.name] = read_option(given, OPTIONS[given.name])
    if "input" not in options:
        raise InputError("INPUT is missing: expected a video file, a folder of images, or demo (--help explains)")
    command = Command(**options)  # pyright: ignore[reportArgumentType] (each value was read as its field's type)
    return Request(command, _configure(command.config, overrides), tuple(words))


def _configure(file: Path, overrides: dict[str, object]) -> Config:
    """The configuration of `file` with the keys given on the command line."""
    # Installed without its repository, the package has no file of defaults, which are those of the dataclasses.
    config = Config() if file == DEFAULT_CONFIG and not file.exists() else load_config(file)
    if not overrides:
        return config
    mapping = to_mapping(config)
    for key, value in overrides.items():
        _set(mapping, key, value)
    return from_mapping(Config, mapping, where="command line")


def _set(mapping: dict[str, object], key: str, value: object) -> None:
    """Put `value` at the dotted key; a section that is off is switched on; list items go by number."""
    at: object = mapping
    *way, last = key.split(".")
    for step in way:
        if isinstance(at, dict):
            if at.get(step) is None:
                at[step] = {}
            at = at[step]
        else:
            at = _items(at, step, key)[int(step)]
    if isinstance(at, dict):
        at[last] = value
    else:
        _items(at, last, key)[int(last)] = value


def _items(at: object, number: str, key: str) -> list[object]:
    """`at` as a list that has an item of this number."""
    if not isinstance(at, list):
        raise InputError(f"command line: {key}: unknown key, what stands before {number} is a value")
    if not number.isdecimal() or int(number) >= len(at):
        raise InputError(f"command line: {key}: unknown key, expected a number below {len(at)} instead of {number}")
    return at


def _suggest_option(name: str) -> str:
    """`, did you mean --hand?`: the nearest option, or configuration key by its whole or its last word."""
    options = [option.replace("_", "-") for option in OPTIONS if option != "input"]
    keys = [key.replace("_", "-") for key in _dotted(to_mapping(Config()))]
    by_last_word = {key.rpartition(".")[2]: key for key in reversed(keys)}
    near = difflib.get_close_matches(name.replace("_", "-"), [*options, *keys, *by_last_word], n=1, cutoff=0.6)
    return f", did you mean --{by_last_word.get(near[0], near[0])}?" if near else " (--help lists them)"


def _dotted(value: object, key: str = "") -> Iterator[str]:
    """The dotted key of every section and value in a configuration."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        dotted = f"{key}.{name}" if key else str(name)
        yield dotted
        yield from _dotted(child, dotted)
