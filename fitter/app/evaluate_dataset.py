"""A whole data set fitted and measured, clip by clip, for `python -m fitter.evaluate --dataset`.

    fit_and_measure(DatasetFit(Path("HO3D_v3"), "evaluation", output=Path("results/ho3d")), Console())

Each clip keeps its result folder under `clips`; one that is complete and of the same settings is not fitted again. A
clip that fails is reported and counts as not detected; the others go on. The data set gives the side and the camera;
its truth is seen by the measures alone.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console

from fitter.app.clip_source import ClipSource
from fitter.app.dataset_clips import Item, camera_of_hands, clip_of_hands, item_at, items_of
from fitter.app.journal import keep_warnings
from fitter.app.options import DEFAULT_CONFIG, Command
from fitter.app.products import export
from fitter.app.progress import SilentProgress
from fitter.app.resume import identity, is_complete, mark_complete, mark_unfinished, record_of
from fitter.app.steps import choose_device, learned_initializer, observe, optimise, terms_of
from fitter.clip.clip import FOLDER_FPS
from fitter.clip.images import ImageClip
from fitter.config import Config, load_config, save_config
from fitter.errors import HandfitError
from fitter.evaluate.compare import compare, not_found, nothing_measured
from fitter.evaluate.measures import Errors, pooled
from fitter.evaluate.pictures import compare_pictures
from fitter.evaluate.readers import AnnotatedHand, Reader, Split, open_dataset
from fitter.evaluate.submission import Place, Prediction, Server, evaluation_order, write_submission
from fitter.evaluate.tally import Measured, pooled_row, report
from fitter.evaluate.truth_of_dataset import truth_of_hands
from fitter.export.atomic import atomic_path, prepare_folder
from fitter.export.clip_writer import written
from fitter.export.folder import open_result
from fitter.export.result import FitResult
from fitter.export.run_record import RUN_FILE
from fitter.hand import HandModel
from fitter.hand.load import load_hand_model
from priors.learned import LearnedInitializer

log = logging.getLogger(__name__)

CLIPS, FAILURES = "clips", "failures.txt"  # in the output folder
PAUSE_S = 5.0  # between two words on stills, which take a third of a second each


@dataclass(frozen=True)
class DatasetFit:
    """What is fitted of which data set, how, and where it goes. `names` are of sequences; none: all of the split."""

    folder: Path
    split: Split
    output: Path
    names: tuple[str, ...] = ()
    hand_model: str = "anny"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    config: Path = DEFAULT_CONFIG
    fps: float = FOLDER_FPS
    submission: Server | None = None


@dataclass(frozen=True)
class _Engine:
    """What all clips share."""

    wanted: DatasetFit
    reader: Reader
    config: Config
    model: HandModel
    learned: LearnedInitializer | None


def fit_and_measure(wanted: DatasetFit, console: Console) -> None:
    """Fit, measure, print and write; raises HandfitError where the data set cannot be used, or not one clip fits."""
    reader = open_dataset(wanted.folder)
    items = items_of(reader, wanted.split, wanted.names)
    if wanted.submission is not None:
        evaluation_order(reader, wanted.submission)  # what cannot be submitted is said before the work
    choose_device(Command(input="", device=wanted.device))
    prepare_folder(wanted.output)
    config = bare(load_config(wanted.config))
    engine = _Engine(wanted, reader, config, load_hand_model(wanted.hand_model), learned_initializer(config.initialise))
    parts, failures = [], {}
    begun = told = time.monotonic()
    for number, item in enumerate(items):
        errors, failure = _fit_one(engine, item)
        parts.append((item, errors))
        if failure:
            failures[item.name] = failure
            _tell(console, f"{item.name}: {failure}", "yellow")
        now, last = time.monotonic(), number + 1 == len(items)
        if item.sequence.in_time or last or now - told >= PAUSE_S:
            told = now
            _tell(console, f"{number + 1} of {len(items)} clips after {now - begun:.0f} s: {item.name}")
    measured = by_sequence(parts, failures)
    report(measured, pooled_row(measured), wanted.output, console)
    _list_failures(wanted.output / FAILURES, failures, console)
    if wanted.submission is not None:
        _submit(engine, wanted.submission, console)
    if len(failures) == len(items):
        raise HandfitError(f"not one of {len(items)} clips could be fitted; the first: {next(iter(failures.values()))}")


def _tell(console: Console, sentence: str, style: str | None = None) -> None:
    console.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)


def _list_failures(path: Path, failures: Mapping[str, str], console: Console) -> None:
    """A line per clip that failed; no file where none did."""
    if not failures:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{name}: {why}\n" for name, why in failures.items()), encoding="utf-8")
    _tell(console, f"{len(failures)} clips failed, listed in {path}", "yellow")


def bare(config: Config) -> Config:
    """Without the videos and meshes: nobody looks at those of thousands of clips. Textures tell PSNR."""
    return replace(
        config,
        export=replace(config.export, overlay=False, comparison=False, meshes=False, turntable=False, report=False),
    )


def by_sequence(parts: Sequence[tuple[Item, Errors]], failures: Mapping[str, str]) -> list[Measured]:
    """A row per sequence of the data set: stills together, with how many of its clips failed."""
    names = dict.fromkeys(item.sequence.name for item, _ in parts)
    measured = []
    for name in names:
        own = [(item, errors) for item, errors in parts if item.sequence.name == name]
        failed = [failures[item.name] for item, _ in own if item.name in failures]
        note = "" if not failed else failed[0] if len(own) == 1 else f"{len(failed)} of {len(own)} failed: {failed[0]}"
        measured.append(Measured(name, pooled([errors for _, errors in own]), note))
    return measured


def _fit_one(engine: _Engine, item: Item) -> tuple[Errors, str]:
    """The errors of a clip, fitted now or before, and why it failed if it did."""
    try:
        hands = item.hands(engine.reader)
    except HandfitError as error:
        return nothing_measured(), str(error)
    truth = truth_of_hands(hands, item.name)
    try:
        clip = clip_of_hands(item.name, hands, engine.wanted.fps)
        folder = open_result(_fitted(engine, item, hands, clip))
        errors = compare(folder.result, truth)
        side = hands[0].side
        if side in folder.result.side:
            errors = compare_pictures(errors, folder, folder.result.side.index(side), clip)
        return errors, ""
    except HandfitError as error:
        return not_found(truth), str(error)
    except Exception as error:  # whatever is wrong with one clip, the others go on
        log.exception("%s", item.name)
        return not_found(truth), f"{type(error).__name__}: {error} (a fault in handfit)"


def _fitted(engine: _Engine, item: Item, hands: Sequence[AnnotatedHand], clip: ImageClip) -> Path:
    """The folder of the clip's result, which is fitted unless it is there; raises HandfitError where that fails."""
    wanted, config, began = engine.wanted, engine.config, time.monotonic()
    camera = camera_of_hands(item.name, hands, (clip.width, clip.height))
    folder = wanted.output / CLIPS / item.name
    command = Command(
        input=str(clip.path),
        output=folder,
        config=wanted.config,
        intrinsics=",".join(repr(number) for number in (camera.fx, camera.fy, camera.cx, camera.cy)),
        hand=hands[0].side,
        hand_model=wanted.hand_model,
        device=wanted.device,
    )
    this_run = identity(command, config, clip)
    if is_complete(folder, this_run):
        return folder
    prepare_folder(folder)
    mark_unfinished(folder)
    progress = SilentProgress()
    with keep_warnings() as journal:
        seen = observe(command, config, clip, folder, progress)
        source = ClipSource(clip, camera, engine.model, seen, learned=engine.learned)
        save_config(config, folder / "config.yaml")
        windows = optimise(source, config, command, progress)
        with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
            export(fitted, clip, camera, config, folder, progress)
    words = ("python -m fitter.evaluate", "--dataset", str(wanted.folder))
    record = record_of(this_run, command, words, fitted.hands, time.monotonic() - began, journal.warnings)
    mark_complete(folder, record, fitted, config.export.report)
    return folder


def _submit(engine: _Engine, server: Server, console: Console) -> None:
    """Write pred.zip of what was fitted, in every frame the nearest in time that the hand was found in."""
    sequences = {sequence.name: sequence for sequence in engine.reader.sequences}

    @lru_cache(maxsize=2)
    def result_of(name: str) -> FitResult | None:
        folder = engine.wanted.output / CLIPS / name
        return FitResult.load(folder) if (folder / RUN_FILE).exists() else None

    def predict(place: Place) -> Prediction | None:
        item = item_at(sequences[place.sequence], place.index)
        result = result_of(item.name)
        if result is None or not result.present[0].any():
            return None
        found = np.flatnonzero(result.present[0])
        frame = found[np.abs(found - (place.index - item.indices.start)).argmin()]
        return Prediction(result.joints_m[0, frame], result.vertices_m[0, frame])

    path, missing = write_submission(engine.wanted.output, engine.reader, server, predict)
    without = f"; {missing} images have no prediction and stand there as zeros" if missing else ""
    _tell(console, f"written to {path}{without}")
