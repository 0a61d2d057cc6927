"""YAML as plain data and nothing more: scalars, lists, and mappings with words as keys.

Everything in YAML that surprises or harms is refused with its line: duplicate keys, tags (which construct objects),
aliases (which can unfold a small file into gigabytes), several documents. Scalars follow YAML 1.2's core schema, so
that `1e-7` is a number and `off` is a word; PyYAML's own reading is the other way round.

    mapping = read_yaml(Path("configs/default.yaml"))         # {'energy': {'keypoints': {'sigma_px': 4.0}}}
    write_yaml(mapping, Path("results/clip/config.yaml"), heading="Resolved by handfit 0.1.0")
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import cast

import yaml

from fitter.config.expected import describe_value
from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.untrusted import read_regular

# A configuration has a few kilobytes; more is a file given by mistake, such as the video itself. PyYAML takes a second
# for each hundred.
_MAX_BYTES = 100_000

# YAML 1.2.2, section 10.3.2 (core schema), less octal and hexadecimal numbers: what a plain scalar stands for, and the
# characters with which it can begin.
_CORE_SCHEMA = (
    ("tag:yaml.org,2002:null", r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader with the core schema, which refuses tags, aliases, duplicate keys and keys that are not words."""

    yaml_implicit_resolvers = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases (*name) are not supported", event)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise _refusal(f"tags ({event.tag}) are not supported", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise _refusal("a key is not a word", key)
            if key.value in seen:
                raise _refusal(f"key {key.value} is given twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refusal(problem: str, at: yaml.Event | yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark | None", at.start_mark))


class _StrictDumper(yaml.SafeDumper):
    """SafeDumper that quotes by the same schema, so that everything is read back as it was."""

    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data: object) -> bool:
        return True


for _tag, _pattern, _first in _CORE_SCHEMA:
    _StrictLoader.add_implicit_resolver(_tag, re.compile(_pattern), _first)
    _StrictDumper.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def parse_yaml(text: str, where: str) -> object:
    """The plain data written in `text`; raises InputError naming `where`, line and column."""
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        spot = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{where}: {spot}{error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{where}: not readable as YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise InputError(f"{where}: nested too deeply for a configuration") from error


def read_yaml(path: Path) -> dict[str, object]:
    """The mapping in a YAML file; raises InputError where it is absent, empty, too large or anything but a mapping."""
    try:
        content = read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a YAML configuration") from error
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: larger than {_MAX_BYTES // 1000} kB, expected a YAML configuration")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8, expected a YAML configuration") from error
    data = parse_yaml(text, str(path))
    if data is None:
        raise InputError(f"{path}: empty, expected a YAML configuration")
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected keys with values (`energy: ...`), got {describe_value(data)}")
    return data


def write_yaml(mapping: dict[str, object], path: Path, heading: str) -> None:
    """Write `mapping` atomically below the comment `heading`; raises as `atomic_path` does."""
    text = yaml.dump(mapping, Dumper=_StrictDumper, sort_keys=False, allow_unicode=True, width=120)
    with atomic_path(path) as temporary:
        temporary.write_text(f"# {heading}\n{text}", encoding="utf-8")
