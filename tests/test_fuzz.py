"""Every reader keeps the law of `tests.fuzz`: broken files are read or refused in one sentence."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.law import judged
from tests.fuzz.mutations import mutated
from tests.fuzz.target import Bench
from tests.fuzz.targets import TARGETS

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

    @settings(
        max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(st.integers(0, len(bench.seeds) - 1), st.integers(0, 2**32 - 1))
    def holds(number: int, chance: int) -> None:
        content = mutated(bench.seeds[number], bench.target.kind, random.Random(chance))
        verdict = judged(bench, content, PATIENCE)
        assert not verdict.breaks_the_law, f"{verdict.place}\n{verdict.detail}"

    holds()
