"""One writer in a folder: others are refused in one sentence, and a killed one is in nobody's way."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fitter.errors import InputError
from fitter.export.lock import LOCK_FILE, locked
from tests.conftest import REPOSITORY

HOLDER = """
import sys, time
from pathlib import Path
from fitter.export.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_and_told_by_whom(tmp_path: Path, holder: subprocess.Popen):
    with pytest.raises(InputError) as refusal, locked(tmp_path):
        raise AssertionError("two hold the folder")
    sentence = f"{tmp_path}: process {holder.pid} on {socket.gethostname()} is writing here; wait until it ends"
    assert str(refusal.value).startswith(sentence) and refusal.value.exit_status == 2


def test_a_killed_process_is_in_nobodys_way(tmp_path: Path, holder: subprocess.Popen):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_same_process_is_refused_too_and_nothing_is_left(tmp_path: Path):
    with locked(tmp_path):
        with pytest.raises(InputError, match=f"process {os.getpid()} on"), locked(tmp_path):
            raise AssertionError("held twice")
        assert (tmp_path / LOCK_FILE).exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_lock_removed_between_opening_and_locking_is_not_believed(tmp_path: Path, monkeypatch):
    real, calls = fcntl.flock, []

    def slow(descriptor: int, how: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:  # the owner ends just now
            (tmp_path / LOCK_FILE).unlink()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with locked(tmp_path):
        assert len(calls) == 2 and (tmp_path / LOCK_FILE).exists()


def test_a_file_system_without_locks_costs_a_warning(tmp_path: Path, monkeypatch, caplog):
    def none(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with locked(tmp_path):
        assert "has no locks" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_link_or_folder_in_the_place_of_the_lock_is_refused(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / LOCK_FILE).symlink_to(victim)
    with pytest.raises(InputError, match="something else has this name"), locked(tmp_path):
        raise AssertionError("held by a link")
    assert victim.read_text() == "untouched"
    (tmp_path / LOCK_FILE).unlink()
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(InputError, match="something else has this name"), locked(tmp_path):
        raise AssertionError("held by a folder")


def test_a_holders_name_is_only_quoted(tmp_path: Path):
    path = tmp_path / LOCK_FILE
    path.write_bytes(b"\x1b[2J\xff" * 1000)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError) as refusal, locked(tmp_path):
            raise AssertionError("two hold the folder")
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < len(str(tmp_path)) + 250
