"""`python -m fitter.evaluate`: results against their truth, or a whole data set fitted and measured.

    python -m fitter.evaluate results/clip --truth annotations.json --frames 65 108 --output results/scores
    python -m fitter.evaluate --dataset HO3D_v3 --split evaluation --submission ho3d --output results/ho3d

Without a truth (a result of the demo has its own beside it) only what needs none is measured.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Gt
from rich.console import Console
from tyro import conf

from fitter.app.command import run_command
from fitter.app.options import DEFAULT_CONFIG
from fitter.app.words import read_options
from fitter.clip.clip import FOLDER_FPS
from fitter.errors import InputError

PROG = "python -m fitter.evaluate"


@dataclass(frozen=True)
class Evaluate:
    """Measure fits against their truth: tables on the terminal and as Markdown, CSV and JSON, and PCK plots.

    Exit status: 0 measured; 2 the input is unusable; 1 anything else, as when not one sequence could be fitted.
    """

    results: conf.Positional[Annotated[tuple[Path, ...], conf.arg(metavar="RESULT", help_behavior_hint="")]] = ()
    """Folders that a fit has written; several make one table with their mean below."""

    truth: Annotated[
        tuple[Path, ...], conf.arg(metavar="FILE_OR_SEQUENCE", help_behavior_hint="(default: truth.npz beside it)")
    ] = ()
    """Annotations in JSON (realhand-v1), a truth.npz of the demo, or a sequence of a data set (FOLDER/NAME); one for
    all results, or one for each."""

    frames: Annotated[tuple[int, ...], conf.arg(metavar="FIRST LAST", help_behavior_hint="(default: all)")] = ()
    """First and last frame of the result by the annotator's numbers; one pair for all results, or one for each."""

    video: Annotated[Path | None, conf.arg(metavar="FILE", help_behavior_hint="(default: where the fit found it)")] = (
        None
    )
    """The clip of a single result, for PSNR and SSIM."""

    output: Annotated[
        Path | None, conf.arg(metavar="DIR", help_behavior_hint="(default: none; with --dataset results/NAME)")
    ] = None
    """Folder of the tables and plots, and of what is fitted."""

    dataset: Annotated[Path | None, conf.arg(metavar="FOLDER", help_behavior_hint="(default: none)")] = None
    """Fit and measure a whole data set: FreiHAND, HO-3D, RHD, STB, DexYCB, InterHand2.6M, Dexter+Object, EgoDexter. A
    sequence in time is a clip, a still a clip of one frame. What is finished is kept: repeat the command to go on."""

    split: Literal["training", "evaluation"] = "evaluation"
    """Which part of the data set."""

    sequences: Annotated[tuple[str, ...], conf.arg(metavar="NAME", help_behavior_hint="(default: all)")] = ()
    """These of the data set only."""

    submission: Annotated[Literal["freihand", "ho3d"] | None, conf.arg(help_behavior_hint="(default: none)")] = None
    """Write pred.zip for the data set's evaluation server."""

    config: Annotated[Path, conf.arg(metavar="FILE", help_behavior_hint="(default: configs/default.yaml)")] = (
        DEFAULT_CONFIG
    )
    """How the data set is fitted; of its exports only textures are written."""

    fps: Annotated[float, Gt(0.0)] = FOLDER_FPS
    """Frames per second of the data set's clips, as it numbers their frames: the fit's steadiness goes by time."""

    hand_model: Annotated[str, conf.arg(metavar="anny|PATH_TO_MANO")] = "anny"
    """With which the data set is fitted."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    quiet: conf.FlagCreatePairsOff[bool] = False
    """Print errors only."""


def read(words: Sequence[str]) -> Evaluate:
    """The options; raises InputError, one sentence, for anything wrong in them or between them."""
    options = read_options(Evaluate, words, PROG)
    of_dataset = {"split", "sequences", "submission", "config", "fps", "hand_model", "device"}
    of_results = {"results", "truth", "frames", "video"}
    for name in of_dataset if options.dataset is None else of_results:
        if getattr(options, name) != getattr(Evaluate(), name):
            shown = "RESULT" if name == "results" else f"--{name.replace('_', '-')}"
            raise InputError(f"{shown} is {'only for' if options.dataset is None else 'not for'} --dataset")
    n = len(options.results)
    if options.dataset is None and n == 0:
        raise InputError("RESULT is missing, expected one or more folders of results, or --dataset (--help explains)")
    if len(options.truth) not in (0, 1, n):
        raise InputError(f"--truth: {len(options.truth)} for {n} results, expected one for all or one for each")
    if len(options.frames) not in (0, 2, 2 * n):
        raise InputError("--frames: expected FIRST LAST, one pair for all results or one for each")
    if options.frames and not options.truth:
        raise InputError("--frames are numbers of a truth's frames, expected --truth beside them")
    if options.video is not None and n > 1:
        raise InputError("--video: expected one result beside it")
    return options


def evaluate(options: Evaluate) -> None:
    """Do what the options say; raises HandfitError."""
    from fitter.app.evaluate_dataset import DatasetFit, fit_and_measure
    from fitter.app.evaluate_results import measure_results
    from fitter.evaluate.tally import mean_row, report
    from fitter.export.atomic import prepare_folder

    console = Console(quiet=options.quiet)
    if options.dataset is None:
        folder = None if options.output is None else prepare_folder(options.output)
        measured = measure_results(options.results, options.truth, options.frames, options.video)
        report(measured, mean_row(measured), folder, console)
        return
    wanted = DatasetFit(
        folder=options.dataset,
        split=options.split,
        names=options.sequences,
        hand_model=options.hand_model,
        device=options.device,
        config=options.config,
        fps=options.fps,
        output=options.output or Path("results") / (options.dataset.resolve().name or "dataset"),
        submission=options.submission,
    )
    fit_and_measure(wanted, console)


def main() -> int:
    """Entry point of `python -m fitter.evaluate`."""
    return run_command(read, evaluate, sys.argv[1:])
