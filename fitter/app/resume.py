"""What `--resume` needs to know: whether a folder already holds the complete result of the very same run.

if command.resume and is_complete(folder, identity(command, config, clip)): ...

An interrupted run leaves its detections, which every later run of the same clip uses again; a finished one leaves
`run.json`.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import fitter
from fitter.app.demo import DEMO
from fitter.app.initial import NEUTRAL
from fitter.app.options import Command
from fitter.app.report_command import write_report
from fitter.app.saved_windows import forget_windows
from fitter.clip import Clip
from fitter.config import Config, to_mapping
from fitter.errors import HandfitError
from fitter.export.clip_writer import FittedClip, HandOfClip
from fitter.export.folder import ResultFolder, open_result
from fitter.export.result import RESULT_FILE
from fitter.export.run_record import RUN_FILE, RunRecord, save_record
from fitter.initialise.settings import SHIPPED
from fitter.observe.cache import content_hash

# Options that say where the result goes and how the fit is shown; settings count one by one, not their file.
NOT_OF_THE_RESULT = ("output", "config", "resume", "quiet", "debug")


def identity(command: Command, config: Config, clip: Clip) -> str:
    """A digest of everything the result depends on: pixels, options, settings, the user's files, this release."""
    options = {name: value for name, value in vars(command).items() if name not in ("input", *NOT_OF_THE_RESULT)}
    by_content = {name: path for name, path in options.items() if isinstance(path, Path)}
    network = config.initialise.network
    trained = None if network in (None, SHIPPED) else Path(network)
    named = (Path(command.hand_model), _initial_file(command), trained)
    given = [path for path in (*by_content.values(), *named) if path is not None and path.exists()]
    parts = [
        fitter.__version__,
        clip.name,
        f"{clip.n_frames}x{clip.width}x{clip.height} at {clip.fps:g}",
        content_hash(clip.files),
        *(content_hash(files_of(path)) for path in given),
        {name: str(value) for name, value in options.items() if name not in by_content},
        list(by_content),
        to_mapping(config),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _initial_file(command: Command) -> Path | None:
    """What `--initial` is read from: of an earlier result its arrays, not its videos; None for a word."""
    path = None if command.initial in (None, NEUTRAL) else Path(command.initial)
    return path / RESULT_FILE if path is not None and (path / RESULT_FILE).exists() else path


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in order."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def record_of(
    identity: str,
    command: Command,
    words: Sequence[str],
    hands: Sequence[HandOfClip],
    seconds: float,
    warnings: Sequence[str],
) -> RunRecord:
    """What `run.json` tells of a run whose `words` were read as `command`."""
    pixels = {hand.side: hand.photometric for hand in hands}
    compared = {side: seen for side, seen in pixels.items() if seen is not None and math.isfinite(seen.psnr_db)}
    return RunRecord(
        identity=identity,
        input=command.input,
        input_path=command.input if command.input == DEMO else str(Path(command.input).resolve()),
        command=tuple(words),
        version=fitter.__version__,
        seconds=seconds,
        hand_model=command.hand_model,
        hand_length_known=command.hand_length_mm is not None,
        warnings=tuple(warnings),
        started_from={hand.side: hand.start for hand in hands},
        psnr_db={side: float(seen.psnr_db) for side, seen in compared.items()},
        ssim={side: float(seen.ssim) for side, seen in compared.items()},
    )


def mark_complete(folder: Path, record: RunRecord, fitted: FittedClip, with_report: bool) -> None:
    """Write the report, if it is wanted, and last the record, which says that the folder holds all of its run."""
    if with_report:
        write_report(ResultFolder(folder, fitted.result, fitted.diagnostics, record))
    save_record(record, folder)
    forget_windows(folder)


def mark_unfinished(folder: Path) -> None:
    """Take the mark of an earlier run away, before its files are replaced one by one."""
    (folder / RUN_FILE).unlink(missing_ok=True)


def is_complete(folder: Path, run: str) -> bool:
    """Whether the folder's result is readable and of this very run."""
    try:
        record = open_result(folder).run
    except (OSError, HandfitError):
        return False
    return record is not None and record.identity == run
