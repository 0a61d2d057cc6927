"""One clip of a batch in this process: what it tells, what it leaves, and what it does the second time."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest

import fitter
from fitter.app import batch_worker
from fitter.app.batch_clips import find_clips
from fitter.app.batch_jobs import Job
from fitter.app.batch_options import Batch
from fitter.app.batch_request import BatchRequest, jobs_of, split_batch_words
from fitter.app.batch_storage import place_of
from fitter.app.batch_worker import ENTRY_FILE, fit_clip, prepare_scratch
from fitter.app.words import read_options
from fitter.errors import HandfitError, InputError
from fitter.export.result import FitResult
from fitter.export.run_record import RunRecord
from fitter.hand import HandModel
from tests.short_clip import FRAMES, KEYPOINTS_ONLY, NUMBERS_ONLY, ShortClip

FIT = ("--config", str(KEYPOINTS_ONLY), *NUMBERS_ONLY)


def jobs(*words: object) -> list[Job]:
    own, fit = split_batch_words([*(str(word) for word in words), *FIT])
    return jobs_of(BatchRequest(read_options(Batch, own, "batch"), fit))


@pytest.fixture(scope="module")
def clips(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`wave.mp4` with its keypoints beside it, and `bad.mp4`."""
    folder = tmp_path_factory.mktemp("clips")
    short = ShortClip.make(anny, folder)
    short.video.rename(folder / "wave.mp4")
    short.keypoints.rename(folder / "wave.keypoints.npz")
    (folder / "bad.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture
def memory(clips: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """The same clips in a store that only this process sees."""
    system = fsspec.filesystem("memory")
    for file in clips.iterdir():
        system.put_file(str(file), f"/clips/{file.name}")
    yield system
    for name in system.find("/"):
        system.rm_file(name)


def test_a_clip_is_fitted_once_and_kept_the_second_time(clips: Path, tmp_path: Path) -> None:
    (job,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out")
    first, mark = fit_clip(job), (tmp_path / "out" / "wave" / "run.json").read_bytes()
    assert (first.status, first.frames, first.hands, first.error) == ("fitted", FRAMES, ("right",), "")
    assert len(first.warnings) == 1 and "hand length" in first.warnings[0]
    assert first.entry is not None and (first.entry.title, first.entry.link) == ("wave.mp4", "wave/")
    assert first.place.endswith(f"process {os.getpid()}")
    second = fit_clip(job)
    assert second.status == "kept" and second.frames == FRAMES and second.entry is not None
    assert (tmp_path / "out" / "wave" / "run.json").read_bytes() == mark
    (other,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out", "--hand-length-mm", "190")
    assert fit_clip(other).status == "fitted", "another question has another answer"


def test_the_record_is_a_command_that_can_be_given_again(clips: Path, tmp_path: Path) -> None:
    (job,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out")
    fit_clip(job)
    words = RunRecord.load(tmp_path / "out" / "wave").command
    keypoints = f"--keypoints={clips}/wave.keypoints.npz"
    assert words[:5] == ("fit_sequence.py", f"{clips}/wave.mp4", "--output", f"{tmp_path}/out/wave", keypoints)


def test_a_bad_clip_is_told_and_not_worth_another_try(clips: Path, tmp_path: Path) -> None:
    (job,) = jobs(clips / "bad.mp4", "--output", tmp_path / "out")
    outcome = fit_clip(job)
    assert (outcome.status, outcome.retry) == ("failed", False)
    assert outcome.error.startswith(f"{clips}/bad.mp4 cannot be read as a video")


def test_a_clip_without_a_hand_is_not_worth_another_try(clips: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "nothing.npz", keypoints_px=np.full((FRAMES, 21, 2), np.nan))
    (tmp_path / "list.txt").write_text(f"{clips}/wave.mp4\t--keypoints {tmp_path}/nothing.npz")
    (job,) = jobs(tmp_path / "list.txt", "--output", tmp_path / "out")
    outcome = fit_clip(job)
    assert (outcome.status, outcome.retry) == ("failed", False) and "no hand" in outcome.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (HandfitError("the disk is full"), "the disk is full"),
        (MemoryError(), "not enough memory"),
        (KeyError("x"), "KeyError: 'x' (a fault in handfit)"),
    ],
)
def test_what_may_pass_is_worth_another_try(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(batch_worker, "_fit", fail)
    (job,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out")
    outcome = fit_clip(job)
    assert (outcome.status, outcome.retry, outcome.error) == ("failed", True, sentence)


def test_another_version_on_a_machine_of_the_cluster_is_refused(clips: Path, tmp_path: Path) -> None:
    (job,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out")
    outcome = fit_clip(replace(job, version="0.0.1"))
    assert "expected one version on all machines" in outcome.error and not outcome.retry
    assert fitter.__version__ in outcome.error


def test_from_a_store_to_a_store_and_kept_the_second_time(
    memory: fsspec.AbstractFileSystem, clips: Path, tmp_path: Path
) -> None:
    words = ("memory://clips/*.mp4", "--output", "memory://results", "--scratch", tmp_path)
    bad, wave = jobs(*words)
    assert wave.sides == (("keypoints", "memory://clips/wave.keypoints.npz"),)
    first = fit_clip(wave)
    assert (first.status, first.error, first.frames) == ("fitted", "", FRAMES)
    record = json.loads(memory.cat_file("/results/wave/run.json"))
    assert record["input"] == record["input_path"] == "memory://clips/wave.mp4"
    assert {"result.npz", "run.json", ENTRY_FILE} <= {name.rpartition("/")[2] for name in memory.find("/results/wave")}
    (local,) = jobs(clips / "wave.mp4", "--output", tmp_path / "out")
    fit_clip(local)
    memory.get_file("/results/wave/result.npz", str(tmp_path / "far.npz"))
    far, near = FitResult.load(tmp_path / "far.npz"), FitResult.load(tmp_path / "out" / "wave")
    np.testing.assert_array_equal(far.joints_m, near.joints_m)
    second = fit_clip(wave)
    assert (second.status, second.hands, second.entry) == ("kept", ("right",), first.entry)
    outcome = fit_clip(bad)
    assert not outcome.retry and "cannot be read as a video" in outcome.error
    (scratch,) = [each for each in tmp_path.iterdir() if each.name.startswith("handfit-batch-")]
    assert list(scratch.iterdir()) == [], "nothing is left on this machine"


def test_a_result_that_could_not_be_stored_is_only_copied_the_next_time(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = jobs("memory://clips/wave.mp4", "--output", "memory://results", "--scratch", tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise HandfitError("the network is gone")

    with monkeypatch.context() as broken:
        broken.setattr(batch_worker, "put_folder", refuse)
        outcome = fit_clip(job)
    assert outcome.retry and outcome.error == "the network is gone"
    assert not memory.exists("/results/wave/run.json")
    (left,) = tmp_path.glob("handfit-batch-*/*/result/wave/run.json")
    made = left.read_bytes()
    assert fit_clip(job).status == "fitted"
    assert memory.cat_file("/results/wave/run.json") == made, "the same run, not another one"


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"entry": 3}', b'{"entry": {"title": "x"}, "jpeg": "?"}'])
def test_a_damaged_row_of_a_kept_result_is_done_without(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, damage: bytes
) -> None:
    (job,) = jobs("memory://clips/wave.mp4", "--output", "memory://results", "--scratch", tmp_path)
    fit_clip(job)
    memory.pipe_file(f"/results/wave/{ENTRY_FILE}", damage)
    outcome = fit_clip(job)
    assert (outcome.status, outcome.entry) == ("kept", None)


def test_a_row_that_somebody_changed_links_to_its_own_folder_only(
    memory: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    (job,) = jobs("memory://clips/wave.mp4", "--output", "memory://results", "--scratch", tmp_path)
    fit_clip(job)
    kept = json.loads(memory.cat_file(f"/results/wave/{ENTRY_FILE}"))
    kept["entry"]["link"] = "javascript:alert(1)//report.html"
    memory.pipe_file(f"/results/wave/{ENTRY_FILE}", json.dumps(kept).encode())
    entry = fit_clip(job).entry
    assert entry is not None and entry.link == "wave/report.html"


def test_a_full_machine_sends_the_clip_back_untouched(clips: Path, tmp_path: Path) -> None:
    (job,) = jobs(clips / "wave.mp4", "--output", "memory://results", "--scratch", tmp_path, "--min-free-gb", "1e9")
    outcome = fit_clip(job)
    assert outcome.status == "postponed" and "GB free in" in outcome.error


def test_the_scratch_folder_is_swept_of_what_is_old_and_is_nobody_elses(tmp_path: Path) -> None:
    scratch = prepare_scratch(tmp_path / "scratch")
    assert scratch.stat().st_mode & 0o777 == 0o700
    for name in ("old", "new"):
        (scratch / name).mkdir()
    os.utime(scratch / "old", (0, 0))
    prepare_scratch(scratch)
    assert [each.name for each in scratch.iterdir()] == ["new"]
    os.symlink(scratch, tmp_path / "link")
    with pytest.raises(InputError, match="belongs to somebody else"):
        prepare_scratch(tmp_path / "link")
    shutil.rmtree(scratch)


def test_clips_and_places_agree_about_files(clips: Path) -> None:
    """A clip's source is what the worker opens."""
    for clip in find_clips([str(clips)]):
        assert place_of(clip.source).local == Path(clip.source)
