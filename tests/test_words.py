"""A frozen dataclass out of the words of a command line; every mistake is one sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Ge
from tyro import conf

from fitter.app.words import read_options
from fitter.errors import InputError


@dataclass(frozen=True)
class Look:
    """Look at results."""

    results: conf.Positional[Annotated[tuple[Path, ...], conf.arg(metavar="RESULT")]]
    """Folders of results."""

    format: Literal["npz", "coco"]
    """Of the output."""

    frames: tuple[int, ...] = ()
    """Frames to show."""

    size_px: Annotated[int, Ge(1)] = 224
    """Side of the crops."""

    title: str | None = None
    """Shown above."""

    all: conf.FlagCreatePairsOff[bool] = False
    """Everything."""


def look(text: str) -> Look:
    return read_options(Look, text.split(), prog="look")


def test_defaults_are_taken() -> None:
    assert look("a --format npz") == Look((Path("a"),), "npz")


def test_every_kind_of_option_arrives_typed() -> None:
    everything = look("a --format=coco b --all --frames 3 14 --size-px 64 --title 12 c --debug")
    assert everything == Look((Path("a"), Path("b"), Path("c")), "coco", (3, 14), 64, "12", True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "RESULT is missing, expected one or more of a path (--help explains)"),
        ("a", "--format is missing, expected one of npz, coco (--help explains)"),
        ("a --format cocoa", "--format: expected one of npz, coco, got 'cocoa'"),
        ("a --formt npz", "unknown option --formt, did you mean --format?"),
        ("a --xyzzy npz", "unknown option --xyzzy (--help lists them)"),
        ("a --results b", "unknown option --results (--help lists them)"),
        ("a -f npz", "unknown option -f (--help lists them)"),
        ("a --format npz --format npz", "--format is given twice"),
        ("a --format", "--format: expected a value"),
        ("a --format --all", "--format: expected a value, got the option --all"),
        ("a --format npz --size-px 0", "--size-px: expected a whole number from 1 (pixels), got 0"),
        ("a --format npz --frames 3 x", "--frames: expected a whole number (frames), got 'x'"),
        ("a --format npz --frames", "--frames: expected at least one value"),
        ("a --format npz --all=yes", "--all: takes no value, got 'yes'"),
    ],
)
def test_every_mistake_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        look(text)
    assert str(caught.value) == sentence


def test_help_lists_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        look("--help")
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(text in shown for text in ("Look at results.", "RESULT", "--format", "--size-px", "Side of the crops."))
