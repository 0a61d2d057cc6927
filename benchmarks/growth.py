"""How the time and the memory of a fit grow with the clip: each length in a process of its own.

    python -m benchmarks.growth 300            # one length, as JSON on stdout

A process's peak of resident memory never falls, hence the processes. Times are of the second of two fits in it, the
first being short and for warming up.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report import Report

LENGTHS = (60, 300, 1000, 3000)
WARM_UP_FRAMES = 12
SEED = 0
MS_PER_FRAME = 5.0
# Linear: time and memory per frame do not grow, but for caches that overflow. Short clips are mostly overhead.
LINEAR, LONG_ENOUGH = 1.5, 200
REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Growth:
    """A row: times are milliseconds per frame, `all` being starts, fit and posterior; memory is in MB (1e6 bytes)."""

    frames: int
    starts_ms: float
    fit_ms: float
    posterior_ms: float
    all_ms: float
    steps: int
    warm_mb: float
    peak_mb: float
    kb_per_frame: float


def measure(report: Report, lengths: Sequence[int]) -> None:
    """Add the table of growth and its targets to the report."""
    rows = []
    for n_frames in lengths:
        command = [sys.executable, "-m", "benchmarks.growth", str(n_frames)]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(Growth(**json.loads(done.stdout)))
        report.note(f"T = {n_frames}: {rows[-1].all_ms:.2f} ms per frame, {rows[-1].peak_mb:.0f} MB")
    report.table("growth", rows)
    judge(report, rows)


def judge(report: Report, rows: Sequence[Growth]) -> None:
    """The targets: milliseconds per frame, and linearity between the first long clip and the longest."""
    long = [row for row in rows if row.frames >= LONG_ENOUGH] or rows[-1:]
    slowest = max(long, key=lambda row: row.all_ms)
    said = f"keypoint stage in all {slowest.all_ms:.2f} ms per frame (T = {slowest.frames})"
    report.require(f"{said}, at most {MS_PER_FRAME:g} wanted", slowest.all_ms <= MS_PER_FRAME)
    if len(long) > 1:
        first, last = long[0], long[-1]
        between = f"from T = {first.frames} to {last.frames}, at most {LINEAR:g} times wanted"
        per_step = (last.fit_ms / last.steps) / (first.fit_ms / first.steps)
        report.require(f"time per frame and step grows {per_step:.2f} times {between}", per_step <= LINEAR)
        memory = last.kb_per_frame / first.kb_per_frame
        report.require(f"memory per frame grows {memory:.2f} times {between}", memory <= LINEAR)


def one_length(n_frames: int) -> Growth:
    """Fit one clip in this process, warm."""
    from benchmarks.recovery import DEFAULT
    from benchmarks.synthetic import CAMERA, synthetic_clip, whole_problem
    from fitter.config import load_config
    from fitter.hand.anny import load_anny
    from fitter.initialise import initial_states
    from fitter.pipeline import fit_hand
    from fitter.solve.posterior import estimate_posterior
    from fitter.solve.threads import one_thread

    model, config = load_anny(), load_config(DEFAULT)
    for seed, length in ((SEED + 1, WARM_UP_FRAMES), (SEED, n_frames)):
        clip = synthetic_clip(model, seed, length)
        energy = clip.energy(config.energy)
        warm_mb = peak_mb()
        begun = time.perf_counter()
        initial_states(model, CAMERA, clip.given.evidence)
        started = time.perf_counter()
        fit = fit_hand(clip.given, energy, config.schedule, config.presence)
        fitted = time.perf_counter()
    top_mb = peak_mb()
    problem = whole_problem(clip.given, energy, config.schedule)
    with one_thread():
        before = time.perf_counter()
        estimate_posterior(problem, fit.state)
        posterior_s = time.perf_counter() - before

    def ms(seconds: float) -> float:
        return 1000.0 * seconds / n_frames

    return Growth(
        frames=n_frames,
        starts_ms=ms(started - begun),
        fit_ms=ms(fitted - started - posterior_s),
        posterior_ms=ms(posterior_s),
        all_ms=ms(fitted - begun),
        steps=sum(len(trace) - 1 for trace in fit.traces.values()),
        warm_mb=warm_mb,
        peak_mb=top_mb,
        kb_per_frame=1000.0 * (top_mb - warm_mb) / n_frames,
    )


def peak_mb() -> float:
    """This process's largest resident memory so far, in MB.

    Linux tells it of the program itself in /proc; getrusage, elsewhere, may still remember its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    print(json.dumps(asdict(one_length(int(sys.argv[1])))))
