"""The page of all configuration keys: types, bounds and units from the dataclasses, meanings from their docstrings and
from the remarks in configs/default.yaml.

write_configuration()
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args, get_origin

from docs.writers.members import class_text, first_paragraph
from docs.writers.table import code, table
from fitter.config import Config
from fitter.config.expected import describe_type
from fitter.config.structure import field_types, kinds, to_mapping

DEFAULTS = Path(__file__).parents[2] / "configs" / "default.yaml"

INTRODUCTION = """# Configuration

<!-- written by docs/writers/configuration.py from the dataclasses that read the keys -->

A configuration is a YAML file of nested sections (`--config FILE`); what it does not name has its default. Every key is
also an option of the command line by its dotted name, and of [`fitter.fit`](python.md) by a nested mapping:

```bash
handfit clip.mp4 --energy.keypoints.sigma-px 3 --energy.coupling null
```

Weights are standard deviations with a unit: a term counts more the smaller its sigma. `null` switches a section off
where that is among the values. A key that does not exist, or a value that it does not take, is one sentence with what
was expected. The resolved configuration lies beside every result as `config.yaml`, and `--config` takes it.

Shipped in [configs/](../../configs): `default.yaml` (the defaults below), `keypoints_only.yaml` (no pixels, much
faster), `preview.yaml`; for [training](../training.md) `train_*.yaml` and `s2hand*.yaml`.
"""


@dataclasses.dataclass(frozen=True)
class Section:
    """A dataclass that stands at a dotted key; `optional`: null switches it off; `items`: a list of it, by default."""

    key: str
    cls: type
    default: object
    optional: bool = False
    items: tuple[object, ...] = ()


def write_configuration() -> str:
    """The page, as Markdown."""
    remarks = dict(remarks_of(DEFAULTS.read_text(encoding="utf-8")))
    return "\n".join([INTRODUCTION, *(write_section(section, remarks) for section in sections(Config()))])


def sections(config: object, key: str = "") -> Iterator[Section]:
    """The sections below `config`, outer before inner; one that is off by default is shown with its own defaults."""
    for name, hint in field_types(type(config)).items():
        dotted = f"{key}.{name}" if key else name
        for cls in _dataclasses(hint):
            given = getattr(config, name)
            items = given if isinstance(given, tuple) else ()
            yield Section(dotted, cls, None if items else given, type(None) in kinds(hint), items)
            if dataclasses.is_dataclass(given):
                yield from sections(given, dotted)


def write_section(section: Section, remarks: dict[str, str]) -> str:
    """Heading, what the section is about, and a table of its keys."""
    level = "##" if "." not in section.key else "###"
    about = [_about(section, remarks)]
    if section.optional:
        about.append("`null` switches it off." if section.default is not None else "Off (`null`) by default.")
    rows = []
    for name, hint in field_types(section.cls).items():
        if not _dataclasses(hint):
            remark = remarks.get(f"{section.key}.{name}", "")
            rows.append((code(name), _default(section, name), _expected(hint, f"{section.key}.{name}"), remark))
    keys = table(("key", "default", "value", "meaning"), rows) if rows else ""
    return "\n\n".join(part for part in (f"{level} {section.key}", *about, keys, _list_of(section)) if part) + "\n"


def _list_of(section: Section) -> str:
    """The items of a list as they are by default, side by side."""
    if not section.items:
        return ""
    names = list(field_types(section.cls))
    rows = [(code(name), *(_value(getattr(item, name)) for item in section.items)) for name in names]
    return "A list of such sections, by default:\n\n" + table(("key", *map(str, range(len(section.items)))), rows)


def remarks_of(yaml: str) -> Iterator[tuple[str, str]]:
    """(dotted key, the comment on its line) of a YAML file of nested sections; of list items the first counts."""
    above: list[tuple[int, str]] = []
    told: set[str] = set()
    for line in yaml.splitlines():
        found = re.match(r"( *)(- )?([a-z_]\w*):", line)
        if not found:
            continue
        indent = len(found[1]) + len(found[2] or "")
        above = [(at, name) for at, name in above if at < indent] + [(indent, found[3])]
        key = ".".join(name for _, name in above)
        _, mark, remark = line.partition("# ")
        if mark and key not in told:
            told.add(key)
            yield key, remark


def _about(section: Section, remarks: dict[str, str]) -> str:
    """The remark in the file of defaults, or the module's first sentence for a term; then the class's own words."""
    remark = remarks.get(section.key, "")
    if not remark and section.key.startswith("energy."):
        remark = first_paragraph(section.cls.__module__)
    sentence = remark[:1].upper() + remark[1:] + ("" if remark.endswith(".") or not remark else ".")
    return f"{sentence}\n\n{class_text(section.cls)}".strip()


def _default(section: Section, name: str) -> str:
    defaults = {field.name: field.default for field in dataclasses.fields(section.cls)}
    return _value(defaults[name] if section.default is None else getattr(section.default, name))


def _value(value: object) -> str:
    """As it is written in YAML; nothing where there is no default."""
    if value is dataclasses.MISSING:
        return ""
    if value is None or isinstance(value, bool):
        return code({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, tuple):
        return code("[" + ", ".join(map(str, value)) + "]")
    return code(f"{value:.6g}" if isinstance(value, float) else str(value))


def _expected(hint: object, key: str) -> str:
    for kind in kinds(hint):
        if get_origin(kind) is tuple:
            return f"a list, each {describe_type(get_args(kind)[0])}"
    return describe_type(hint, key)


def _dataclasses(hint: object) -> list[type]:
    """The dataclasses that a value may be: a section, or each item of a list."""
    inner = [item for kind in kinds(hint) if get_origin(kind) is tuple for item in get_args(kind)]
    return [cast("type", kind) for kind in (*kinds(hint), *inner) if dataclasses.is_dataclass(kind)]


def all_keys() -> list[str]:
    """The dotted keys of the defaults, for the test that none is missing."""
    return list(_dotted(to_mapping(Config()), ""))


def _dotted(value: object, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _dotted(child, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _dotted(value[0], key)
    else:
        yield key
