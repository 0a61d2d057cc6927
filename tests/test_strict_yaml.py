"""YAML is plain data: what surprises or harms is refused with its place."""

import math
from pathlib import Path

import pytest

from fitter.config.strict_yaml import parse_yaml, read_yaml, write_yaml
from fitter.errors import InputError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-7", 1e-7),
        ("1.0E+3", 1000.0),
        (".5", 0.5),
        ("-3", -3),
        ("-.inf", -math.inf),
        ("true", True),
        ("~", None),
        ("null", None),
        ("off", "off"),
        ("yes", "yes"),
        ("010", 10.0),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", "0x10"),
        ("'4'", "4"),
        ("[1, 2.5, a]", [1, 2.5, "a"]),
        ("a: {b: null}", {"a": {"b": None}}),
        ("<<: {b: 1}", {"<<": {"b": 1}}),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    parsed = parse_yaml(text, "x.yaml")
    assert parsed == value and type(parsed) is type(value)


def _bomb(levels: int) -> str:
    """The classic: every level repeats the one before nine times (9 ** levels leaves)."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"x\.yaml: line 3, column 1: key a is given twice"),
        ("a:\n  b: 1\n  b: 1", r"line 3, column 3: key b is given twice"),
        ("a: &x 1\nb: *x", r"line 2, column 4: aliases .* not supported"),
        (_bomb(9), r"aliases .* not supported"),
        ("a: !!python/object/apply:os.system [echo]", r"line 1, column 4: tags .* not supported"),
        ("a: !!int x", r"tags .* not supported"),
        ("3: a", r"line 1, column 1: a key is not a word"),
        ("[a]: b", r"a key is not a word"),
        ("a: b: c", r"line 1, column 5: mapping values are not allowed here"),
        ("a: [1, 2", r"line 1, column 9: "),
        ("a: 1\n---\nb: 2", r"but found another document"),
        ("a: \x00", r"not readable as YAML"),
        ("[" * 5000, r"nested too deeply"),
    ],
)
def test_what_surprises_or_harms_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_yaml(text, "x.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"empty, expected a YAML configuration"),
        (b"# only a comment\n", r"empty, expected a YAML configuration"),
        (b"[1, 2]", r"expected keys with values .*, got a list of 2"),
        (b"energy", r"expected keys with values .*, got 'energy'"),
        (b"\xff\xd8\xff\xe0 a picture", r"not a text file in UTF-8"),
        (b"#" * 100_001, r"larger than 100 kB"),
    ],
)
def test_files_that_are_no_configuration_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)


def test_everything_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    mapping: dict[str, object] = {
        "numbers": {"tiny": 1e-7, "huge": 1e300, "third": 1 / 3, "whole": 3, "float": 4.0},
        "words": ["1e-7", "null", "true", "off", "010", "", "ü: x", "2024-01-01", "- a", "3"],
        "nothing": None,
        "lists": [[], ["a"], [1, 2]],
        "sections": {"empty": {}, "flag": True},
    }
    write_yaml(mapping, tmp_path / "config.yaml", heading="A heading")
    read = read_yaml(tmp_path / "config.yaml")
    assert repr(read) == repr(mapping)
    assert (tmp_path / "config.yaml").read_text().startswith("# A heading\n")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
