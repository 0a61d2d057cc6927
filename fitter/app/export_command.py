"""The command that turns results into labels for other models.

    python -m fitter.export results/clip --format freihand --output labels      # --help lists all options

Exit status as of every command: 0 written, 2 unusable input or options (one sentence on stderr), 1 anything else.
"""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le
from tyro import conf

from fitter.app.command import run_command
from fitter.app.footage import clip_of
from fitter.app.progress import show_progress
from fitter.app.words import read_options
from fitter.errors import InputError
from fitter.export.atomic_folder import refuse_occupied
from fitter.export.folder import ResultFolder, open_result
from fitter.export.labels import (
    CROP_PX,
    FORMATS,
    MANIFEST,
    Gates,
    Images,
    LabelRequest,
    LabelSource,
    Manifest,
    Origin,
    check_request,
    export_labels,
)
from fitter.hand.mano import read_mean_pose

PROG = "python -m fitter.export"
DEFAULTS = Gates()

Percent = Annotated[float, Ge(0.0), Le(100.0)]
NotNegative = Annotated[float, Ge(0.0)] | None


@dataclass(frozen=True)
class ExportCommand:
    """Write labels for training and evaluating other models, of one result or of many.

    Frames that are not good enough are left out; manifest.json and manifest.md in DIR say which and why. DIR appears
    when everything in it is complete.
    """

    results: conf.Positional[Annotated[tuple[Path, ...], conf.arg(metavar="RESULT")]]
    """Folders that fits have written."""

    format: Literal["freihand", "ho3d", "interhand", "coco-wholebody", "hamer", "npz"]
    """Layout: of FreiHAND, HO-3D, InterHand2.6M, COCO-WholeBody, HaMeR, or handfit's own arrays."""

    output: Annotated[Path, conf.arg(metavar="DIR")]
    """Folder to write, new or empty."""

    images: Literal["auto", "crops", "frames", "none"] = "auto"
    """Crops around each hand, whole frames, or no images; auto is what the format is published with."""

    size: Annotated[int, Ge(16), Le(4096)] = CROP_PX
    """Side of the crops in pixels."""

    video: Annotated[Path | None, conf.arg(metavar="FILE_OR_FOLDER")] = None
    """The clip of the result, where it is no longer where it was."""

    mano: Annotated[Path | None, conf.arg(metavar="PATH_TO_MANO")] = None
    """MANO's file, for formats that count poses from its mean pose; without this the one that was fitted."""

    min_quality: Annotated[float, Ge(0.0), Le(1.0)] = DEFAULTS.min_quality
    """Least frame score; 0 lets all frames pass, as it does for every least below."""

    max_sigma_mm: NotNegative = DEFAULTS.max_sigma_mm
    """Largest mean standard deviation of the joints, were size and focal length known; null lets all pass, as it does
    for every largest below."""

    max_reprojection_percent: NotNegative = DEFAULTS.max_reprojection_percent
    """Largest mean distance of detections from the fit, in percent of the hand's longer side in the frame."""

    min_agreement_percent: Percent = DEFAULTS.min_agreement_percent
    """Least share of the joints that were detected near the fit's; 0 keeps frames without any detection."""

    max_photometric_sigmas: NotNegative = DEFAULTS.max_photometric_sigmas
    """Largest root mean square colour residual, in the photometric term's standard deviations."""

    min_inside_percent: Percent = DEFAULTS.min_inside_percent
    """Least share of the joints inside the frame."""

    overwrite: conf.FlagCreatePairsOff[bool] = False
    """Replace an earlier export in DIR."""

    quiet: conf.FlagCreatePairsOff[bool] = False
    """Print nothing but errors."""

    @property
    def gates(self) -> Gates:
        return Gates(
            min_quality=self.min_quality,
            max_sigma_mm=_limit(self.max_sigma_mm),
            max_reprojection_percent=_limit(self.max_reprojection_percent),
            min_agreement_percent=self.min_agreement_percent,
            max_photometric_sigmas=_limit(self.max_photometric_sigmas),
            min_inside_percent=self.min_inside_percent,
        )


