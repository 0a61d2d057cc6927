"""`python -m tests.fuzz [READER ...] [--runs N] [--seconds S] [--guided]`: fuzz readers and print a table.

Each reader runs in a process of its own with a limit on its memory; what kills that process is counted as a crash, what
stops it as a hang, and the rest of the inputs follow in another one. Inputs that break the law are kept in --keep.
Exit status: 0 all readers keep the law; 1 one does not.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz.run import Tally, run_reader
from tests.fuzz.targets import TARGETS

COLUMNS = ("reader", "inputs", "read", "refused", "crashes", "hangs", "bad sentences", "slowest s", "s in all")


def row(tally: Tally) -> str:
    counts = [tally.counts[kind] for kind in ("read", "refused", "crash", "hang", "sentence")]
    cells = [tally.reader, tally.inputs, *counts, f"{tally.slowest_s:.2f}", f"{tally.seconds:.0f}"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Broken files for every reader.")
    parser.add_argument("readers", nargs="*", metavar="READER", help="all of them by default; --list names them")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--runs", type=int, default=1000, help="inputs per reader (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="at most, per reader (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guided", action="store_true", help="mutations led by the coverage (needs atheris)")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where inputs are kept")
    options = parser.parse_args()
    if options.list:
        sys.stdout.write("\n".join(TARGETS) + "\n")
        return 0
    if unknown := [name for name in options.readers if name not in TARGETS]:
        parser.error(f"{unknown[0]} is no reader, expected some of {', '.join(TARGETS)}")
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n")
    broken = False
    for name in options.readers or TARGETS:
        tally = run_reader(name, options.runs, options.seconds, options.seed, options.guided, options.keep)
        sys.stdout.write(f"{row(tally)}\n")
        for place, first in tally.faults.items():
            sys.stdout.write(f"    {first.kind}: {place}: {tally.kept.get(place, '')}\n")
        sys.stdout.flush()
        broken = broken or bool(tally.faults)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
