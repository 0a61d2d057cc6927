"""What becomes of clips when processes die, clips are bad or room is short: decided without any process."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from fitter.app.arguments import parse_arguments
from fitter.app.batch_jobs import PATIENCE_S, PAUSE_S, POLL_S, Done, Job, Limits, Outcome, run_jobs

FITTED = Outcome("fitted")
CRASH = Outcome("failed", error="its process was killed", retry=True)
BAD = Outcome("failed", error="not a video")
FULL = Outcome("postponed", error="the machine is full")


def job(name: str) -> Job:
    return Job(name, f"/{name}.mp4", parse_arguments(["demo"]), "/results", "0")


@dataclass
class Fake:
    """Fits at once, in the order given; each clip's attempts end as its script says, and then well. Its clock goes on
    by the time that is waited for.
    """

    scripts: dict[str, list[Outcome]]
    places: int = 2
    now: float = 0.0
    begun: list[str] = field(default_factory=list)
    running: deque[Job] = field(default_factory=deque)
    most: int = 0

    def slots(self) -> int:
        return self.places

    def start(self, job: Job) -> None:
        self.begun.append(job.name)
        self.running.append(job)
        self.most = max(self.most, len(self.running))

    def finished(self, timeout_s: float) -> list[tuple[Job, Outcome]]:
        self.now += timeout_s
        if not self.running:
            return []
        ended = self.running.popleft()
        script = self.scripts.get(ended.name, [])
        return [(ended, script.pop(0) if script else FITTED)]

    def stop(self) -> None:
        self.running.clear()


@dataclass
class Events:
    """A watch that keeps what it is told."""

    events: list[str] = field(default_factory=list)
    short: list[str | None] = field(default_factory=list)

    def started(self, job: Job, attempt: int) -> None:
        self.events.append(f"{job.name} start {attempt}")

    def again(self, job: Job, outcome: Outcome) -> None:
        self.events.append(f"{job.name} again")

    def done(self, done: Done) -> None:
        self.events.append(f"{done.job.name} {done.outcome.status}")

    def tick(self, short_of: str | None) -> None:
        self.short.append(short_of)


def run(
    fake: Fake, names: str, retries: int = 2, shortage: Callable[[], str | None] = lambda: None
) -> tuple[dict[str, Done], Events]:
    events = Events()
    ended = list(run_jobs([job(name) for name in names], fake, Limits(retries, shortage, lambda: fake.now), events))
    assert sorted(done.job.name for done in ended) == sorted(names), "every clip ends once"
    return {done.job.name: done for done in ended}, events


def test_every_clip_is_fitted_once_and_never_more_at_once_than_there_are_slots() -> None:
    fake = Fake({}, places=3)
    done, events = run(fake, "abcdefgh")
    assert fake.begun == list("abcdefgh") and fake.most == 3
    assert {each.outcome.status for each in done.values()} == {"fitted"}
    assert {each.attempts for each in done.values()} == {1}
    assert events.events.count("a fitted") == 1


def test_a_killed_process_is_tried_again_behind_the_others() -> None:
    fake = Fake({"a": [CRASH]}, places=1)
    done, events = run(fake, "abc")
    assert fake.begun == ["a", "b", "c", "a"]
    assert done["a"].outcome == FITTED and done["a"].attempts == 2
    assert events.events[:3] == ["a start 1", "a again", "b start 1"]


def test_a_clip_that_kills_every_process_ends_as_one_failure_and_the_rest_is_fitted() -> None:
    fake = Fake({"b": [CRASH] * 9})
    done, _ = run(fake, "abcd", retries=2)
    assert fake.begun.count("b") == 3
    assert done["b"].outcome.status == "failed" and done["b"].attempts == 3
    assert done["b"].outcome.error == "its process was killed (3 attempts)"
    assert [done[name].outcome.status for name in "acd"] == ["fitted"] * 3


def test_a_clip_that_cannot_be_fitted_is_not_tried_again() -> None:
    fake = Fake({"a": [BAD]})
    done, _ = run(fake, "ab")
    assert fake.begun == ["a", "b"]
    assert done["a"].outcome == BAD and done["a"].attempts == 1


def test_without_retries_the_first_crash_is_the_end() -> None:
    done, _ = run(Fake({"a": [CRASH]}), "a", retries=0)
    assert done["a"].outcome == CRASH


def test_nothing_starts_while_room_is_short_and_all_is_done_when_there_is_room() -> None:
    fake = Fake({})
    done, events = run(fake, "abc", shortage=lambda: "1 GB free" if fake.now < 60.0 else None)
    assert events.short[0] == "1 GB free" and events.short[-1] is None
    assert fake.now >= 60.0 and fake.begun == ["a", "b", "c"]
    assert {each.outcome.status for each in done.values()} == {"fitted"}


def test_what_runs_goes_on_while_room_is_short() -> None:
    rooms: Iterator[str | None] = iter([None, *["full"] * 8])
    fake = Fake({})
    done, _ = run(fake, "ab", shortage=lambda: next(rooms, None))
    assert fake.most == 1 and {each.outcome.status for each in done.values()} == {"fitted"}


def test_where_there_is_never_room_the_rest_is_given_up_with_the_reason() -> None:
    fake = Fake({})
    done, _ = run(fake, "abc", shortage=lambda: None if not fake.begun else "0.1 GB free in results")
    assert PATIENCE_S <= fake.now <= PATIENCE_S + 10 * POLL_S
    assert done["a"].outcome == FITTED
    assert [done[name].outcome.status for name in "bc"] == ["not started"] * 2
    assert done["b"].outcome.error == "not started: 0.1 GB free in results" and done["b"].attempts == 0


def test_a_clip_that_a_full_machine_sends_back_waits_and_no_attempt_is_counted() -> None:
    fake = Fake({"a": [FULL, FULL, FULL, CRASH]}, places=1)
    done, _ = run(fake, "ab", retries=1)
    assert done["a"].outcome == FITTED and done["a"].attempts == 2
    assert fake.now >= 3 * PAUSE_S


def test_a_machine_that_stays_full_is_given_up() -> None:
    fake = Fake({"a": [FULL] * 10_000}, places=1)
    done, _ = run(fake, "a")
    assert done["a"].outcome.status == "not started" and "the machine is full" in done["a"].outcome.error
    assert PATIENCE_S <= fake.now <= 1.1 * PATIENCE_S


@pytest.mark.parametrize("names", ["", "a"])
def test_few_clips(names: Sequence[str]) -> None:
    assert len(run(Fake({}), "".join(names))[0]) == len(names)