def _limit(most: float | None) -> float:
    return math.inf if most is None else most


def export(command: ExportCommand) -> None:
    """Open the results, write their labels, and tell how many; raises HandfitError for what cannot be used."""
    refuse_occupied(command.output, MANIFEST, command.overwrite)
    if command.video is not None and len(command.results) > 1:
        raise InputError(f"--video {command.video}: is the clip of one result, but {len(command.results)} are given")
    folders = [open_result(path) for path in command.results]
    request = _request(command, folders)
    names = unique_names([folder.name for folder in folders])
    sources = [_source(folder, name, command, request) for folder, name in zip(folders, names, strict=True)]
    with show_progress(command.quiet) as progress:
        begun: list[str] = []

        def told(source: str, done: int, total: int) -> None:
            if begun[-1:] != [source]:
                begun.append(source)
                progress.begin(source)
            progress.frame(done, total)

        manifest = export_labels(sources, request, command.output, told, command.overwrite)
    if not command.quiet:
        print_account(manifest, command.output)


def _request(command: ExportCommand, folders: Sequence[ResultFolder]) -> LabelRequest:
    """What is asked for; the mean pose is read from MANO's file where the format counts from it."""
    kind = FORMATS[command.format]
    mean_pose = None
    if kind.zero == "mean" and any(folder.result.hand_model == "mano" for folder in folders):
        path = command.mano or _fitted_mano(folders)
        mean_pose = None if path is None else read_mean_pose(path)
    images: Images | None = None if command.images == "auto" else command.images
    return LabelRequest(kind, images, command.size, command.gates, mean_pose)


def _fitted_mano(folders: Sequence[ResultFolder]) -> Path | None:
    """The MANO file that was fitted, if it is still there."""
    named = (Path(folder.run.hand_model).expanduser() for folder in folders if folder.run is not None)
    return next((path for path in named if path.name != "anny" and path.exists()), None)


def _source(folder: ResultFolder, name: str, command: ExportCommand, request: LabelRequest) -> LabelSource:
    origin = Origin(str(folder.path), None if folder.run is None else folder.run.input)
    unread = LabelSource(name, folder.result, folder.diagnostics, None, origin)
    check_request(request, [unread])  # before the clip is opened, which may take a while
    if request.chosen_images == "none":
        return unread
    return LabelSource(name, folder.result, folder.diagnostics, clip_of(folder, command.video), origin)


def unique_names(names: Sequence[str]) -> list[str]:
    """Names of letters, digits, - and _, all different: what repeats gets a number."""
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "result" for name in names]
    taken: set[str] = set()
    for place, name in enumerate(plain):
        number = 2
        while plain[place] in taken:
            plain[place] = f"{name}-{number}"
            number += 1
        taken.add(plain[place])
    return plain


def print_account(manifest: Manifest, output: Path) -> None:
    """How many labels were written and why others were not, on stdout."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("result", "hand", "frames", "kept", "dropped by", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for plan in manifest.plans:
        for row, side in enumerate(plan.source.result.side):
            drops = manifest.dropped_by_hand(plan.place, side)
            why = ", ".join(f"{name} {count}" for name, count in drops.items())
            kept = plan.kept[row]
            table.add_row(plan.source.name, side, str(len(kept)), str(int(kept.sum())), why or "-")
    console.print(table)
    console.print(f"{manifest.n_kept} hands written to {output}", markup=False, highlight=False, soft_wrap=True)


def main(words: Sequence[str] | None = None) -> int:
    """Entry point of `python -m fitter.export`: the exit status of the command line, or of `words`."""
    given = sys.argv[1:] if words is None else words
    return run_command(lambda each: read_options(ExportCommand, each, PROG), export, given)
