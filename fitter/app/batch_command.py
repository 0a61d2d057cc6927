"""`python -m fitter.batch CLIPS... --output DIR`: many clips, unattended, on this machine or a cluster.

    python -m fitter.batch clips --output results --config configs/keypoints_only.yaml --workers 4
    python -m fitter.batch s3://bucket/clips/*.mp4 --output s3://bucket/results --address ray://head:10001

Run again, it goes on with what is missing. A clip that cannot be fitted is told in a sentence and stops nobody.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from fitter.app.batch_jobs import Done, Job, Limits, Outcome, run_jobs
from fitter.app.batch_options import Batch
from fitter.app.batch_progress import show_batch
from fitter.app.batch_ray import Needs, ray_session
from fitter.app.batch_request import BatchRequest, jobs_of, split_batch_words
from fitter.app.batch_room import GB, Room
from fitter.app.batch_storage import Place, is_url, place_of, put_file
from fitter.app.batch_table import Row, print_rows, row_of, write_tables
from fitter.app.command import run_command
from fitter.app.words import read_options
from fitter.errors import HandfitError, InputError
from fitter.export.atomic import prepare_folder
from fitter.export.run_record import RUN_FILE

PROG = "python -m fitter.batch"
LOG_FILE = "batch.log"


def read(words: Sequence[str]) -> BatchRequest:
    """The options of the batch and those of every fit; raises InputError, one sentence, for anything wrong in them."""
    own, fit = split_batch_words(words)
    batch = read_options(Batch, own, PROG)
    request = BatchRequest(batch, fit)
    cuda = request.fit_request().command.device == "cuda"
    if batch.gpus_per_clip is not None and not cuda:
        raise InputError("--gpus-per-clip is only for --device cuda")
    if (batch.gpus_per_clip or 0.0) > 1.0 and batch.gpus_per_clip != round(batch.gpus_per_clip or 0.0):
        raise InputError(f"--gpus-per-clip {batch.gpus_per_clip:g}: expected a whole number or a fraction of one GPU")
    if cuda and batch.address is None:
        from fitter.app.steps import choose_device

        choose_device(request.fit_request().command)
    return request


def fit_clips(request: BatchRequest) -> None:
    """Fit them all and write the tables, which a batch that is stopped leaves, too; raises HandfitError where some
    failed.
    """
    batch, target = request.batch, place_of(request.batch.output)
    jobs = jobs_of(request)
    with tempfile.TemporaryDirectory(prefix="handfit-batch-") as temporary:
        tables = Path(temporary) if is_url(batch.output) else prepare_folder(Path(target.path))
        log = tables / LOG_FILE
        log.touch()
        _deliver([log], target)
        rows: dict[str, Row] = {}
        try:
            for done in _fitted(batch, jobs, log):
                rows[done.job.name] = row_of(done)
        finally:
            all_rows = [rows.get(job.name) or _missing(job) for job in jobs]
            written = write_tables(all_rows, tables, target.name or "results")
            _deliver([*written, log], target)
    _conclude(all_rows, target, batch.quiet)


def _fitted(batch: Batch, jobs: Sequence[Job], log: Path) -> Iterator[Done]:
    is_cuda = any(job.request.command.device == "cuda" for job in jobs)
    needs = Needs(batch.cpus_per_clip, (batch.gpus_per_clip or 1.0) if is_cuda else 0.0, batch.memory_per_clip_gb * GB)
    limits = Limits(batch.retries, room_of(batch).shortage)
    with ray_session(batch.address, needs, batch.workers) as executor:
        with show_batch(len(jobs), batch.quiet, log) as watch:
            for done in run_jobs(jobs, executor, limits, watch):
                yield _seen_here(done, batch)


def room_of(batch: Batch) -> Room:
    """What is watched on this machine; of a cluster only the shared folder: its machines look at their own."""
    folders = [] if is_url(batch.output) else [Path(place_of(batch.output).path)]
    if batch.is_far and batch.address is None:
        folders.append(batch.scratch or Path(tempfile.gettempdir()))
    memory = batch.min_free_memory_gb if batch.address is None else 0.0
    return Room(tuple(folders), batch.min_free_gb * GB, memory * GB)


def _seen_here(done: Done, batch: Batch) -> Done:
    """A result that a cluster's machine wrote into a folder which is not this machine's is none."""
    if done.outcome.status == "failed" or is_url(batch.output) or batch.address is None:
        return done
    folder = Path(place_of(batch.output).path) / done.job.name
    if (folder / RUN_FILE).exists():
        return done
    error = f"written by {done.outcome.place}, but {folder} is not there: expected a folder that all machines share"
    return Done(done.job, Outcome("failed", error=error, place=done.outcome.place), done.attempts)


def _missing(job: Job) -> Row:
    return Row(job.source, job.name, Outcome("not started", error="not finished: the batch was stopped"), 0)


def _deliver(files: Sequence[Path], target: Place) -> None:
    """Bring tables to where the results are, unless they are there."""
    for file in files:
        if target.local is None:
            put_file(file, target.below(file.name))


def _conclude(rows: Sequence[Row], target: Place, quiet: bool) -> None:
    """The table, where everything is, and an error that counts what failed."""
    if not quiet:
        console = Console()
        print_rows(rows, console)
        where = f"{len(rows)} clips: tables in {target.below('batch.csv').shown} and {target.below('index.html').shown}"
        console.print(where, markup=False, highlight=False, soft_wrap=True)
    failed = [row for row in rows if row.outcome.failed]
    if failed:
        first = f"{failed[0].name}: {failed[0].outcome.error}"
        raise HandfitError(
            f"{len(failed)} of {len(rows)} clips failed, {target.below('batch.csv').shown} says why; {first}"
        )


def main() -> int:
    """Entry point of `python -m fitter.batch`."""
    return run_command(read, fit_clips, sys.argv[1:])
