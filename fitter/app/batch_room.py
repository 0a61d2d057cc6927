"""Whether there is room for one clip more: on the disk of the results, and in memory.

room = Room(Path("results"), least_disk_bytes=2e9, least_memory_bytes=1e9)
room.shortage()                                     # None, or "0.7 GB free in results, expected 2.0"
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

GB = 1e9
_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    """`folders`: on this machine, of results and of what is made before; 0: no limit."""

    folders: tuple[Path, ...]
    least_disk_bytes: float
    least_memory_bytes: float = 0.0

    def shortage(self) -> str | None:
        """What is short, in words; None where a clip may start."""
        for folder in self.folders:
            free = free_disk(folder)
            if free < self.least_disk_bytes:
                return f"{free / GB:.1f} GB free in {folder}, expected {self.least_disk_bytes / GB:.1f}"
        free_memory = available_memory() if self.least_memory_bytes else None
        if free_memory is not None and free_memory < self.least_memory_bytes:
            return f"{free_memory / GB:.1f} GB of memory free, expected {self.least_memory_bytes / GB:.1f}"
        return None


def free_disk(folder: Path) -> float:
    """Bytes free on the disk of a folder, which need not be there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return float(shutil.disk_usage(folder).free)


def available_memory() -> float | None:
    """Bytes that programs can still get, of the machine and of the container; None where the system does not tell."""
    known = [bytes_ for bytes_ in (_of_machine(_MEMORY), _of_group(_GROUP)) if bytes_ is not None]
    return min(known, default=None)


def _of_machine(file: Path) -> float | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _of_group(folder: Path) -> float | None:
    """What a container's limit leaves; cached files do not count as used, for they give way."""
    try:
        most, used = (folder / "memory.max").read_text().strip(), (folder / "memory.current").read_text()
        statistics = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    if most == "max":
        return None
    cached = next((int(line.split()[1]) for line in statistics if line.startswith("inactive_file ")), 0)
    return float(int(most) - int(used) + cached)
