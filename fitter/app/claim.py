"""The output folder of a fit: never one of its inputs, and never that of another fit that still runs.

with claimed(command) as folder:
    ...
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitter.app.options import Command
from fitter.errors import InputError
from fitter.export.atomic import prepare_folder
from fitter.export.lock import locked

# Videos that a fit writes: a clip of this name in the output folder would be read and replaced at once.
WRITTEN = ("overlay.mp4", "comparison.mp4")


@contextmanager
def claimed(command: Command) -> Iterator[Path]:
    """The folder, made, proved writable and held; raises InputError where it cannot be, HandfitError on a full disk."""
    folder = command.output_folder
    refuse_inputs(command, folder)
    prepare_folder(folder)
    with locked(folder):
        yield folder


def refuse_inputs(command: Command, folder: Path) -> None:
    """Raise InputError where the fit would write among its own inputs, which the next fit would read with them."""
    given = {"INPUT": Path(command.input), "--keypoints": command.keypoints}
    given |= {"--masks": command.masks, "--depth": command.depth}
    for option, path in given.items():
        if path is None or not os.path.exists(path) or not os.path.exists(folder):  # False, too, of names too long
            continue
        if path.samefile(folder):
            raise InputError(f"{folder}: holds the files of {option}, choose another output folder")
        if path.name in WRITTEN and path.parent.samefile(folder):
            raise InputError(f"{path}: {option} would be replaced by the result, choose another output folder")
