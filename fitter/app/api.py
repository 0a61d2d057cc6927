"""The Python API: the same steps as the command line, with a typed result.

import fitter
result = fitter.fit("clip.mp4", hand_length_mm=190)
result.joints_m                                         # (hands, frames, 21, 3), metres, camera axes
"""

import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from fitter.app.arguments import OPTIONS
from fitter.app.claim import claimed
from fitter.app.clip_source import ClipSource
from fitter.app.cues import read_cues
from fitter.app.journal import keep_warnings
from fitter.app.options import Command
from fitter.app.products import export
from fitter.app.progress import Progress, show_progress
from fitter.app.resume import identity, mark_complete, mark_unfinished, record_of
from fitter.app.steps import learned_initializer, load, observe, optimise, terms_of
from fitter.clip import Clip
from fitter.clip.array import clip_of_frames
from fitter.config import Config, Export, from_mapping, load_config, save_config
from fitter.config.structure import from_value
from fitter.errors import InputError
from fitter.export.atomic import atomic_path, prepare_folder
from fitter.export.clip_writer import written
from fitter.export.result import FitResult
from fitter.observe.tracks import HandChoice

log = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]

# What an array of keypoints is kept as, beside the result.
KEYPOINTS_FILE = "keypoints.npz"
# Where the files are not kept, pictures and meshes need not be made.
NUMBERS_ONLY = Export(**dict.fromkeys((field.name for field in fields(Export)), False))


def fit(
    clip: PathLike | np.ndarray,
    output: PathLike | None = None,
    config: Config | PathLike | Mapping[str, object] | None = None,
    *,
    fps: float | None = None,
    hand: HandChoice = "auto",
    hand_model: PathLike = "anny",
    hand_length_mm: float | None = None,
    intrinsics: str | Sequence[float] | np.ndarray | None = None,
    keypoints: PathLike | np.ndarray | None = None,
    masks: PathLike | None = None,
    depth: PathLike | None = None,
    joints: PathLike | None = None,
    vertices: PathLike | None = None,
    initial: PathLike | None = None,
    cameras: PathLike | None = None,
    same_person: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    progress: bool = False,
) -> FitResult:
    """Fit the hands of a clip and return the result; the same numbers as the command line's.

    - `clip`: a video, a folder of images, or `"demo"`; or the frames themselves, an array (frames, height, width, 3) of
      uint8 RGB with `fps` frames per second.
    - `output`: a folder for the files that the command line writes; without it nothing is kept.
    - `config`: a YAML file; or its keys as a nested mapping, `{"energy": {"keypoints": {"sigma_px": 3.0}}}`, all others
      having their defaults; or a `Config`.
    - `hand`: `auto`, `left`, `right` or `both`.
    - `hand_model`: `anny`, or the file of your MANO_RIGHT.
    - `hand_length_mm`: wrist to middle fingertip, millimetres; without it the size is that of adults' hands.
    - `intrinsics`: fx, fy, cx, cy and optionally OpenCV's k1, k2, p1, p2, k3, in pixels of the frames, as text or
      numbers; or the matrix K, (3, 3).
    - `keypoints`: detections in a file or folder; or an array (frames, 21, 2), (hands, frames, 21, 2), pixels, OpenPose
      order, NaN where not seen; with a third number per joint for its confidence, 0 to 1.
    - `masks`, `depth`, `joints`, `vertices`, `initial`, `cameras`, `same_person`, `device`: as of the command line.
    - `progress`: show on stderr how far the fit is: live on a terminal, a line now and then in a notebook.

    Raises HandfitError, one sentence: InputError for what cannot be used, NoHandError where no hand is found.
    """
    command = Command(
        input=os.fspath(clip) if not isinstance(clip, np.ndarray) else "frames",
        keypoints=None if isinstance(keypoints, np.ndarray) else _path(keypoints),
        masks=_path(masks),
        depth=_path(depth),
        joints=_path(joints),
        vertices=_path(vertices),
        initial=None if initial is None else os.fspath(initial),
        cameras=_path(cameras),
        same_person=same_person,
        intrinsics=_intrinsics(intrinsics),
        hand=hand,
        hand_model=os.fspath(hand_model),
        hand_length_mm=hand_length_mm,
        device=device,
    )
    for name in ("hand", "hand_length_mm", "device"):
        from_value(OPTIONS[name], getattr(command, name), name)
    settings = _settings(config)
    frames = clip_of_frames(clip, fps) if isinstance(clip, np.ndarray) else None
    if frames is None and fps is not None:
        raise InputError(f"fps: expected with an array of frames only, {command.input} has its own")
    with tempfile.TemporaryDirectory(prefix="handfit-") as nothing_kept, show_progress(not progress) as shown:
        folder = Path(nothing_kept) if output is None else Path(output)
        if output is None:
            settings = replace(settings, export=NUMBERS_ONLY)
        if isinstance(keypoints, np.ndarray):
            command = replace(command, keypoints=_write_keypoints(keypoints, folder))
        return _fit(replace(command, output=folder), settings, frames, shown)


