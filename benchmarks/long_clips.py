"""Long clips: memory and time against their length, and how the windows join; each length in a process of its own.

    python -m benchmarks long_clips
    python -m benchmarks.long_clips 4000 FOLDER [WINDOWS]   # one length, as JSON on stdout

The clips are the detections of a real one over and over, forwards and backwards so that nothing jumps, fitted by
keypoints: only the fit is measured, frames are not looked at. At `SEAM_FRAMES`, where both can be done, the windows are
compared with the fit of the clip as one: how much the difference between the two changes from frame to frame over a
join, against how much the joints' motion changes there anyway (the mean length of their second difference, the jitter).
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

from benchmarks.clips import SHARED
from benchmarks.growth import peak_mb
from benchmarks.report import Report
from fitter.app.clip_source import ClipSource
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import joined_hands, learned_initializer, load, observe, optimise
from fitter.clip import Clip, Frame
from fitter.config import Config, load_config
from fitter.export.fitted_hand import FittedWindow
from fitter.observe.observations import Observations
from fitter.pipeline import TimeWindows
from fitter.pipeline.long_clip import windows

REPOSITORY = Path(__file__).parents[1]
CONFIG = REPOSITORY / "configs" / "keypoints_only.yaml"
CLIP = "finger_touch/human_hand_video.mp4"
FOLDER = Path("results") / "bench" / "long_clips"
LENGTHS, QUICK_LENGTHS = (1000, 4000, 16000, 108_000), (1000, 2000)
# Of longer clips so many windows are fitted: the others are like them, and an hour of video takes half an hour.
MOST_WINDOWS = 60
SEAM_WINDOWS = TimeWindows(whole=150, frames=150)
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
class Seam:
    """A row: millimetres, means over the joints; `over_joins` are means over the joins."""

    frames: int
    joins: int
    change_over_joins_mm: float
    change_elsewhere_mm: float
    jitter_over_joins_mm: float
    jitter_of_whole_mm: float
    sigma_ratio_at_joins: float
    sigma_ratio: float
    shape_sd: float


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
    if not (SHARED / "data" / CLIP).exists():
        report.say(f"skipped: the real clips are no part of the repository, and there is no {SHARED / 'data' / CLIP}")
        return report
    observed(FOLDER)  # detected once, for all
    rows = []
    for n_frames in QUICK_LENGTHS if quick else LENGTHS:
        command = [sys.executable, "-m", "benchmarks.long_clips", str(n_frames), str(FOLDER.resolve())]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(Length(**json.loads(done.stdout)))
        report.note(f"T = {n_frames}: {rows[-1].ms_per_frame:.1f} ms per frame, {rows[-1].peak_mb:.0f} MB")
    report.table("long clips", rows)
    row = seams(FOLDER)
    report.table("seams", [row])
    judge(report, rows, row)
    return report


def judge(report: Report, rows: Sequence[Length], seam: Seam) -> None:
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
    ratio = seam.change_over_joins_mm / seam.jitter_of_whole_mm
    report.require(f"a join changes the joints by {ratio:.2f} times the jitter, under 1 wanted", ratio < 1.0)


def observed(folder: Path) -> tuple[Clip, ClipSource, Command, Config]:
    """The real clip with its hands, as the command line has them."""
    folder.mkdir(parents=True, exist_ok=True)
    command = Command(input=str(SHARED / "data" / CLIP), output=folder)
    config, (clip, camera, model) = load_config(CONFIG), load(command)
    seen = observe(command, config, clip, folder, SilentProgress())
    source = ClipSource(clip, camera, model, seen, learned=learned_initializer(config.initialise))
    return clip, source, command, config


def repeated(seen: Observations, clip: Unfilmed) -> Observations:
    """The observations forwards and backwards until the clip is full."""
    n = len(seen.time_s)
    turns = np.concatenate([np.arange(n), np.arange(n - 1, -1, -1)])
    return replace(seen.at(turns[np.arange(clip.n_frames) % len(turns)]), time_s=clip.time_s)


def one_length(n_frames: int, folder: Path, most_windows: int = MOST_WINDOWS) -> Length:
    """Fit one clip in this process, a window at a time, keeping none."""
    real, source, command, config = observed(folder)
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


def seams(folder: Path) -> Seam:
    """The real clip as one and in windows."""
    _, source, command, config = observed(folder)

    def fitted(settings: TimeWindows) -> FittedWindow:
        parts = optimise(source, replace(config, windows=settings), command, SilentProgress())
        return FittedWindow(0, joined_hands(parts, source.seen))

    whole, parts = (fitted(each).hands[0].fit for each in (TimeWindows(), SEAM_WINDOWS))
    joints = [1000.0 * fit.scene.posed.joints.numpy() for fit in (whole, parts)]
    joins = np.array([window.start for window in windows(source.clip.n_frames, SEAM_WINDOWS.frames)[1:]])
    change = np.linalg.norm(np.diff(joints[1] - joints[0], axis=0), axis=-1).mean(axis=1)
    jitter = [np.linalg.norm(np.diff(each, n=2, axis=0), axis=-1).mean(axis=1) for each in joints]
    about = np.concatenate([joins - 2, joins - 1])  # the second differences that reach over a join
    sigma = parts.posterior.relative_sigma_mm.mean(axis=1) / whole.posterior.relative_sigma_mm.mean(axis=1)
    return Seam(
        frames=source.clip.n_frames,
        joins=len(joins),
        change_over_joins_mm=float(change[joins - 1].mean()),
        change_elsewhere_mm=float(np.delete(change, joins - 1).mean()),
        jitter_over_joins_mm=float(jitter[1][about].mean()),
        jitter_of_whole_mm=float(jitter[0].mean()),
        sigma_ratio_at_joins=float(sigma[np.concatenate([joins - 1, joins])].mean()),
        sigma_ratio=float(sigma.mean()),
        shape_sd=float((parts.state.betas - whole.state.betas).square().mean().sqrt()),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(one_length(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))))
