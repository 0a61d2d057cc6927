"""`python -m priors.train CONFIG [--data FOLDER...] [--output FOLDER] [--resume] [--steps N]`

Several processes: torchrun --nproc-per-node 2 -m priors.train CONFIG ...
Exit status as of fit_sequence.py: 0 done; 2 the input or the configuration is unusable; 1 anything else.
"""

import argparse
import logging
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fitter.errors import HandfitError, InputError


def main(words: Sequence[str] | None = None) -> int:
    """Parse, train, and return the exit status; an error becomes one sentence on stderr."""
    options = parser().parse_args(words)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    # Fabric's hint that one could use more threads or another strategy; both are chosen here.
    warnings.filterwarnings("ignore", module=r"lightning_fabric\..*")
    try:
        train_as_asked(options, ["python", "-m", "priors.train", *(sys.argv[1:] if words is None else words)])
    except HandfitError as error:
        print(f"handfit: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return error.exit_status
    except KeyboardInterrupt:
        print("handfit: interrupted; --resume goes on from the last checkpoint", file=sys.stderr, flush=True)
        return 128 + signal.SIGINT
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m priors.train", description="Train the network that starts fits.")
    made.add_argument("config", type=Path, metavar="CONFIG", help="for example configs/train_initializer.yaml")
    made.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="clips to learn from")
    made.add_argument("--output", type=Path, default=Path("results/training"), metavar="FOLDER")
    made.add_argument("--resume", action="store_true", help="go on with what is in the output folder, if anything is")
    made.add_argument("--steps", type=int, metavar="N", help="instead of the configuration's")
    made.add_argument("--seed", type=int, metavar="N", help="instead of the configuration's")
    made.add_argument("--start", type=Path, metavar="FILE", help="weights to begin from")
    made.add_argument("--threads", type=int, metavar="N", help="of the CPU, instead of the configuration's")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--quiet", action="store_true")
    return made


def train_as_asked(options: argparse.Namespace, command: list[str]) -> None:
    from fitter.config.structure import from_mapping, to_mapping
    from priors.train.config import Training, load_training
    from priors.train.loop import Run, train

    config = load_training(options.config)
    given = {
        name: getattr(options, name) for name in ("steps", "seed", "threads") if getattr(options, name) is not None
    }
    config = from_mapping(Training, {**to_mapping(config), **given}, where="command line")
    config = config if options.start is None else replace(config, start=options.start)
    for folder in options.data:
        if not folder.exists():
            raise InputError(f"--data {folder}: does not exist, expected a folder of clips")
    run = Run(options.output, tuple(options.data), options.resume, options.quiet, options.device, " ".join(command))
    train(config, run)


if __name__ == "__main__":
    sys.exit(main())
