"""Finished windows of a fit, kept in its output folder until the result is complete, so that `--resume` goes on there.

saved = SavedWindows.of(folder, run, scenes, resume=True)
fits = saved.load("00003", known=person)             # None: still to be done

What is resumed is what was saved, and also the run that was not interrupted goes on from what it has saved: both are
equal to the last bit.
"""

import io
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.export.atomic import atomic_path, prepare_folder
from fitter.observe.plain_arrays import read_arrays
from fitter.pipeline import HandFit
from fitter.pipeline.saved_fit import NAMES, arrays_of, fit_of
from fitter.scene import Scene

log = logging.getLogger(__name__)

WINDOWS_FOLDER = ".windows"
KEY = "run"
# A window of 10 000 frames, or a texture of 4096 x 4096 texels in float64, is smaller than this.
MOST_BYTES = 2**30


@dataclass(frozen=True)
class SavedWindows:
    """A `Keeper` of one `run` (`fitter.app.resume.identity`); `scenes` have each hand's model, landmarks and camera."""

    folder: Path
    run: str
    scenes: Sequence[Scene]

    @staticmethod
    def of(output: Path, run: str, scenes: Sequence[Scene], resume: bool) -> "SavedWindows":
        """Those in the `output` folder; without `resume` earlier ones are removed. Raises as `prepare_folder`."""
        if not resume:
            forget_windows(output)
        return SavedWindows(prepare_folder(output / WINDOWS_FOLDER), run, scenes)

    def load(self, name: str, known: Sequence[HandFit] | None) -> list[HandFit] | None:
        """The window's fits; None where there are none, or the file is damaged or of another run."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            arrays = read_arrays(path, self._names(), "a window of a fit", MOST_BYTES)
            if str(arrays[KEY]) != self.run:
                return None
            return self._fits(arrays, known)
        except (InputError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
            log.warning("%s is damaged (%s): its window is fitted again", path, error)
            return None

    def save(self, name: str, fits: Sequence[HandFit], known: Sequence[HandFit] | None) -> list[HandFit]:
        """Keep a window's fits and return them as they are kept."""
        arrays = {KEY: np.array(self.run)}
        for index, fit in enumerate(fits):
            own = arrays_of(fit, None if known is None else known[index])
            arrays |= {_name(index, field): array for field, array in own.items()}
        packed = io.BytesIO()  # numpy would leave an archive open on a full disk
        np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub: names for allow_pickle)
        with atomic_path(self._path(name)) as path:
            path.write_bytes(packed.getbuffer())
        return self._fits(arrays, known)

    def _fits(self, arrays: Mapping[str, np.ndarray], known: Sequence[HandFit] | None) -> list[HandFit]:
        fits = []
        for index, scene in enumerate(self.scenes):
            names = {field: _name(index, field) for field in NAMES}
            own = {field: np.array(arrays[name]) for field, name in names.items() if name in arrays}
            fits.append(fit_of(own, scene, None if known is None else known[index]))
        return fits

    def _names(self) -> set[str]:
        return {KEY, *(_name(index, field) for index in range(len(self.scenes)) for field in NAMES)}

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


def _name(hand: int, field: str) -> str:
    return f"hand{hand}_{field}"


def forget_windows(output: Path) -> None:
    """Remove what was kept, once the result is complete."""
    shutil.rmtree(output / WINDOWS_FOLDER, ignore_errors=True)
