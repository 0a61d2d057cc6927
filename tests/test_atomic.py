"""A result file is complete or absent: after errors, full disks and kills."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fitter.errors import HandfitError, InputError
from fitter.export.atomic import atomic_path, prepare_folder


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_complete_file_appears_alone_with_its_bytes(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "result.npz") as path:
        assert path.parent == tmp_path and path.suffix == ".npz"
        np.savez(path, joints_m=np.arange(3.0))
        assert not (tmp_path / "result.npz").exists()
    assert _names(tmp_path) == {"result.npz"}
    with np.load(tmp_path / "result.npz", allow_pickle=False) as arrays:
        assert arrays["joints_m"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1)])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "result.npz"
    target.write_text("old")
    with pytest.raises(type(error)):
        with atomic_path(target) as path:
            path.write_text("half of the ne")
            raise error
    assert target.read_text() == "old"
    assert _names(tmp_path) == {"result.npz"}


def test_a_block_that_writes_nothing_is_the_programmers_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        with atomic_path(tmp_path / "result.npz"):
            pass
    assert _names(tmp_path) == set()


def test_an_unrelated_os_error_is_not_disguised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        with atomic_path(tmp_path / "result.npz"):
            (tmp_path / "absent").read_bytes()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence(tmp_path: Path, code: int) -> None:
    with pytest.raises(HandfitError, match=r"result\.npz: .*disk is full") as caught:
        with atomic_path(tmp_path / "result.npz") as path:
            path.write_text("half")
            raise OSError(code, os.strerror(code))
    assert caught.value.exit_status == 1
    assert _names(tmp_path) == set()


def test_a_real_size_limit_leaves_no_file(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel refuse the write (EFBIG), as a full disk does (ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(HandfitError, match="disk is full"):
            with atomic_path(tmp_path / "result.bin") as path:
                path.write_bytes(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert _names(tmp_path) == set()


_ENDLESS_WRITER = """
import sys, time
from pathlib import Path
from fitter.export.atomic import atomic_path

with atomic_path(Path(sys.argv[1])) as path, path.open("wb") as file:
    while True:
        file.write(bytes(1000))
        file.flush()
        time.sleep(0.001)
"""


@pytest.mark.parametrize(("kill", "leftovers"), [(signal.SIGKILL, 1), (signal.SIGINT, 0)])
def test_a_killed_writer_leaves_no_final_file(tmp_path: Path, kill: signal.Signals, leftovers: int) -> None:
    """SIGKILL cannot be cleaned up after: its hidden leftover goes with the next run's `prepare_folder`."""
    command = [sys.executable, "-c", _ENDLESS_WRITER, str(tmp_path / "result.npz")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as writer:
        deadline = time.monotonic() + 30
        while not any(path.stat().st_size > 0 for path in tmp_path.iterdir()):
            assert writer.poll() is None and time.monotonic() < deadline, "the writer never began"
            time.sleep(0.01)
        writer.send_signal(kill)
    assert not (tmp_path / "result.npz").exists()
    assert len(_names(tmp_path)) == leftovers
    prepare_folder(tmp_path)
    assert _names(tmp_path) == set()


def test_prepare_folder_creates_parents_and_keeps_files_of_running_writers(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "a" / "b")
    running = folder / f".result.{os.getpid()}-0123abcd.partial.npz"
    foreign = folder / ".notes.partial"
    for path in (running, foreign):
        path.write_text("")
    prepare_folder(folder)
    assert _names(folder) == {running.name, foreign.name}


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    for folder in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(InputError, match="choose another output folder"):
            prepare_folder(folder)


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.npz" / "child").mkdir(parents=True)
    with pytest.raises(InputError, match=r"result\.npz: cannot be written"):
        with atomic_path(tmp_path / "result.npz") as path:
            path.write_text("new")
    assert _names(tmp_path) == {"result.npz"}


def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    """Root may write anywhere, so as root the test borrows the effective user `nobody` (65534)."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            prepare_folder(locked / "out")
        with pytest.raises(InputError, match="cannot be written"):
            prepare_folder(locked)
    finally:
        os.seteuid(user)
