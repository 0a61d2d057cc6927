"""Clips fitted by whoever can: who does it is an `Executor`, in which order and how often is decided here.

for done in run_jobs(jobs, executor, Limits(retries=2, shortage=room.shortage), watch):
    done.job.name, done.outcome.status, done.attempts

A clip whose process dies, or whose fit fails by what may pass (memory, network, disk), is tried again after all others;
a clip that cannot be fitted is not. Nothing that happens to one clip stops the rest.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from fitter.app.arguments import Request
from fitter.visualize.report.index import Entry

# Seconds that one look at the executor takes at most: so often the display and the free space are looked at.
POLL_S = 0.5
# Without room for a single clip for so long, the rest is given up: nobody is there to make room.
PATIENCE_S = 600.0
# A clip that a full machine sent back waits so long, for this machine would take it again at once.
PAUSE_S = 5.0

Status = Literal["fitted", "kept", "failed", "postponed", "not started"]


@dataclass(frozen=True)
class Job:
    """One clip to fit. `request`: as `fit_sequence.py` would be asked, but for the files that lie on other storage.

    `name`: of its result folder below `root`, a path or URL. `sides`: files of the clip by option, paths or URLs.
    `scratch`: the folder in which results are made before they are copied; None: they are made in their place.
    `version`: of the handfit that asks. `least_free_bytes`: what the disk of the scratch folder must have free.
    """

    name: str
    source: str
    request: Request
    root: str
    version: str
    sides: tuple[tuple[str, str], ...] = ()
    scratch: Path | None = None
    least_free_bytes: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `kept`: the result was there already. `postponed`: not tried, for lack of room.

    `retry`: another attempt may succeed. `place`: machine and process. `entry`: its row in the index page.
    """

    status: Status
    seconds: float = 0.0
    frames: int = 0
    hands: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""
    retry: bool = False
    place: str = ""
    entry: Entry | None = None

    @property
    def failed(self) -> bool:
        """There is no result."""
        return self.status not in ("fitted", "kept")


@dataclass(frozen=True)
class Done:
    """A clip that is finished, and how many attempts it took."""

    job: Job
    outcome: Outcome
    attempts: int


class Executor(Protocol):
    """Fits clips, each in a process that may die without harm."""

    def slots(self) -> int:
        """How many clips may be in its hands now."""
        ...

    def start(self, job: Job) -> None:
        """Take a clip; returns at once."""
        ...

    def finished(self, timeout_s: float) -> list[tuple[Job, Outcome]]:
        """The clips that have ended, waiting for one at most this long; a process that died is an outcome, too."""
        ...

    def stop(self) -> None:
        """Give everything up that is not finished."""
        ...


class Watch(Protocol):
    """Told what happens."""

    def started(self, job: Job, attempt: int) -> None: ...

    def again(self, job: Job, outcome: Outcome) -> None:
        """An attempt was lost, or put off, and the clip will be tried again."""
        ...

    def done(self, done: Done) -> None: ...

    def tick(self, short_of: str | None) -> None:
        """Some time went by; `short_of`: why nothing is started."""
        ...


@dataclass(frozen=True)
class Limits:
    """`retries`: further attempts after the first. `shortage`: why no clip may be started now, None if one may."""

    retries: int
    shortage: Callable[[], str | None]
    clock: Callable[[], float] = time.monotonic


def run_jobs(jobs: Sequence[Job], executor: Executor, limits: Limits, watch: Watch) -> Iterator[Done]:
    """Every job once, in the order in which they end; those that never found room end as `not started`."""
    queue = _Queue(deque(jobs), executor, limits, watch)
    while queue.waiting or queue.running:
        short_of = queue.fill()
        watch.tick(short_of)
        for job, outcome in executor.finished(POLL_S):
            done = queue.ended(job, outcome)
            if done is not None:
                yield done  # told when it is kept: an interruption in between loses nothing that was told
                watch.done(done)
        if queue.is_stuck(short_of):
            for job in queue.waiting:
                given_up = Outcome("not started", error=f"not started: {short_of}")
                yield Done(job, given_up, queue.attempts[job.name])
            return


class _Queue:
    """The clips that wait, and how often each was begun."""

    def __init__(self, waiting: deque[Job], executor: Executor, limits: Limits, watch: Watch) -> None:
        self.waiting, self.running = waiting, 0
        self.attempts: Counter[str] = Counter()
        self._executor, self._limits, self._watch = executor, limits, watch
        self._paused_until, self._put_off = -float("inf"), ""
        self._stuck_since: float | None = None

    def fill(self) -> str | None:
        """Start clips while there are slots and room; returns why it stopped early, None if it did not."""
        while self.waiting and self.running < self._executor.slots():
            paused = self._limits.clock() < self._paused_until
            short_of = self._put_off if paused else self._limits.shortage()
            if short_of is not None:
                return short_of
            job = self.waiting.popleft()
            self.attempts[job.name] += 1
            self.running += 1
            self._executor.start(job)
            self._watch.started(job, self.attempts[job.name])
        return None

    def ended(self, job: Job, outcome: Outcome) -> Done | None:
        """The clip's end, or None where it is tried again: behind all others, lest it takes their time."""
        self.running -= 1
        attempt = self.attempts[job.name]
        if outcome.status == "postponed":
            self.attempts[job.name] -= 1
            self._paused_until, self._put_off = self._limits.clock() + PAUSE_S, outcome.error
            self.waiting.append(job)
        elif outcome.retry and attempt <= self._limits.retries:
            self.waiting.append(job)
        else:
            many = f" ({attempt} attempts)" if outcome.retry and attempt > 1 else ""
            self._stuck_since = None
            return Done(job, replace(outcome, error=outcome.error + many), attempt)
        self._watch.again(job, outcome)
        return None

    def is_stuck(self, short_of: str | None) -> bool:
        """Whether nothing has run for PATIENCE_S, for want of room."""
        if self.running or short_of is None:
            if short_of is None:
                self._stuck_since = None if self._limits.clock() >= self._paused_until else self._stuck_since
            return False
        now = self._limits.clock()
        self._stuck_since = now if self._stuck_since is None else self._stuck_since
        return now - self._stuck_since >= PATIENCE_S
