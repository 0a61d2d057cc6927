"""`python -m benchmarks [NAME ...] [--quick] [--pixels]`: run the measurements and say which targets are missed.

Exit status: 0 all targets are met or none was asked for (`--quick`); 1 a target is missed.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.report import Report

FOLDER = Path("results") / "bench"


def benchmarks(pixels: bool = False) -> dict[str, Callable[[bool], Report]]:
    """The measurements by name; each takes `quick`. `pixels` has those that can compare pixels, too."""
    from benchmarks import (
        batch,
        calibration,
        clips,
        degraded,
        focal,
        gating,
        hidden,
        initialisers,
        long_clips,
        moving_camera,
        pose_prior,
        recovery,
        self_supervision,
        speed,
        stages,
        synthesis,
        synthesis_speed,
        two_hand_errors,
        two_hand_films,
        two_hands,
    )

    return {
        "speed": speed.measure,
        "stages": stages.measure,
        "recovery": recovery.measure,
        "clips": clips.measure,
        "synthesis": synthesis.measure,
        "synthesis_speed": synthesis_speed.measure,
        "initialisers": partial(initialisers.measure, pixels=pixels),
        "self_supervision": self_supervision.measure,
        "pose_prior": pose_prior.measure,
        "calibration": calibration.measure,
        "hidden": hidden.measure,
        "gating": gating.measure,
        "focal": focal.measure,
        "moving_camera": moving_camera.measure,
        "long_clips": long_clips.measure,
        "two_hands": two_hands.measure,
        "two_hand_films": two_hand_films.measure,
        "two_hand_errors": two_hand_errors.measure,
        "degraded": partial(degraded.measure, pixels=pixels),
        "batch": batch.measure,
    }


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measurements, as Markdown tables.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(benchmarks())}; all if none is given",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: does it run, roughly how well")
    parser.add_argument("--pixels", action="store_true", help="initialisers, degraded: fit some clips by pixels, too")
    parser.add_argument("--output", type=Path, default=FOLDER, help=f"folder of the JSON files (default: {FOLDER})")
    options = parser.parse_args(words)
    known = benchmarks(options.pixels)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"{unknown[0]}: expected one of {', '.join(known)}")
    logging.getLogger("fitter").setLevel(logging.ERROR)  # the warnings of a fit, such as an assumed focal length
    missed = 0
    for name in options.names or known:
        report = known[name](options.quick)
        report.save(options.output)
        missed += sum(not met for met in report.requirements.values())
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
