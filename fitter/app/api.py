"""The Python API: the same steps as the command line, with a typed result.

import fitter
result = fitter.fit("clip.mp4", hand_length_mm=190)
result.joints_m                                         # (hands, frames, 21, 3), metres, camera axes
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from fitter.app.cues import read_cues
from fitter.app.journal import keep_warnings
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.report_command import write_report
from fitter.app.resume import identity, mark_unfinished, record_of
from fitter.app.steps import export, initialise, learned_initializer, load, observe, optimise
from fitter.config import Config, load_config, save_config
from fitter.export.atomic import prepare_folder
from fitter.export.folder import open_result
from fitter.export.result import FitResult
from fitter.export.run_record import save_record
from fitter.observe.tracks import HandChoice


def fit(
    clip: str | Path,
    output: str | Path | None = None,
    config: Config | str | Path | None = None,
    *,
    hand: HandChoice = "auto",
    hand_model: str = "anny",
    hand_length_mm: float | None = None,
    intrinsics: str | None = None,
    keypoints: str | Path | None = None,
    masks: str | Path | None = None,
    depth: str | Path | None = None,
    joints: str | Path | None = None,
    vertices: str | Path | None = None,
    initial: str | Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> FitResult:
    """Fit the hands of a clip (a video, a folder of images, or `demo`) and return the result.

    The keywords are the command line's options. With `output` the result folder is written as by the command line;
    without it nothing is kept. Raises HandfitError, one sentence.
    """
    settings = config if isinstance(config, Config) else load_config(Path(config)) if config else Config()
    command = Command(
        input=str(clip),
        keypoints=None if keypoints is None else Path(keypoints),
        masks=None if masks is None else Path(masks),
        depth=None if depth is None else Path(depth),
        joints=None if joints is None else Path(joints),
        vertices=None if vertices is None else Path(vertices),
        initial=None if initial is None else str(initial),
        intrinsics=intrinsics,
        hand=hand,
        hand_model=hand_model,
        hand_length_mm=hand_length_mm,
        device=device,
    )
    if output is not None:
        return _fit(replace(command, output=Path(output)), settings, Path(output))
    bare = replace(settings, export=replace(settings.export, overlay=False, meshes=False, report=False))
    with tempfile.TemporaryDirectory(prefix="handfit-") as folder:
        return _fit(command, bare, Path(folder))


def _fit(command: Command, config: Config, folder: Path) -> FitResult:
    progress, began = SilentProgress(), time.monotonic()
    with keep_warnings() as journal:
        clip, camera, model = load(command)
        cues = read_cues(command, clip, model)
        prepare_folder(folder)
        mark_unfinished(folder)
        seen = observe(command, config, clip, folder, progress)
        inputs = initialise(clip, camera, model, seen, cues, learned_initializer(config.initialise))
        hands = optimise(inputs, seen, config, command, progress)
        save_config(config, folder / "config.yaml")
        result = export(hands, clip, camera, config, folder, progress)
    words, seconds = ("fitter.fit", command.input), time.monotonic() - began
    record = record_of(identity(command, config, clip), command, words, hands, seconds)
    record = replace(record, warnings=journal.warnings)
    if config.export.report:
        write_report(replace(open_result(folder), run=record))
    save_record(record, folder)
    return result
