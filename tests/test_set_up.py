"""The set-up script among stand-ins for every outside command: what it installs, asks for, and leaves alone."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# A Python whose version, modules and libraries the environment decides; the environments it makes are copies of it.
PYTHON = """#!/bin/bash
echo "python $*" >> "$CALLS"
case "$*" in
    *print*) echo python3.11-venv ;;
    *version_info*) [ -n "$VERSION_IS_GOOD" ] ;;
    *ensurepip*) [[ " $MISSING " != *" venv "* ]] ;;
    *ctypes*) [[ " $MISSING " != *" ${*: -1} "* ]] ;;
    --version) echo "Python 3.11.0" ;;
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *pytorch.org*) [ -n "$INDEX_REACHED" ] ;;
    *+cpu*) [ -n "$MIRROR_HAS_CPU" ] ;;
    *editable*) [ -z "$PACKAGES_FAIL" ] || { echo "no such package"; exit 1; } ;;
    "-m pip show torch") echo "Version: ${TORCH:-2.0.0}" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A made-up machine: a checkout, stand-ins on the PATH, and a log of what was called."""

    folder: Path

    def set_up(self, profile: str = "fit", **environment: str) -> subprocess.CompletedProcess[str]:
        calls = self.folder / "calls"
        calls.write_text("")
        plain = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "CALLS": str(calls), "VERSION_IS_GOOD": "1"}
        return subprocess.run(
            ["bash", str(self.folder / ".ci" / "set_up.sh"), profile],
            env=plain | environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def calls(self) -> str:
        return (self.folder / "calls").read_text()

    def add(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{script}\n" if not script.startswith("#!") else script)
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Everything is there; no GPU; an ordinary user without sudo."""
    machine = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / ".ci").mkdir()
    for name in ("setup.py", "constraints.txt", ".ci/set_up.sh"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    for name in ("python3.10", "python3.11", "python3.12", "python3", "python"):
        machine.add(name, PYTHON)
    machine.add("nvidia-smi", "exit 1")
    machine.add("id", "echo 1000")
    machine.add("sudo", 'echo "sudo $*" >> "$CALLS"; exit 1')
    machine.add("apt-get", 'echo "apt-get $*" >> "$CALLS"')
    return machine


def test_the_second_call_does_nothing(machine: Machine) -> None:
    first = machine.set_up()
    assert first.returncode == 0 and "set-up complete" in first.stderr
    assert "--editable .[detect]" in machine.calls()
    second = machine.set_up()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert machine.calls() == ""


def test_what_developers_need_is_enough_to_fit_but_not_the_reverse(machine: Machine) -> None:
    assert machine.set_up("fit").returncode == 0
    assert machine.set_up("dev").returncode == 0 and "--editable .[dev]" in machine.calls()
    assert machine.set_up("fit").returncode == 0 and machine.calls() == ""


def test_what_the_viewer_needs_is_enough_to_fit(machine: Machine) -> None:
    assert machine.set_up("view").returncode == 0 and "--editable .[detect,view]" in machine.calls()
    assert machine.set_up("fit").returncode == 0 and machine.calls() == ""


@pytest.mark.parametrize("name", ["setup.py", "constraints.txt", ".ci/set_up.sh"])
def test_a_change_of_what_is_installed_installs_again(machine: Machine, name: str) -> None:
    machine.set_up()
    with (machine.folder / name).open("a") as file:
        file.write("# changed\n")
    assert machine.set_up().returncode == 0 and "--editable" in machine.calls()
    assert "-m venv" not in machine.calls(), "the environment itself is kept"


def test_without_a_suitable_python_it_says_what_to_install(machine: Machine) -> None:
    done = machine.set_up(VERSION_IS_GOOD="")
    assert done.returncode == 1
    assert "no Python 3.10, 3.11 or 3.12 found; install one (Debian 12: apt-get install python3" in done.stderr


def test_without_rights_it_prints_the_exact_line_and_stops(machine: Machine) -> None:
    done = machine.set_up(MISSING="venv libGL.so.1 libusb-1.0.so.0")
    line = (
        "sudo apt-get update && sudo apt-get install --yes --no-install-recommends python3.11-venv libgl1 libusb-1.0-0"
    )
    assert done.returncode == 1 and line in done.stderr
    assert "apt-get" not in machine.calls() and "-m venv" not in machine.calls()


@pytest.mark.parametrize(("prefix", "is_root"), [("", True), ("sudo -n ", False)])
def test_with_rights_it_installs_what_is_missing(machine: Machine, prefix: str, is_root: bool) -> None:
    machine.add("id", f"echo {0 if is_root else 1000}")
    machine.add("sudo", 'echo "sudo $*" >> "$CALLS"')
    assert machine.set_up(MISSING="libEGL.so.1 libgthread-2.0.so.0").returncode == 0
    assert f"{prefix}apt-get update\n" in machine.calls()
    assert f"{prefix}apt-get install --yes --no-install-recommends libegl1 libglib2.0-0\n" in machine.calls()


def test_a_failing_install_stops_with_its_last_words_and_is_tried_again(machine: Machine) -> None:
    done = machine.set_up(PACKAGES_FAIL="1")
    assert done.returncode == 1
    assert "no such package" in done.stderr and "this command failed: .venv/bin/python -m pip install" in done.stderr
    assert machine.set_up().returncode == 0 and "--editable" in machine.calls()


@pytest.mark.parametrize(
    ("environment", "sources"),
    [
        ({"MIRROR_HAS_CPU": "1"}, ["configured+cpu"]),
        ({"INDEX_REACHED": "1"}, ["configured+cpu", "index+cpu"]),
        ({}, ["configured+cpu", "index+cpu", "plain"]),
    ],
)
def test_torch_comes_from_the_first_source_that_has_the_cpu_build(
    machine: Machine, environment: dict[str, str], sources: list[str]
) -> None:
    assert machine.set_up(**environment).returncode == 0
    torch = [line for line in machine.calls().splitlines() if "install" in line and "torch==" in line]
    kinds = [
        ("index" if "pytorch.org" in line else "configured") + "+cpu" if "+cpu" in line else "plain" for line in torch
    ]
    assert kinds == sources


def test_a_gpu_gets_the_cuda_build(machine: Machine) -> None:
    machine.set_up()
    machine.add("nvidia-smi", 'echo "GPU 0: a card (UUID: 1)"')
    assert machine.set_up(TORCH="2.13.0+cpu").returncode == 0, "a card that appears later starts the set-up again"
    assert "pip uninstall --yes torch" in machine.calls()
    assert "+cpu" not in machine.calls()


def test_unknown_profiles_are_refused(machine: Machine) -> None:
    done = machine.set_up("everything")
    assert (done.returncode, done.stderr) == (2, "set_up.sh: expected fit, view or dev, got everything\n")
    assert not (machine.folder / ".venv").exists()


def without_browser(machine: Machine) -> str:
    """A PATH of this machine's programs, but neither Xvfb nor chromium."""
    programs = machine.folder / "programs"
    programs.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for path in Path(folder).iterdir():
            link = programs / path.name
            if path.name not in ("Xvfb", "chromium") and not link.is_symlink():
                link.symlink_to(path)
    return f"{machine.folder / 'bin'}:{programs}"


def test_tests_that_need_a_display_or_a_browser_are_left_out_where_nobody_may_install(machine: Machine) -> None:
    path = without_browser(machine)
    ended = machine.set_up("dev", PATH=path)
    assert ended.returncode == 0
    assert "without xvfb chromium the tests of the viewer's window or of pages are skipped" in ended.stderr
    assert "without" not in machine.set_up("fit", PATH=path).stderr


def test_an_administrator_gets_a_display_and_a_browser_for_the_tests(machine: Machine) -> None:
    machine.add("id", "echo 0")
    ended = machine.set_up("dev", PATH=without_browser(machine))
    assert ended.returncode == 0 and "without" not in ended.stderr
    assert "apt-get install --yes --no-install-recommends xvfb chromium" in machine.calls()
