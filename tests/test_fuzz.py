"""Every reader keeps the law of `tests.fuzz`: broken files are read or refused in one sentence.

Input N of a reader is that of `python -m tests.fuzz READER --seed N --runs 1`, the same every time.
"""

import os
import time

import pytest

from tests.fuzz import law
from tests.fuzz.law import judged
from tests.fuzz.target import Bench, Target
from tests.fuzz.targets import TARGETS

INPUTS = 25


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    """The files of a reader, written once."""
    made: dict[str, Bench] = {}

    def bench_of(name: str) -> Bench:
        if name not in made:
            made[name] = Bench.of(TARGETS[name], tmp_path_factory.mktemp(name))
        return made[name]

    return bench_of


@pytest.mark.parametrize("name", TARGETS)
def test_valid_files_are_read(benches, name):
    bench = benches(name)
    for seed in bench.seeds:
        verdict = judged(bench, seed)
        assert verdict.kind == "read" or seed is not bench.seeds[0], verdict.detail
        assert not verdict.breaks_the_law, verdict.detail


@pytest.mark.parametrize("name", TARGETS)
def test_broken_files_are_read_or_refused_in_one_sentence(benches, name):
    bench = benches(name)
    for number in range(INPUTS):
        verdict = judged(bench, bench.broken(number))
        assert not verdict.breaks_the_law, f"input {number}: {verdict.place}\n{verdict.detail}"


def test_work_is_limited_and_so_is_waiting_but_no_busy_machine_is_a_hang(tmp_path, monkeypatch):
    def work(folder):
        while True:
            pass

    def wait(folder):
        ends = os.pipe()
        os.read(ends[0], 1)

    monkeypatch.setattr(law, "WAITING_S", 1.0)
    cases = {work: ("hang", "at work"), wait: ("hang", "waiting"), lambda folder: time.sleep(0.3): ("read", "")}
    for read, (kind, why) in cases.items():
        bench = Bench(Target("made up", "text", "file", lambda folder: None, read, slow_s=0.1), tmp_path, (b"",))
        verdict = judged(bench, b"")
        assert verdict.kind == kind and why in verdict.detail
