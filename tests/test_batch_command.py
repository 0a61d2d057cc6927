"""Batches on a Ray of this machine: a bad clip, a killed process, Ctrl-C, and nothing lost or done twice."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from fitter.app.batch_jobs import Done, Limits, run_jobs
from fitter.app.batch_options import Batch
from fitter.app.batch_progress import show_batch
from fitter.app.batch_ray import Needs, RayExecutor, ray_session
from fitter.app.batch_request import BatchRequest, jobs_of, split_batch_words
from fitter.app.batch_room import Room
from fitter.app.words import read_options
from fitter.errors import InputError
from fitter.export.result import FitResult
from fitter.hand import HandModel
from tests.conftest import REPOSITORY
from tests.short_clip import KEYPOINTS_ONLY, NUMBERS_ONLY, ShortClip, run

pytest.importorskip("ray", reason="many clips are fitted by Ray, which is not installed")
if sys.platform != "linux":
    pytest.skip("the processes to kill are found in /proc", allow_module_level=True)

FIT = ("--config", str(KEYPOINTS_ONLY), *NUMBERS_ONLY)
# A process is begun, loads torch and compiles in less, even on a machine that has other work.
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def clips(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of a dozen frames, of which one is no video."""
    folder = tmp_path_factory.mktemp("clips")
    short = ShortClip.make(anny, tmp_path_factory.mktemp("one"))
    for name in ("ann", "ben", "cem ö", "dan", "eve"):
        shutil.copy(short.video, folder / f"{name}.mp4")
        shutil.copy(short.keypoints, folder / f"{name}.keypoints.npz")
    (folder / "bad.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def executor() -> Iterator[RayExecutor]:
    with ray_session(None, Needs(), workers=2) as executor:
        yield executor


def batch_of(words: Sequence[object]) -> BatchRequest:
    own, fit = split_batch_words([*(str(word) for word in words), *FIT])
    return BatchRequest(read_options(Batch, own, "batch"), fit)


def process_of(clip: str) -> int | None:
    """The process that fits a clip, by the title that Ray gives it."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and (folder / "cmdline").read_bytes().startswith(
                f"ray::handfit {clip}".encode()
            ):
                return int(folder.name)
        except OSError:
            continue
    return None


def kill_when_it_runs(clip: str, times: int = 1) -> threading.Thread:
    """Kill the process that fits this clip, as the kernel does when memory is short."""

    def hunt() -> None:
        last = None
        for _ in range(times):
            until = time.monotonic() + PATIENCE_S
            while (found := process_of(clip)) in (None, last) and time.monotonic() < until:
                time.sleep(0.01)
            if found is not None:
                os.kill(found, signal.SIGKILL)
                last = found

    thread = threading.Thread(target=hunt)
    thread.start()
    return thread


def fitted(executor: RayExecutor, words: Sequence[object], log: Path, retries: int = 2) -> dict[str, Done]:
    jobs, limits = jobs_of(batch_of(words)), Limits(retries, Room((), 0.0).shortage)
    with show_batch(len(jobs), True, log) as watch:
        ended = list(run_jobs(jobs, executor, limits, watch))
    assert sorted(done.job.name for done in ended) == sorted(job.name for job in jobs)
    return {done.job.name: done for done in ended}


def events(log: Path) -> Counter[tuple[str, str]]:
    """How often what happened to which clip."""
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    return Counter((event, name) for _, event, name, _ in lines)


def test_a_bad_clip_and_a_killed_process_cost_one_failure_and_one_more_attempt(
    executor: RayExecutor, clips: Path, tmp_path: Path
) -> None:
    killer = kill_when_it_runs("ben")
    done = fitted(executor, [clips, "--output", tmp_path / "out"], tmp_path / "log")
    killer.join()
    assert {name: each.outcome.status for name, each in done.items()} == {
        **dict.fromkeys(("ann", "ben", "cem ö", "dan", "eve"), "fitted"),
        "bad": "failed",
    }
    assert done["bad"].attempts == 1 and "cannot be read as a video" in done["bad"].outcome.error
    assert done["ben"].attempts == 2
    happened = events(tmp_path / "log")
    assert {name: happened["start", name] for name in done} == {**dict.fromkeys(done, 1), "ben": 2}
    assert happened["lost", "ben"] == 1 and sum(n for (event, _), n in happened.items() if event == "fitted") == 5
    assert len({done[name].outcome.place for name in done if name != "bad"}) >= 2, "clips share the processes"
    files = (str(clips / "ann.mp4"), "--keypoints", str(clips / "ann.keypoints.npz"))
    assert run([*files, "--output", str(tmp_path / "alone"), "--quiet", *FIT]) == 0
    alone = FitResult.load(tmp_path / "alone")
    for name in ("ann", "ben", "eve"):
        np.testing.assert_array_equal(FitResult.load(tmp_path / "out" / name).joints_m, alone.joints_m)


def test_again_it_does_nothing_but_what_is_missing(executor: RayExecutor, clips: Path, tmp_path: Path) -> None:
    words = [clips / "ann.mp4", clips / "dan.mp4", "--output", tmp_path / "out"]
    fitted(executor, words, tmp_path / "log")
    marks = {name: (tmp_path / "out" / name / "run.json").stat().st_mtime_ns for name in ("ann", "dan")}
    (tmp_path / "out" / "dan" / "run.json").unlink()
    done = fitted(executor, words, tmp_path / "log")
    assert {name: each.outcome.status for name, each in done.items()} == {"ann": "kept", "dan": "fitted"}
    assert (tmp_path / "out" / "ann" / "run.json").stat().st_mtime_ns == marks["ann"]


def test_a_clip_that_kills_every_process_is_given_up(executor: RayExecutor, clips: Path, tmp_path: Path) -> None:
    killer = kill_when_it_runs("eve", times=2)
    words = [clips / "ann.mp4", clips / "eve.mp4", "--output", tmp_path / "out"]
    done = fitted(executor, words, tmp_path / "log", retries=1)
    killer.join()
    assert done["ann"].outcome.status == "fitted"
    assert done["eve"].outcome.error == "its process was killed or crashed (2 attempts)"
    assert not (tmp_path / "out" / "eve" / "run.json").exists()


def test_results_go_to_other_storage(executor: RayExecutor, clips: Path, tmp_path: Path) -> None:
    """With an address even a folder gets its results whole; here by the same executor."""
    words = [clips / "ann.mp4", "--output", tmp_path / "out", "--address", "ray://nobody:1", "--scratch", tmp_path]
    done = fitted(executor, words, tmp_path / "log")
    assert done["ann"].outcome.status == "fitted"
    assert FitResult.load(tmp_path / "out" / "ann").side == ("right",)
    assert list(tmp_path.glob("handfit-batch-*/*")) == []


def test_what_no_machine_here_has_is_said_at_once(executor: RayExecutor) -> None:
    tight = RayExecutor(Needs(cpus=10_000.0), None, is_cluster=False)
    assert tight.slots() == 0 and executor.slots() == 2
    assert RayExecutor(Needs(cpus=0.5), None, is_cluster=True).slots() == 4 + 2


@pytest.mark.skipif("GITHUB_ACTIONS" in os.environ, reason="a Ray of its own takes its time there")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-W", "error", "-m", "fitter.batch", str(clips), "--output", str(out), *FIT]
    with subprocess.Popen(
        [*command, "--workers", "1"], cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told: list[str] = []
        while not any("bad failed" in line for line in told) and process.poll() is None:
            told.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, [*told, rest]
    assert rest.splitlines()[-1] == "handfit: interrupted"
    with (out / "batch.csv").open(newline="") as file:
        rows = {row["folder"]: row for row in csv.DictReader(file)}
    assert [rows[name]["status"] for name in ("ann", "bad")] == ["fitted", "failed"]
    assert rows["eve"]["status"] == "not started" and "stopped" in rows["eve"]["error"]
    assert (out / "ann" / "run.json").exists() and (out / "index.html").exists()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ray://127.0.0.1:1", "--address ray://127.0.0.1:1: no Ray cluster answers there"),
        ("127.0.0.1:1", "no Ray cluster answers there"),
        ("cluster", "expected ray://HOST:PORT"),
        ("ray://head:ten", "no Ray cluster answers there"),
    ],
)
def test_where_no_cluster_is_is_said_at_once(address: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence), ray_session(address, Needs()):
        pytest.fail("nobody is there")
