"""Many clips by Ray on this machine: is every one fitted once, whatever happens, and what does it cost?

    python -m benchmarks batch

First a night in small: two workers, twenty clips of a dozen frames, of which one is corrupt, and a worker that is
killed while it fits; what happened is counted in the batch's log. Then seconds per clip of the same clips: in a plain
loop in one process, in batches of one and of two workers, and in a shell loop that starts `fit_sequence.py` for each.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.report import Report
from fit_sequence import fit_sequence
from fitter.app.arguments import parse_arguments
from fitter.app.batch_command import LOG_FILE
from fitter.app.batch_table import CSV_FILE
from fitter.export.result import FitResult
from fitter.export.video import VideoWriter
from fitter.hand.anny import load_anny
from priors.synthetic.clip import make_demo_clip
from priors.synthetic.detector import SyntheticDetector

REPOSITORY = Path(__file__).parents[1]
CLIPS, QUICK_CLIPS = 20, 5
SHELL_CLIPS = 3  # each start is seconds, and all are alike
FRAMES, SIZE = 12, (320, 240)
CORRUPT, KILLED = "clip03", "clip04"  # by name
NUMBERS_ONLY = ("--export.overlay", "false", "--export.meshes", "false", "--export.report", "false")
FIT = ("--config", str(REPOSITORY / "configs" / "keypoints_only.yaml"), *NUMBERS_ONLY)
# A process that has not begun after so long does not begin at all.
HUNT_S = 300.0


@dataclass(frozen=True)
class Way:
    """A row: how clips are fitted, what each costs once the work is under way, and what start and end cost besides."""

    way: str
    clips: int
    seconds: float
    start_and_end_s: float
    seconds_per_clip: float


@dataclass(frozen=True)
class Night:
    """A row: what the log counts."""

    clips: int
    results: int
    failures: int
    attempts: int
    processes_lost: int
    fitted_twice: int
    lost: int


def make_clips(folder: Path, count: int) -> None:
    """Clips of a synthetic hand, each of its own movement, and beside them what a detector would see."""
    model = load_anny()
    folder.mkdir()
    for seed in range(count):
        truth = make_demo_clip(model, seed=seed, n_frames=FRAMES, size=SIZE).truth
        hands = [found[0] for found in SyntheticDetector(noise_px=1.0).detect(truth, seed=seed)]
        names = ("keypoints_px", "confidence", "depth_px", "landmarks_m")
        seen = {name: np.stack([getattr(hand, name) for hand in hands]) for name in names}
        np.savez(folder / f"clip{seed:02d}.keypoints.npz", side=np.array("right"), **seen)
        with VideoWriter(folder / f"clip{seed:02d}.mp4", 30.0, SIZE) as writer:
            for frame in range(FRAMES):
                writer.write(np.full((SIZE[1], SIZE[0], 3), 60 + frame + seed, dtype=np.uint8))


def batch(clips: Path, output: Path, *more: str) -> tuple[int, float]:
    """Exit status and seconds of `python -m fitter.batch` on these clips."""
    command = [sys.executable, "-m", "fitter.batch", str(clips), "--output", str(output), "--quiet", *FIT, *more]
    began = time.monotonic()
    ended = subprocess.run(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    return ended.returncode, time.monotonic() - began


def kill_once(clip: str) -> None:
    """SIGKILL to the process that fits this clip, which is found by the title that Ray gives it."""
    title, until = f"ray::handfit {clip}".encode(), time.monotonic() + HUNT_S
    while time.monotonic() < until:
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdecimal() and (folder / "cmdline").read_bytes().startswith(title):
                    os.kill(int(folder.name), signal.SIGKILL)
                    return
            except OSError:
                continue
        time.sleep(0.005)


def night(report: Report, clips: Path, folder: Path) -> None:
    """Two workers, a corrupt clip, a killed process; and the same command once more."""
    names = sorted(path.stem for path in clips.glob("*.mp4"))
    shutil.copytree(clips, folder / "clips")
    (folder / "clips" / f"{CORRUPT}.mp4").write_bytes(os.urandom(4096))
    output, killer = folder / "out", threading.Thread(target=kill_once, args=(KILLED,))
    killer.start()
    status, _ = batch(folder / "clips", output, "--workers", "2")
    killer.join()
    events = read_log(output)
    fitted = Counter(name for event, name in events if event == "fitted")
    rows = {row["folder"]: row for row in csv.DictReader((output / CSV_FILE).open(newline=""))}
    failed = [name for name, row in rows.items() if row["status"] == "failed"]
    seen = Night(
        clips=len(names),
        results=sum(is_readable(output / name) for name in names),
        failures=len(failed),
        attempts=sum(event == "start" for event, _ in events),
        processes_lost=sum(event == "lost" for event, _ in events),
        fitted_twice=sum(count > 1 for count in fitted.values()),
        lost=len(set(names) - set(fitted) - set(failed)),
    )
    report.table("night", [seen])
    report.say(f"The failure: {rows[CORRUPT]['error'].replace(str(folder), '')}\n")
    is_killed = rows[KILLED]["attempts"] == "2" and rows[KILLED]["status"] == "fitted"
    report.require(f"{len(names) - 1} results of {len(names)} clips", seen.results == len(names) - 1 == len(fitted))
    report.require("one failure, of the corrupt clip, and exit status 1", failed == [CORRUPT] and status == 1)
    report.require("the killed process's clip is fitted at its second attempt", is_killed and seen.processes_lost == 1)
    report.require("nothing lost, nothing done twice", seen.lost == seen.fitted_twice == 0)
    before = {name: (output / name / "run.json").stat().st_mtime_ns for name in fitted}
    batch(folder / "clips", output, "--workers", "2")
    again = read_log(output)[len(events) :]
    after = {name: (output / name / "run.json").stat().st_mtime_ns for name in fitted}
    kept = sum(event == "kept" for event, _ in again)
    report.require(f"run again, {len(fitted)} results are left as they are", kept == len(fitted) and before == after)


def read_log(output: Path) -> list[tuple[str, str]]:
    """What happened, and to which clip."""
    lines = (output / LOG_FILE).read_text().splitlines()
    return [(event, name) for _, event, name, _ in (line.split("\t") for line in lines)]


def is_readable(folder: Path) -> bool:
    return (folder / "run.json").exists() and bool(FitResult.load(folder).present.any())


def plain_loop(videos: Sequence[Path], output: Path) -> Way:
    """All in this process, which is warm: what the fits themselves take."""
    began = time.monotonic()
    for video in videos:
        fit_sequence(parse_arguments(words_of(video, output)))
    return way_of("a plain loop in one process", len(videos), time.monotonic() - began)


def words_of(video: Path, output: Path) -> list[str]:
    keypoints = video.with_name(f"{video.stem}.keypoints.npz")
    return [str(video), "--keypoints", str(keypoints), "--output", str(output / video.stem), "--quiet", *FIT]


def shell_loop(videos: Sequence[Path], output: Path) -> Way:
    """A fresh `fit_sequence.py` for each."""
    began = time.monotonic()
    for video in videos:
        subprocess.run([sys.executable, "fit_sequence.py", *words_of(video, output)], cwd=REPOSITORY, check=True)
    return way_of("a shell loop of fit_sequence.py", len(videos), time.monotonic() - began)


def way_of(name: str, clips: int, seconds: float) -> Way:
    return Way(name, clips, seconds, 0.0, seconds / clips)


def batch_of(workers: int, clips: Path, output: Path, count: int) -> Way:
    """A batch; what it takes per clip is told by the log, between its first result and its last."""
    _, seconds = batch(clips, output, "--workers", str(workers))
    lines = (output / LOG_FILE).read_text().splitlines()
    ends = [datetime.fromisoformat(line.split("\t")[0]) for line in lines if "\tfitted\t" in line]
    per_clip = (ends[-1] - ends[0]).total_seconds() / (len(ends) - 1)
    shown = f"fitter.batch, {workers} worker{'s' if workers > 1 else ''}"
    return Way(shown, count, seconds, seconds - per_clip * count, per_clip)


def costs(report: Report, clips: Path, folder: Path) -> None:
    """Seconds per clip of each way, in this order, one after the other."""
    videos = sorted(clips.glob("*.mp4"))
    plain_loop(videos[:1], folder / "warm")
    loop = plain_loop(videos, folder / "loop")
    one = batch_of(1, clips, folder / "one", len(videos))
    two = batch_of(2, clips, folder / "two", len(videos))
    shell = shell_loop(videos[:SHELL_CLIPS], folder / "shell")
    report.table("costs", [loop, one, two, shell])
    same = all(
        np.array_equal(
            FitResult.load(folder / "loop" / v.stem).joints_m, FitResult.load(folder / "two" / v.stem).joints_m
        )
        for v in videos
    )
    report.say(
        f"One worker against the plain loop: {one.seconds_per_clip / loop.seconds_per_clip:.2f} times per clip.\n"
    )
    report.require("the same numbers as the plain loop's, to the last bit", same)


def measure(quick: bool) -> Report:
    report = Report("batch", "Many clips by Ray on one machine")
    report.begin()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clips(folder / "clips", QUICK_CLIPS if quick else CLIPS)
        (folder / "night").mkdir()
        night(report, folder / "clips", folder / "night")
        costs(report, folder / "clips", folder)
    return report
