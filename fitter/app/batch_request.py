"""The words of a batch: those of the batch itself, and those that every fit gets; and the jobs that they make.

own, fit = split_batch_words(["clips", "--output", "results", "--hand", "left"])
jobs = jobs_of(BatchRequest(read_options(Batch, own, PROG), fit))
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import fitter
from fitter.app.arguments import OPTIONS, Request, parse_arguments
from fitter.app.batch_clips import SIDES, BatchClip, find_clips
from fitter.app.batch_jobs import Job
from fitter.app.batch_options import Batch
from fitter.app.batch_room import GB
from fitter.app.batch_storage import place_of
from fitter.app.demo import DEMO
from fitter.app.initial import NEUTRAL
from fitter.app.words import Given, is_positional, split_words
from fitter.config.structure import field_types
from fitter.errors import InputError


@dataclass(frozen=True)
class BatchRequest:
    """The batch's options, and the words that every fit gets, by option."""

    batch: Batch
    fit: dict[str, tuple[str, ...]]

    def fit_request(self, own: dict[str, tuple[str, ...]] | None = None) -> Request:
        """What every fit is asked, for a clip to be named; a clip's own options replace those for all."""
        words = {**self.fit, **(own or {})}
        return parse_arguments([DEMO, *(word for words_ in words.values() for word in words_)])


def split_batch_words(words: Sequence[str]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The words of the batch itself, and those of every fit by option; raises InputError for files of one clip."""
    hints = field_types(Batch)
    if "--help" in words or "-h" in words:
        return list(words), {}
    own: list[str] = []
    fit: dict[str, tuple[str, ...]] = {}
    for given in split_words(words, {**_fit_options(), **hints}):
        if given.name in hints:
            own += given.texts or () if is_positional(hints[given.name]) else _as_words(given)
        elif given.name in fit:
            raise InputError(f"{given.written} is given twice")
        elif given.name in SIDES and given.texts != (NEUTRAL,):
            beside = f"wave{SIDES[given.name][0]} for wave.mp4"
            raise InputError(f"{given.written} is of one clip: name it after the clip and put it beside it ({beside})")
        else:
            fit[given.name] = _as_words(given)
    return own, fit


def _fit_options() -> dict[str, object]:
    """Those of a fit that a batch passes on; where a clip and its result are, it says itself."""
    return {name: hint for name, hint in OPTIONS.items() if name not in ("input", "output")}


def _as_words(given: Given) -> tuple[str, ...]:
    """An option as it would be written."""
    if given.texts is None:
        return (given.written,)
    if len(given.texts) == 1:
        return (f"{given.written}={given.texts[0]}",)
    return (given.written, *given.texts)


def jobs_of(request: BatchRequest) -> list[Job]:
    """A job for each clip; raises InputError where a word names no clip or a clip's own options are wrong."""
    root = place_of(request.batch.output).shown
    for_all, clips = request.fit_request(), find_clips(request.batch.clips, tuple(OPTIONS))
    return [_job(clip, root, request, for_all) for clip in clips]


def _job(clip: BatchClip, root: str, request: BatchRequest, for_all: Request) -> Job:
    own = _own_options(clip)
    asked = request.fit_request(own) if own else for_all
    # What the user names for a clip goes before what lies beside it.
    sides = tuple((option, path) for option, path in clip.sides if option not in own)
    side_words = (f"--{option}={path}" for option, path in sides)
    option_words = (word for words in {**request.fit, **own}.values() for word in words)
    said = (clip.source, "--output", f"{root.rstrip('/')}/{clip.name}", *side_words, *option_words)
    command = replace(asked.command, input=clip.source, output=None, resume=True, quiet=True, debug=False)
    return Job(
        name=clip.name,
        source=clip.source,
        request=replace(asked, command=command, words=said),
        root=root,
        version=fitter.__version__,
        sides=sides,
        scratch=scratch_of(request.batch.scratch) if request.batch.is_far else None,
        least_free_bytes=request.batch.min_free_gb * GB,
    )


def _own_options(clip: BatchClip) -> dict[str, tuple[str, ...]]:
    """The options of one clip in a list, by name."""
    own: dict[str, tuple[str, ...]] = {}
    for given in split_words(clip.options, _fit_options()):
        if given.name == "output":
            raise InputError(f"{clip.source}: --output is for all clips")
        own[given.name] = _as_words(given)
    return own


def scratch_of(folder: Path | None) -> Path:
    """The batches' folder of temporary files, of this user alone."""
    return (folder or Path(tempfile.gettempdir())) / f"handfit-batch-{os.getuid()}"