def _fit(command: Command, config: Config, frames: Clip | None, progress: Progress) -> FitResult:
    """As the command line does it, see `fit_sequence.py`."""
    began = time.monotonic()
    with keep_warnings() as journal, ExitStack() as held:
        progress.begin("load")
        clip, camera, model = load(command, frames)
        cues, learned = read_cues(command, clip, model), learned_initializer(config.initialise)
        folder = held.enter_context(claimed(command))
        mark_unfinished(folder)
        progress.begin("observe")
        seen = observe(command, config, clip, folder, progress)
        progress.begin("initialise")
        save_config(config, folder / "config.yaml")
        windows = optimise(ClipSource(clip, camera, model, seen, cues, learned), config, command, progress)
        with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
            progress.begin("export")
            export(fitted, clip, camera, config, folder, progress)
        words, seconds = _words(command, folder), time.monotonic() - began
        record = record_of(identity(command, config, clip), command, words, fitted.hands, seconds, journal.warnings)
        mark_complete(folder, record, fitted, config.export.report)
    _repeat(journal.warnings)
    return fitted.result


def _words(command: Command, folder: Path) -> tuple[str, ...]:
    """The call as a command line of the same options; its settings are those in the folder."""
    told = {field.name: getattr(command, field.name) for field in fields(Command)}
    told |= {"config": folder / "config.yaml"}
    standard = Command(input=told.pop("input"))
    options = [(name, value) for name, value in told.items() if value != getattr(standard, name)]
    return (
        "handfit",
        standard.input,
        *(word for name, value in options for word in _option(name, value)),
    )


def _option(name: str, value: object) -> tuple[str, ...]:
    flag = f"--{name.replace('_', '-')}"
    return (flag,) if value is True else (flag, str(value))


def _repeat(warnings: Sequence[str]) -> None:
    """Say on stderr what was warned of, where nobody has set logging up: while warnings are kept they are silent."""
    if not logging.getLogger("fitter").hasHandlers():
        for sentence in warnings:
            log.warning("%s", sentence)


def _settings(config: Config | PathLike | Mapping[str, object] | None) -> Config:
    if config is None or isinstance(config, Config):
        return config or Config()
    if isinstance(config, Mapping):
        return from_mapping(Config, dict(config), where="config")
    return load_config(Path(config))


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _intrinsics(given: str | Sequence[float] | np.ndarray | None) -> str | None:
    """As the command line has them: numbers in a text, in which no digit is lost."""
    if given is None or isinstance(given, str):
        return given
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.shape == (3, 3):
        if numbers[0, 1] != 0.0 or (numbers[2] != [0.0, 0.0, 1.0]).any():
            raise InputError("intrinsics: expected a matrix K without skew whose last row is 0, 0, 1")
        numbers = numbers[[0, 1, 0, 1], [0, 1, 2, 2]]
    if numbers.ndim != 1:
        raise InputError(f"intrinsics: expected fx, fy, cx, cy[, k1, k2, p1, p2[, k3]] or K, got shape {numbers.shape}")
    return ",".join(repr(float(number)) for number in numbers)


def _write_keypoints(keypoints: np.ndarray, folder: Path) -> Path:
    """Keep an array of detections in `folder`, as the command line reads them."""
    if keypoints.dtype.kind not in "fiu" or keypoints.ndim not in (3, 4) or keypoints.shape[-1] not in (2, 3):
        raise InputError(
            "keypoints: expected an array (frames, 21, 2) or (hands, frames, 21, 2) of pixels, or 3 with confidence, "
            f"got {keypoints.dtype} of {keypoints.shape}"
        )
    arrays = {"keypoints_px": keypoints[..., :2]}
    if keypoints.shape[-1] == 3:
        arrays["confidence"] = keypoints[..., 2]
    prepare_folder(folder)
    with atomic_path(folder / KEYPOINTS_FILE) as path:
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return folder / KEYPOINTS_FILE
