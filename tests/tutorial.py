"""A tutorial as a program: its bash and Python blocks, run in their order in a folder that has what they start from.

blocks = blocks_of(Path("docs/tutorials/mano.md"))
run_blocks(blocks, folder)

Commands of handfit run in this process, which has its kernels loaded; all other lines are bash's. A block that cannot
be run has a title that begins with NOT_RUN and tells why, to the reader as well; its commands must be valid all the
same.
"""

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from fit_sequence import fit_sequence
from fitter.app.arguments import parse_arguments
from fitter.app.command import run_command
from fitter.app.evaluate_command import read as read_evaluate
from fitter.app.export_command import ExportCommand
from fitter.app.report_command import ReportOptions
from fitter.app.view_command import ViewOptions
from fitter.app.words import read_options
from priors.train.__main__ import parser as train_parser
from tests.conftest import REPOSITORY

NOT_RUN = "not run by the tests: "
FENCE = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)
LANGUAGES = ("bash", "python")


@dataclass(frozen=True)
class Block:
    """One block: `line` is where its code begins in `file`; `reason`: why it is not run, None for one that is."""

    file: Path
    line: int
    language: str
    code: str
    reason: str | None


# What reads the words of each command, and raises where they are wrong.
READERS: dict[str, Callable[[Sequence[str]], object]] = {
    "priors.train": lambda words: train_parser().parse_args(words),
    "fitter.evaluate": read_evaluate,
    "fitter.export": lambda words: read_options(ExportCommand, words, ""),
    "fitter.view": lambda words: read_options(ViewOptions, words, ""),
    "fitter.report": lambda words: read_options(ReportOptions, words, ""),
}


def blocks_of(file: Path) -> list[Block]:
    """The blocks of bash and Python in a page, in their order."""
    text = file.read_text(encoding="utf-8")
    blocks = []
    for found in FENCE.finditer(text):
        language, title, code = found.groups()
        if language in LANGUAGES:
            line = text.count("\n", 0, found.start()) + 2
            reason = title.removeprefix(NOT_RUN) if title and title.startswith(NOT_RUN) else None
            blocks.append(Block(file, line, language, code, reason))
    return blocks


def run_blocks(blocks: Sequence[Block], folder: Path, given: Mapping[str, object] | None = None) -> dict[str, object]:
    """Run them in `folder`; returns Python's names, which live from block to block and begin with the `given` ones.

    Raises AssertionError at the failing line.
    """
    names: dict[str, object] = {"__name__": "tutorial", **(given or {})}
    for block in blocks:
        if block.reason is not None:
            check_commands(block)
        elif block.language == "python":
            # As many empty lines as stand before it: a traceback then names the page's line.
            exec(compile("\n" * (block.line - 1) + block.code, str(block.file), "exec"), names)
        else:
            for command in commands_of(block):
                status = run_line(command, folder)
                assert status == 0, f"{block.file.name}:{block.line}: {command}: exit status {status}"
    return names


def commands_of(block: Block) -> list[str]:
    """The commands of a block of bash: lines, those of a loop together."""
    joined = block.code.replace("\\\n", " ")
    if re.search(r"^(for|while|if) ", joined, flags=re.MULTILINE):
        return [joined]
    return [line for line in joined.splitlines() if shlex.split(line, comments=True)]


def run_line(command: str, folder: Path) -> int:
    """Run it as a shell would; returns the exit status."""
    words = [] if "\n" in command else shlex.split(command, comments=True)
    if words[:1] == ["handfit"]:
        return run_command(parse_arguments, fit_sequence, words[1:])
    if words[:2] == ["python", "-m"]:
        return run_module(words[2], words[3:])
    programs = f'handfit() {{ {shlex.quote(sys.executable)} {REPOSITORY}/fit_sequence.py "$@"; }}\n'
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(["bash", "-ec", programs + command], cwd=folder, env=environment, check=False).returncode


def run_module(name: str, words: Sequence[str]) -> int:
    """`python -m NAME WORDS...` in this process; returns the exit status."""
    sys.modules.pop(f"{name}.__main__", None)  # what a test has imported is no program that runs
    with patch.object(sys, "argv", [name, *words]):
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def check_commands(block: Block) -> None:
    """The options of handfit's commands in a block that is not run exist and have values that they take."""
    assert block.reason, f"{block.file.name}:{block.line}: say why it is not run"
    if block.language == "python":
        compile(block.code, str(block.file), "exec")
        return
    for command in commands_of(block):
        words = shlex.split(command, comments=True)
        if words[:1] == ["handfit"]:
            parse_arguments(words[1:])
        elif words[:2] == ["python", "-m"] and words[2].partition(".")[0] in ("fitter", "priors"):
            READERS[words[2]](words[3:])
