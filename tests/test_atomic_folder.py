"""A folder is there whole or not at all, and nothing that is not ours is replaced."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fitter.errors import InputError
from fitter.export.atomic_folder import atomic_folder
from tests.conftest import REPOSITORY

MARKER = "manifest.json"


def write(path: Path, text: str, overwrite: bool = False) -> None:
    with atomic_folder(path, MARKER, overwrite) as folder:
        assert not (path / "part").exists() or (path / "part").read_text() != text
        (folder / "part").write_text(text)
        (folder / MARKER).write_text("{}")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "labels"
    with atomic_folder(target, MARKER) as folder:
        (folder / "part").write_text("1")
        assert not target.exists() and folder.parent == target.parent
    assert names(target) == ["part"] and names(target.parent) == ["labels"]


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "labels", MARKER) as folder:
        (folder / "part").write_text("1")
        raise RuntimeError
    assert names(tmp_path) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "labels").mkdir()
    write(tmp_path / "labels", "1")
    assert names(tmp_path / "labels") == [MARKER, "part"]


def test_a_full_folder_is_refused_unless_it_is_an_export_to_overwrite(tmp_path):
    target = tmp_path / "labels"
    write(target, "1")
    with pytest.raises(InputError, match="labels: is not empty; choose another output folder, or give --overwrite"):
        write(target, "2")
    assert (target / "part").read_text() == "1"
    (target / "more").write_text("stale")
    write(target, "2", overwrite=True)
    assert names(target) == [MARKER, "part"] and (target / "part").read_text() == "2"
    assert names(tmp_path) == ["labels"]


def test_other_peoples_files_are_never_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("dear")
    with pytest.raises(InputError, match=r"has no manifest.json, so it is no export of labels"):
        write(tmp_path / "photos", "1", overwrite=True)
    (tmp_path / "file").write_text("dear")
    with pytest.raises(InputError, match="file: is a file, expected a folder"):
        write(tmp_path / "file", "1", overwrite=True)
    assert (tmp_path / "photos" / "holiday.jpg").read_text() == (tmp_path / "file").read_text() == "dear"


def test_a_failed_overwrite_keeps_the_old_export(tmp_path):
    target = tmp_path / "labels"
    write(target, "1")
    with pytest.raises(RuntimeError), atomic_folder(target, MARKER, overwrite=True):
        raise RuntimeError
    assert (target / "part").read_text() == "1" and names(tmp_path) == ["labels"]


def test_a_killed_writer_leaves_no_folder_and_the_next_one_sweeps(tmp_path):
    source = f"""
import time
from pathlib import Path
from fitter.export.atomic_folder import atomic_folder
with atomic_folder(Path({str(tmp_path / "labels")!r}), {MARKER!r}) as folder:
    (folder / "part").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""
    writer = subprocess.Popen([sys.executable, "-c", source], cwd=REPOSITORY, stdout=subprocess.PIPE)
    assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".labels.") and not (tmp_path / "labels").exists()
    write(tmp_path / "labels", "whole")
    assert names(tmp_path) == ["labels"] and (tmp_path / "labels" / "part").read_text() == "whole"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="choose another output folder"):
            write(tmp_path / "labels", "1")
    finally:
        tmp_path.chmod(0o700)
