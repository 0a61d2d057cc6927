"""The folder that a fit leaves, opened by those who show, judge or convert it.

folder = open_result(Path("results/clip"))
folder.result.joints_m, folder.run.command, folder.texture("right")
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fitter.errors import InputError
from fitter.export.diagnostics import DIAGNOSTICS_FILE, Diagnostics
from fitter.export.result import RESULT_FILE, FitResult
from fitter.export.run_record import RUN_FILE, RunRecord
from fitter.observe.observations import Side


@dataclass(frozen=True)
class ResultFolder:
    """`diagnostics` and `run` are None where only `result.npz` was kept."""

    path: Path
    result: FitResult
    diagnostics: Diagnostics | None = None
    run: RunRecord | None = None

    @property
    def relative_sigma_mm(self) -> Float32[np.ndarray, "hands frames 21"]:
        """What each frame itself lacks, size and focal length aside; where nobody kept it, `joints_sigma_mm`. NaN where
        the hand is not present.
        """
        if self.diagnostics is None:
            return self.result.joints_sigma_mm
        return np.where(self.result.present[..., None], self.diagnostics.relative_sigma_mm, np.float32(np.nan))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def texture(self, side: Side) -> Path | None:
        """The albedo that a hand wears; None where it was fitted without pixels."""
        return self.file(f"texture_{side}.png")

    def file(self, name: str) -> Path | None:
        """A file of this name in the folder, or None."""
        path = self.path / name
        return path if path.is_file() else None


def open_result(path: Path) -> ResultFolder:
    """The result in a folder, or the folder of a `result.npz`; raises InputError, one sentence, for any damage."""
    folder = path.parent if path.is_file() and path.name == RESULT_FILE else path
    if not folder.is_dir():
        raise InputError(f"{path}: no such folder, expected the folder that a fit has written")
    result = FitResult.load(folder)
    diagnostics = Diagnostics.load(folder) if (folder / DIAGNOSTICS_FILE).exists() else None
    if diagnostics is not None and diagnostics.reprojection_px.shape != result.present.shape:
        raise InputError(f"{folder / DIAGNOSTICS_FILE}: not of the same fit as {RESULT_FILE}, which has other frames")
    run = RunRecord.load(folder) if (folder / RUN_FILE).exists() else None
    return ResultFolder(folder, result, diagnostics, run)
