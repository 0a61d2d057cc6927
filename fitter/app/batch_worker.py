"""One clip in a process of its own: fetched if it lies elsewhere, fitted as `fit_sequence.py` does, put in its place.

outcome = fit_clip(job)                              # never raises for what is wrong with the clip

With a scratch folder a result is made there and then copied, its mark of completeness last. What a killed process has
left there, the next attempt on the same machine goes on with.
"""

import base64
import hashlib
import logging
import os
import shutil
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

import fitter
from fitter.app.batch_jobs import Job, Outcome
from fitter.app.batch_room import GB, free_disk
from fitter.app.batch_storage import Place, fetch, is_url, place_of, put_folder, read_bytes
from fitter.app.demo import DEMO
from fitter.app.options import Command
from fitter.app.resume import identity
from fitter.clip import open_clip
from fitter.errors import HandfitError, InputError, NoHandError, one_line
from fitter.export.atomic import atomic_path
from fitter.export.folder import ResultFolder, open_result
from fitter.export.run_record import RUN_FILE, RunRecord, save_record
from fitter.visualize.report.index import Entry, entry_of, failed_entry
from fitter.visualize.report.write import REPORT_FILE

log = logging.getLogger(__name__)

T = TypeVar("T")

# A result's row in the index page, kept with results on other storage: it is read without reading the result.
ENTRY_FILE = "entry.json"
# More than any record or entry with its small picture has.
MOST_BYTES = 4_000_000
# What killed processes have left in the scratch folder is of no more use then.
STALE_S = 7 * 24 * 3600.0


def fit_clip(job: Job) -> Outcome:
    """Fit one clip; whatever goes wrong with it is told in the outcome."""
    began = time.monotonic()
    place = f"{socket.gethostname()}, process {os.getpid()}"
    try:
        if job.version != fitter.__version__:
            asked = f"handfit {job.version} asks {place}, which has {fitter.__version__}"
            raise InputError(f"{asked}: expected one version on all machines")
        outcome = _fit_in_place(job) if job.scratch is None else _fit_in_scratch(job, job.scratch)
    except (InputError, NoHandError) as error:
        outcome = Outcome("failed", error=str(error))
    except HandfitError as error:
        outcome = Outcome("failed", error=str(error), retry=True)
    except MemoryError:
        outcome = Outcome("failed", error="not enough memory", retry=True)
    except Exception as error:  # whatever is wrong with one clip, the others go on
        log.exception("%s", job.source)
        outcome = Outcome("failed", error=f"{type(error).__name__}: {error} (a fault in handfit)", retry=True)
    sentence = one_line(outcome.error)
    return replace(outcome, error=sentence, seconds=time.monotonic() - began, place=place)


def _fit_in_place(job: Job) -> Outcome:
    """On this machine's own disk, where a fit's files appear one by one and its mark last."""
    folder = Path(job.root) / job.name
    command = replace(job.request.command, input=job.source, output=folder, **_local_sides(job))
    return _fit(job, command, folder)


def _local_sides(job: Job) -> dict[str, object]:
    wanted = {"initial": str}
    return {option: wanted.get(option, Path)(path) for option, path in job.sides}


def _fit(job: Job, command: Command, folder: Path) -> Outcome:
    """The fit itself, unless its result is there; of the result what the table and the index tell."""
    from fit_sequence import fit_sequence

    mark = folder / RUN_FILE
    before = _stamp(mark)
    fit_sequence(replace(job.request, command=command))
    opened = open_result(folder)
    return Outcome(
        "kept" if before is not None and _stamp(mark) == before else "fitted",
        frames=opened.result.present.shape[1],
        hands=tuple(opened.result.side),
        warnings=opened.run.warnings if opened.run else (),
        entry=_entry(opened),
    )


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written anew; None without one."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _entry(opened: ResultFolder) -> Entry:
    """The row of a result in an index page one folder above it."""
    page = opened.path / REPORT_FILE
    try:
        entry = entry_of(opened, page, opened.path.parent)
    except HandfitError as error:
        return failed_entry(opened.path, str(error))
    return entry if page.exists() else replace(entry, link=f"{entry.link}".rpartition("/")[0] + "/")


