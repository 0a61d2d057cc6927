"""Long clips: memory and time against their length, and how the windows join; each length in a process of its own.

    python -m benchmarks long_clips
    python -m benchmarks.long_clips 4000 FOLDER [WINDOWS]   # one length, as JSON on stdout

The clips are the detections of a real one over and over, forwards and backwards so that nothing jumps, fitted by
keypoints: only the fit is measured, frames are not looked at. How windows join: `benchmarks.seams`.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.growth import peak_mb
from benchmarks.recovery import KEYPOINTS_ONLY
from benchmarks.report import Report
from benchmarks.seams import BY_PIXELS, CLIP, Seam, seams, source_of
from fitter.app.progress import SilentProgress
from fitter.app.steps import optimise
from fitter.clip import Frame
from fitter.config import load_config
from fitter.observe.observations import Observations

REPOSITORY = Path(__file__).parents[1]
FOLDER = Path("results") / "bench" / "long_clips"
LENGTHS, QUICK_LENGTHS = (1000, 4000, 16000, 108_000), (1000, 2000)
# Of longer clips so many windows are fitted: the others are like them, and an hour of video takes half an hour.
MOST_WINDOWS = 60
FLAT = 1.25  # times the first length's


@dataclass(frozen=True)
class Length:
    """A row: MB (1e6 bytes) of the largest resident memory, before the fit, after its first window and at the end; the
    time is of the `fitted` frames.
    """

    frames: int
    fitted: int
    windows: int
    tracked_mb: float
    first_mb: float
    peak_mb: float
    ms_per_frame: float
    steps: int
    status: str


@dataclass(frozen=True)
class Unfilmed:
    """A `Clip` of which there are times alone."""

    n_frames: int
    fps: float
    width: int
    height: int
    name: str = "repeated"
    path: Path = Path("repeated")
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def time_s(self) -> np.ndarray:
        return np.arange(self.n_frames) / self.fps

    def frames(self) -> Iterator[Frame]:
        raise AssertionError("a fit by keypoints looks at no frame")

    def still(self, index: int) -> Frame:
        raise AssertionError("a fit by keypoints looks at no frame")


def measure(quick: bool) -> Report:
    """Every length in a process of its own, then the seams in this one."""
    report = Report("long_clips", "Long clips in windows")
    report.begin()
    if not CLIP.exists():
        report.say(f"skipped: the real clips are no part of the repository, and there is no {CLIP}")
        return report
    source_of(str(CLIP), load_config(KEYPOINTS_ONLY), FOLDER)  # detected once, for all
    rows = []
    for n_frames in QUICK_LENGTHS if quick else LENGTHS:
        command = [sys.executable, "-m", "benchmarks.long_clips", str(n_frames), str(FOLDER.resolve())]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(Length(**json.loads(done.stdout)))
        report.note(f"T = {n_frames}: {rows[-1].ms_per_frame:.1f} ms per frame, {rows[-1].peak_mb:.0f} MB")
    report.table("long clips", rows)
    joined = [seams(CLIP), *([] if quick else [seams(*each, pixels=True) for each in BY_PIXELS])]
    report.table("seams", joined)
    judge(report, rows, joined)
    return report


def judge(report: Report, rows: Sequence[Length], joined: Sequence[Seam]) -> None:
    """The targets: memory of the fit and time that do not grow, seams below the jitter."""
    windowed = [row for row in rows if row.windows > 1]
    if len(windowed) > 1:
        first, last = windowed[0], windowed[-1]
        fit = [row.peak_mb - row.tracked_mb for row in (first, last)]
        between = f"from {first.frames} to {last.frames} frames"
        report.require(
            f"the fit's own memory goes from {fit[0]:.0f} to {fit[1]:.0f} MB {between}",
            fit[1] <= max(FLAT * fit[0], fit[0] + 50.0),
        )
    for seam in joined:
        ratio = seam.worst_join_mm / seam.jitter_of_whole_mm
        said = f"{seam.clip}, {seam.terms}: the worst join changes the joints by {ratio:.2f} times the jitter"
        report.require(f"{said}, under 1 wanted", ratio < 1.0)


def repeated(seen: Observations, clip: Unfilmed) -> Observations:
    """The observations forwards and backwards until the clip is full."""
    n = len(seen.time_s)
    turns = np.concatenate([np.arange(n), np.arange(n - 1, -1, -1)])
    return replace(seen.at(turns[np.arange(clip.n_frames) % len(turns)]), time_s=clip.time_s)


def one_length(n_frames: int, folder: Path, most_windows: int = MOST_WINDOWS) -> Length:
    """Fit one clip in this process, a window at a time, keeping none."""
    config = load_config(KEYPOINTS_ONLY)
    source, command = source_of(str(CLIP), config, folder)
    real = source.clip
    clip = Unfilmed(n_frames, real.fps, real.width, real.height)
    source = replace(source, clip=clip, seen=[repeated(hand, clip) for hand in source.seen])
    tracked_mb = peak_mb()
    begun, count, fitted, steps, first_mb, statuses = time.perf_counter(), 0, 0, 0, 0.0, dict[str, int]()
    for window in itertools.islice(optimise(source, config, command, SilentProgress()), most_windows):
        fit = window.hands[0].fit
        count, steps = count + 1, steps + sum(len(trace) - 1 for trace in fit.traces.values())
        fitted, first_mb = fitted + fit.state.n_frames, first_mb or peak_mb()
        statuses[fit.status] = statuses.get(fit.status, 0) + 1
    return Length(
        frames=n_frames,
        fitted=fitted,
        windows=count,
        tracked_mb=tracked_mb,
        first_mb=first_mb,
        peak_mb=peak_mb(),
        ms_per_frame=1000.0 * (time.perf_counter() - begun) / fitted,
        steps=steps // count,
        status="; ".join(f"{status}: {times}" for status, times in statuses.items()),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(one_length(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))))
