"""What is fuzzed: a reader, the files that it reads, and which of them is broken.

target = Target("masks", "png", "masks/1.png", write_masks, read_masks)
"""

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutations import mutated


@dataclass(frozen=True)
class Target:
    """`write` lays valid files into an empty folder and may return further valid contents of `file`, the one that is
    broken, whose format is `kind`. `read` does with the folder all that the program does with such files.

    `slow_s` is what one input may take of the processor's time.
    """

    name: str
    kind: str
    file: str
    write: Callable[[Path], list[bytes] | None]
    read: Callable[[Path], object]
    slow_s: float = 2.0

    def seeds(self, folder: Path) -> list[bytes]:
        """The valid contents; the files lie in `folder` afterwards."""
        further = self.write(folder) or []
        return [(folder / self.file).read_bytes(), *further]


@dataclass(frozen=True)
class Bench:
    """A target with its files on the disk, ready for inputs."""

    target: Target
    folder: Path
    seeds: tuple[bytes, ...]

    @staticmethod
    def of(target: Target, folder: Path | None = None) -> "Bench":
        folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{target.name}-")) if folder is None else folder
        seeds = tuple(target.seeds(folder))
        target.read(folder)  # imports and caches belong to no input
        return Bench(target, folder, seeds)

    def broken(self, number: int) -> bytes:
        """One of the valid contents, broken; the number says how."""
        chance = random.Random(number)
        return mutated(chance.choice(self.seeds), self.target.kind, chance)

    @property
    def file(self) -> Path:
        return self.folder / self.target.file