def _fit_in_scratch(job: Job, scratch: Path) -> Outcome:
    """In a folder of this machine, copied to its place afterwards."""
    own = prepare_scratch(scratch) / scratch_name(job)
    free = free_disk(scratch)
    if free < job.least_free_bytes:
        short = f"{socket.gethostname()} has {free / GB:.1f} GB free in {scratch}"
        return Outcome("postponed", error=f"{short}, expected {job.least_free_bytes / GB:.1f}")
    target, folder = place_of(job.root).below(job.name), own / "result" / job.name
    try:
        command = _fetched(job, own / "input", folder)
        kept = _kept(command, job, target)
        if kept is not None:
            shutil.rmtree(own, ignore_errors=True)
            return kept
        outcome = _fit(job, command, folder)
        _tell_source(job, folder)
        _save_entry(outcome.entry, folder)
        put_folder(folder, target, last=RUN_FILE)
    except (InputError, NoHandError):
        shutil.rmtree(own, ignore_errors=True)
        raise
    shutil.rmtree(own, ignore_errors=True)
    return replace(outcome, status="fitted")


def scratch_name(job: Job) -> str:
    """Its folder there: the same one for another attempt, another one for another batch."""
    return f"{hashlib.sha256(job.root.encode()).hexdigest()[:16]}-{job.name}"


def prepare_scratch(scratch: Path) -> Path:
    """The scratch folder, of this user alone, without what nobody has touched for long; raises InputError if it is
    another's.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = scratch.lstat()
    if scratch.is_symlink() or status.st_uid != os.getuid():
        raise InputError(f"{scratch}: belongs to somebody else, choose another folder with --scratch")
    for left in scratch.iterdir():
        if not left.is_symlink() and left.is_dir() and time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)
    return scratch


def _fetched(job: Job, folder: Path, output: Path) -> Command:
    """The fit's options, with what lies on other storage copied here."""

    def here(text: str) -> str:
        if not is_url(text):
            return text
        place = place_of(text)
        return str(fetch(place, folder / place.name))

    source = job.source if job.source == DEMO else here(job.source)
    sides = _local_sides(replace(job, sides=tuple((option, here(path)) for option, path in job.sides)))
    return replace(job.request.command, input=source, output=output, **sides)


def _kept(command: Command, job: Job, target: Place) -> Outcome | None:
    """The result that is there, if it is complete and of this very run: told by its record, which came last."""
    record = _read(target.below(RUN_FILE), RunRecord)
    if record is None or command.input == DEMO:
        return None
    clip = open_clip(Path(command.input))
    if record.identity != identity(command, job.request.config, clip):
        return None
    hands, kept = tuple(record.started_from), _read(target.below(ENTRY_FILE), KeptEntry)
    try:
        entry = None if kept is None else kept.at(job.name)
    except ValueError:
        entry = None  # the index does without its picture and figures
    return Outcome("kept", frames=clip.n_frames, hands=hands, warnings=record.warnings, entry=entry)


@dataclass(frozen=True)
class KeptEntry:
    """A row of the index page as JSON holds it: the picture apart, in base64."""

    entry: Entry
    jpeg: str | None = None

    def at(self, name: str) -> Entry:
        """The row, with a link to the folder `name` whatever the file says; ValueError where the picture is damaged."""
        page = REPORT_FILE if (self.entry.link or "").endswith(REPORT_FILE) else ""
        jpeg = None if self.jpeg is None else base64.b64decode(self.jpeg, validate=True)
        return replace(self.entry, link=f"{quote(name)}/{page}", jpeg=jpeg)


def _save_entry(entry: Entry | None, folder: Path) -> None:
    if entry is None:
        return
    jpeg = None if entry.jpeg is None else base64.b64encode(entry.jpeg).decode()
    with atomic_path(folder / ENTRY_FILE) as path:
        path.write_bytes(TypeAdapter(KeptEntry).dump_json(KeptEntry(replace(entry, jpeg=None), jpeg)))


def _read(file: Place, cls: type[T]) -> T | None:
    """A dataclass out of a JSON file on other storage; None if it is absent or damaged."""
    content = read_bytes(file, MOST_BYTES)
    if content is None:
        return None
    try:
        return TypeAdapter(cls).validate_json(content)
    except ValidationError:
        return None


def _tell_source(job: Job, folder: Path) -> None:
    """The record names the clip as the user did, not the copy that was fitted."""
    if is_url(job.source):
        save_record(replace(RunRecord.load(folder), input=job.source, input_path=job.source), folder)
