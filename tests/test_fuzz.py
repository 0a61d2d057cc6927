"""Every reader keeps the law of `tests.fuzz`: broken files are read or refused in one sentence.

Input N of a reader is that of `python -m tests.fuzz READER --seed N --runs 1`, the same every time.
"""

import pytest

from tests.fuzz.law import judged
from tests.fuzz.target import Bench
from tests.fuzz.targets import TARGETS

INPUTS = 25
PATIENCE = 10.0  # a test is to find what hangs, not what waits for a busy core


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
        verdict = judged(bench, seed, PATIENCE)
        assert verdict.kind == "read" or seed is not bench.seeds[0], verdict.detail
        assert not verdict.breaks_the_law, verdict.detail


@pytest.mark.parametrize("name", TARGETS)
def test_broken_files_are_read_or_refused_in_one_sentence(benches, name):
    bench = benches(name)
    for number in range(INPUTS):
        verdict = judged(bench, bench.broken(number), PATIENCE)
        assert not verdict.breaks_the_law, f"input {number}: {verdict.place}\n{verdict.detail}"
