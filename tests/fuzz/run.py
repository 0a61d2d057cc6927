"""One reader against many inputs, in processes that may die.

tally = run_reader("video", runs=1000, seconds=60.0, seed=0, guided=False, keep=Path("build/fuzz"))
tally.inputs, tally.counts["crash"]
"""

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.law import Verdict
from tests.fuzz.worker import work

# A process that says nothing for so long hangs in a library, where no signal of Python's reaches it.
SILENT_S = 120.0
STARTING_S = 300.0  # on a busy machine
MOST_DEATHS = 20


@dataclass
class Tally:
    """What became of the inputs of a reader; `faults` and `kept` (the file of the first input) by place."""

    reader: str
    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Verdict] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        return sum(self.counts.values())

    def add(self, verdict: Verdict, count: int = 1) -> None:
        self.counts[verdict.kind] += count
        self.slowest_s = max(self.slowest_s, verdict.seconds)
        if verdict.breaks_the_law:
            self.faults.setdefault(verdict.place, verdict)


def run_reader(reader: str, runs: int, seconds: float, seed: int, guided: bool, keep: Path) -> Tally:
    """All inputs of one reader; a process that dies is counted and replaced."""
    tally, began, deaths = Tally(reader), time.monotonic(), 0
    while tally.inputs < runs and deaths < MOST_DEATHS and (left := seconds - (time.monotonic() - began)) > 0:
        with tempfile.TemporaryDirectory(prefix=f"fuzz-{reader}-") as folder:
            told = Path(folder) / "told.jsonl"
            words = [reader, folder, str(runs - tally.inputs), str(left), str(seed + tally.inputs), str(int(guided))]
            ended = _watched(words, told)
            said = (
                [json.loads(line) for line in told.read_text().splitlines() if line.endswith("}")]
                if told.exists()
                else []
            )
            for each in said:
                if "verdict" in each:
                    verdict = Verdict(**each["verdict"])
                    tally.add(verdict)
                    _keep(tally, keep, verdict, bytes.fromhex(each["content"]))
                else:
                    tally.counts.update(each["counts"])
                    tally.slowest_s = max(tally.slowest_s, each["slowest_s"])
            if ended != "done":
                deaths += 1
                current = Path(folder) / "current"
                verdict = Verdict("hang" if ended == "silent" else "crash", f"the process: {ended}")
                tally.add(verdict)
                _keep(tally, keep, verdict, current.read_bytes() if current.exists() else b"")
    tally.seconds = time.monotonic() - began
    return tally


def _watched(words: list[str], told: Path) -> str:
    """Run the worker until it ends or says nothing any more: "done", "silent", or how it died."""
    with tempfile.TemporaryFile() as output:
        process = _started(words, output.fileno())
        heard, size = time.monotonic(), -1
        while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
            time.sleep(0.02)
            now = told.stat().st_size if told.exists() else -1
            if now != size:
                heard, size = time.monotonic(), now
            elif time.monotonic() - heard > (SILENT_S if told.exists() else STARTING_S):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                return "silent"
        status = os.waitstatus_to_exitcode(ended[1])
        if status == 0:
            return "done"
        output.seek(0)
        sys.stderr.write(output.read()[-2000:].decode("utf-8", "replace"))
        return signal.Signals(-status).name if status < 0 else f"exit {status}"


def _started(words: list[str], output: int) -> int:
    """The worker's process. Importing all readers takes long, so that they are shared; but not with those led by the
    coverage, which are to be imported otherwise.
    """
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        if words[-1] == "1":
            os.execv(sys.executable, [sys.executable, "-m", "tests.fuzz.worker", *words])
        work(words)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _keep(tally: Tally, keep: Path, verdict: Verdict, content: bytes) -> None:
    """The first input of each fault, with what was raised."""
    if not verdict.breaks_the_law or verdict.place in tally.kept:
        return
    folder = keep / tally.reader
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "".join(c if c.isalnum() else "_" for c in verdict.place)
    path.write_bytes(content)
    path.with_suffix(".txt").write_text(f"{verdict.kind}: {verdict.place}\n{verdict.detail}\n")
    tally.kept[verdict.place] = str(path)
