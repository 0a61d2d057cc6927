"""What is short, in words."""

from pathlib import Path

import pytest

from fitter.app import batch_room
from fitter.app.batch_room import Room, available_memory, free_disk


def test_a_disk_with_room_and_one_without(tmp_path: Path) -> None:
    free = free_disk(tmp_path / "not" / "there" / "yet")
    assert free > 0
    assert Room((tmp_path,), free / 2).shortage() is None
    told = Room((tmp_path,), 1e18).shortage()
    assert told is not None and told.endswith(f"GB free in {tmp_path}, expected 1000000000.0")


def test_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 8000000 kB\nMemAvailable:    2000000 kB\n")
    monkeypatch.setattr(batch_room, "_MEMORY", file)
    monkeypatch.setattr(batch_room, "_GROUP", tmp_path)
    assert available_memory() == 2_048_000_000.0
    assert Room((), 0.0, 2e9).shortage() is None
    assert Room((), 0.0, 3e9).shortage() == "2.0 GB of memory free, expected 3.0"
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("900000000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 400000000\n")
    assert available_memory() == 500_000_000.0
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() == 2_048_000_000.0
    file.unlink()
    assert available_memory() is None and Room((), 0.0, 1e18).shortage() is None
