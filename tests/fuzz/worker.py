"""The process in which one reader meets its inputs; started by `tests.fuzz.run`.

python -m tests.fuzz.worker READER FOLDER RUNS SECONDS SEED GUIDED

It writes to FOLDER: `current`, the input that it is at, and `told.jsonl`, what became of the inputs so far.
"""

import json
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fuzz.law import Verdict, judged
from tests.fuzz.mutations import mutated
from tests.fuzz.target import Bench

TOLD_EVERY_S = 1.0
# Beyond what the libraries take, which differs by reader: enough for every honest file of this size, and no bomb.
SPARE_BYTES = 2 * 2**30


@dataclass
class Teller:
    """Counts what obeys the law, and tells at once what does not."""

    file: Path
    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    told: float = 0.0

    def tell(self, verdict: Verdict, content: bytes) -> None:
        if verdict.breaks_the_law:
            self._write({"verdict": asdict(verdict), "content": content.hex()})
            return
        self.counts[verdict.kind] += 1
        self.slowest_s = max(self.slowest_s, verdict.seconds)
        if time.monotonic() - self.told > TOLD_EVERY_S:
            self.flush()

    def flush(self) -> None:
        self._write({"counts": dict(self.counts), "slowest_s": self.slowest_s})
        self.counts, self.told = Counter(), time.monotonic()

    def _write(self, line: dict[str, object]) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")


def work(words: list[str]) -> None:
    """See the module."""
    reader, folder, runs, seconds, seed, guided = words
    if int(guided):
        import atheris

        libraries = ["fitter", "priors", "numpy.lib", "zipfile", "json"]
        with atheris.instrument_imports(include=libraries):  # pyright: ignore[reportAttributeAccessIssue]
            from tests.fuzz.targets import TARGETS
    else:
        from tests.fuzz.targets import TARGETS

    valid = Path(folder) / "files"
    valid.mkdir()
    bench = Bench.of(TARGETS[reader], valid)
    teller = Teller(Path(folder) / "told.jsonl")
    teller.flush()
    for content in bench.seeds:  # whatever only the further ones import
        judged(bench, content)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGESIZE") + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    current, ends = Path(folder) / "current", time.monotonic() + float(seconds)

    def tried(content: bytes) -> None:
        current.write_bytes(content)
        teller.tell(judged(bench, content), content)

    if int(guided):
        _guided(bench, tried, int(runs), int(float(seconds)) + 1, int(seed), teller)
    for number in range(int(runs)):
        if time.monotonic() > ends:
            break
        tried(bench.broken(int(seed) + number))
    teller.flush()


def _guided(bench: Bench, tried: Callable[[bytes], None], runs: int, seconds: int, seed: int, teller: Teller) -> None:
    """libFuzzer chooses which inputs to go on from; how they are broken is as without it. It ends the process."""
    import atexit

    import atheris

    corpus = bench.folder.parent / "corpus"
    corpus.mkdir()
    for number, content in enumerate(bench.seeds):
        (corpus / str(number)).write_bytes(content)

    def broken(content: bytes, most: int, chance: int) -> bytes:
        return mutated(content, bench.target.kind, random.Random(chance))[:most]

    atexit.register(teller.flush)
    words = ["fuzz", str(corpus), f"-runs={runs}", f"-max_total_time={seconds}", f"-seed={seed + 1}"]
    words += ["-timeout=60", "-max_len=4000000", "-rss_limit_mb=0", f"-artifact_prefix={corpus}/"]
    atheris.Setup(words, tried, custom_mutator=broken)
    atheris.Fuzz()


if __name__ == "__main__":
    work(sys.argv[1:])
