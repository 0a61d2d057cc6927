"""What the documents promise exists: commands, options, files, arrays, keys."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import fitter
from fitter.app.arguments import OPTIONS, parse_arguments
from fitter.app.batch_options import Batch
from fitter.app.evaluate_command import Evaluate
from fitter.app.export_command import ExportCommand
from fitter.app.report_command import ReportOptions
from fitter.app.view_command import ViewOptions
from fitter.config import load_config
from fitter.config.structure import field_types
from fitter.export.result import FitResult
from priors.train.config import load_training
from tests.test_layering import LAYERS

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
COMMANDS = {"batch": Batch, "evaluate": Evaluate, "export": ExportCommand, "report": ReportOptions, "view": ViewOptions}
MAKEFILE = (REPOSITORY / "Makefile").read_text()


def text_of(document: str) -> str:
    """The document without its comments."""
    return re.sub(r"<!--.*?-->", "", (REPOSITORY / document).read_text(encoding="utf-8"), flags=re.DOTALL)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_command_exists(document: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text_of(document), flags=re.MULTILINE))
    assert named <= targets()
    assert document == "CHANGELOG.md" or named


def test_the_makefile_explains_all_it_offers() -> None:
    explained = set(re.findall(r"^([a-z]+): ##", MAKEFILE, flags=re.MULTILINE))
    assert explained == targets() >= {"fit", "test", "lint", "bench", "clean", "help"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_exists(document: str) -> None:
    """Of a fit; in a line that runs another command, of that one."""
    for line in text_of(document).splitlines():
        command = re.search(r"python -m fitter\.(\w+)", line)
        options = OPTIONS if command is None else field_types(COMMANDS[command[1]])
        for name in re.findall(r"--([a-z][-a-z.]*[a-z])", line):
            if "." in name:
                parse_arguments(["demo", f"--{name}", "null" if name.endswith("network") else "1"])
            else:
                assert name == "help" or name.replace("-", "_") in options, f"{name} in: {line}"


def test_the_readme_names_every_option() -> None:
    named = set(re.findall(r"--([a-z][-a-z]*)", text_of("README.md")))
    untold = {"input", "output", "debug"}  # INPUT and OUTPUT are make's own; debug is for developers
    assert {name.replace("_", "-") for name in OPTIONS if name not in untold} <= named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_inside_the_repository_leads_somewhere(document: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", text_of(document))
    inside = [link for link in links if not link.startswith("https://")]
    missing = [link for link in inside if not (REPOSITORY / link.partition("#")[0]).exists()]
    assert missing == []


def test_the_readme_tells_every_array_of_the_result() -> None:
    arrays = text_of("README.md").partition("## The files of a result")[2].partition("## Good to know")[0]
    named = set(re.findall(r"`([A-Za-z_]+)`", arrays))
    assert {field.name for field in fields(FitResult)} <= named


def test_the_layers_are_told_in_their_order() -> None:
    assert ", ".join(LAYERS) in " ".join(text_of("CONTRIBUTING.md").split())


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_key_of_every_configuration_is_known(path: Path) -> None:
    (load_training if path.name.startswith(("train_", "s2hand")) else load_config)(path)


def test_versions_agree() -> None:
    """The changelog's newest release, once there is one, is the package's version."""
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+", fitter.__version__)
    assert not released or released[0] == fitter.__version__


def test_every_dependency_has_an_exact_version() -> None:
    setup = (REPOSITORY / "setup.py").read_text()
    wanted = set(re.findall(r'^ +"([A-Za-z][\w-]*)(?:[=<>].*)?",', setup, flags=re.MULTILINE))
    lines = [line for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    exact = {re.split("==", line)[0].lower() for line in lines if "==" in line}
    assert len(wanted) > 20 and {name.lower() for name in wanted} <= exact
    assert all(re.match(r"[A-Za-z0-9._-]+==[\w.]+( ;.*)?$", line) for line in lines)
