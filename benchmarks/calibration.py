"""Does a fit err by what it says? The sigmas' calibration, measured on one set of clips and tested on another.

    python -m benchmarks calibration                # fits 104 + 104 clips, 24 of each set by pixels, too
    python -m benchmarks.calibration results/bench/calibration.json      # ships the numbers that it found

The clips show hands that no shape of the model fits, before cameras it does not know, see `benchmarks.strangers`;
MediaPipe looks at them. All that is fitted here are the numbers of `fitter/solve/calibration.json`, to clips of
CALIBRATION_SEED on; every figure is of others, of TEST_SEED on. The annotated real clips are only looked at.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.calibrate import fit_quality, fit_scale
from benchmarks.calibration_tables import (
    REGIMES,
    Scales,
    claim_rows,
    claims_of,
    gate,
    gate_row,
    joint_row,
    of_regime,
    trust_rows,
)
from benchmarks.claims import (
    CHOSEN,
    Record,
    Setting,
    chosen_index,
    diagnostics_of,
    filmed_records,
    moving_records,
)
from benchmarks.real_claims import look_at_real
from benchmarks.recovery import DEFAULT
from benchmarks.reliability import GatePlot, Reliability
from benchmarks.report import Report
from fitter.config import load_config
from fitter.export.atomic import atomic_path
from fitter.export.quality import features, standardised
from fitter.hand.anny import load_anny
from fitter.solve.calibration import CALIBRATION_FILE, QualityModel
from priors.learned import load_learned

CALIBRATION_SEED, TEST_SEED = 70_000, 71_000
# Of a set's seeds: the first are filmed and fitted by pixels, too, then come films of keypoints alone, then detections
# with simulated errors.
KEYPOINTS_FROM, MOVING_FROM = 100, 200
N_PIXELS, N_KEYPOINTS, N_MOVING = 24, 40, 40  # clips of each set
QUICK_PIXELS, QUICK_KEYPOINTS, QUICK_MOVING = 2, 2, 2
# A frame is good if its joints are right to this on average, aligned.
GOOD_MM = 10.0
FILMS = "filmed"  # 1 where errors are a real detector's
# Wanted of the test clips: root mean square of error over sigma, and quality's distance from the share of good frames.
SPREAD, CALIBRATION_ERROR = (0.8, 1.25), 0.1


def measure(quick: bool) -> Report:
    """Fit all clips, find the numbers, test them."""
    report = Report("calibration", "Does a fit err by what it says?")
    report.begin()
    sizes = (QUICK_PIXELS, QUICK_KEYPOINTS, QUICK_MOVING) if quick else (N_PIXELS, N_KEYPOINTS, N_MOVING)
    judge(report, *gather(report, *sizes))
    look_at_real(report, setting(), quick)
    return report


def gather(report: Report, n_pixels: int, n_keypoints: int, n_moving: int) -> tuple[list[Record], list[Record]]:
    """Records of the clips to learn from, and of those to test on."""
    works = {
        first: [
            *(partial(filmed_records, seed=first + index, pixels=True) for index in range(n_pixels)),
            *(partial(filmed_records, seed=seed, pixels=False) for seed in seeds(first + KEYPOINTS_FROM, n_keypoints)),
            *(partial(moving_records, seed=seed) for seed in seeds(first + MOVING_FROM, n_moving)),
        ]
        for first in (CALIBRATION_SEED, TEST_SEED)
    }
    found: dict[int, list[Record]] = {first: [] for first in works}
    count, done = sum(len(some) for some in works.values()), 0
    with ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn")) as pool:
        for first, some in works.items():
            for records in pool.map(of_setting, some):
                found[first] += records
                done += 1
                report.note(f"clip {done} of {count}")
    return found[CALIBRATION_SEED], found[TEST_SEED]


def seeds(first: int, count: int) -> range:
    return range(first, first + count)


def of_setting(work: Callable[[Setting], list[Record]]) -> list[Record]:
    """One clip's records, in a process of its own."""
    logging.getLogger("fitter").setLevel(logging.ERROR)
    return work(setting())


@cache
def setting() -> Setting:
    return Setting(load_anny(), load_learned(), load_config(DEFAULT))


def judge(report: Report, learnt: list[Record], tested: list[Record]) -> None:
    """The numbers found, and how they hold."""
    report.say(f"### Found on {len({each.seed for each in learnt})} clips\n")
    films = filmed(learnt)
    report.table("trusts", [row for regime in REGIMES for row in trust_rows(regime, of_regime(films, regime))])
    scales: Scales = {regime: fit_scale(of_regime(films, regime), chosen_index(regime)) for regime in REGIMES}
    model = quality_model(learnt, scales)
    report.figures["numbers"] = {
        "command": "python -m benchmarks calibration",
        "trust": asdict(CHOSEN),
        "scales": {regime: asdict(scale) for regime, scale in scales.items()},
        "quality": asdict(model),
    }
    report.say(json.dumps(report.figures["numbers"], indent=1) + "\n")
    report.say(f"### Tested on {len({each.seed for each in tested})} other clips\n")
    judge_sigmas(report, scales, filmed(tested), moving(tested))
    judge_quality(report, scales, model, filmed(tested), moving(tested))


def judge_sigmas(report: Report, scales: Scales, tested: Sequence[Record], simulated: Sequence[Record]) -> None:
    """Do errors agree with sigmas on clips that the scales were not fitted to?"""
    rows = claim_rows("filmed", tested, scales)
    report.table("claims", rows + claim_rows("simulated errors", simulated, scales))
    report.table("joints", [joint_row(regime, of_regime(tested, regime), scales[regime]) for regime in REGIMES])
    for row in rows:
        if row.when == "after":
            said = f"{row.regime}, {row.error}: error over sigma {row.error_over_sigma:.2f}"
            report.require(f"{said}, {SPREAD[0]} to {SPREAD[1]} wanted", SPREAD[0] <= row.error_over_sigma <= SPREAD[1])
    made = {regime: claims_of(of_regime(tested, regime), scales[regime]) for regime in REGIMES}
    report.plot(Reliability("sigma", made))


def judge_quality(
    report: Report, scales: Scales, model: QualityModel, tested: Sequence[Record], simulated: Sequence[Record]
) -> None:
    """Is quality a chance, and does it tell good frames from others?"""
    gates = [gate(regime, of_regime(tested, regime), scales, model) for regime in REGIMES]
    gates += [gate("all", tested, scales, model)]
    others = gate("simulated errors", simulated, scales, model)
    report.table("gates", [gate_row(each) for each in (*gates, others)])
    off = gates[-1].calibration_error  # of all films
    said = f"quality is off the share of good frames by {off:.3f}, at most {CALIBRATION_ERROR} wanted"
    report.require(said, off <= CALIBRATION_ERROR)
    report.plot(GatePlot("gate", gates))


def filmed(records: Sequence[Record]) -> list[Record]:
    return [each for each in records if each.source == "filmed"]


def moving(records: Sequence[Record]) -> list[Record]:
    return [each for each in records if each.source == "moving"]


def quality_model(records: Sequence[Record], scales: Scales) -> QualityModel:
    """The regression of all regimes' frames together. Simulated errors help to tell what makes a frame worse than
    another; how good frames are on the whole is what films say.
    """
    known = [features(diagnostics_of(each, scales[each.regime])) for each in records]
    counts = [len(each.aligned_mm) for each in records]
    values = {name: np.concatenate([each[name][0] for each in known]) for name in known[0]}
    films = np.repeat([float(each.source == "filmed") for each in records], counts)
    error_mm = np.concatenate([each.aligned_mm for each in records])
    weight = np.repeat([1.0 / count for count in counts], counts)
    model = fit_quality({**values, FILMS: films}, error_mm, weight, GOOD_MM)
    level = model.level + model.weight[FILMS] * float(
        standardised(np.ones(1), model.mean[FILMS], model.deviation[FILMS])[0]
    )
    parts = ({name: part[name] for name in values} for part in (model.mean, model.deviation, model.weight))
    return QualityModel(GOOD_MM, level, model.spread, *parts)


def ship(report_file: Path) -> None:
    """Put the numbers of a report in place of those that the engine has."""
    numbers = json.loads(report_file.read_text(encoding="utf-8"))["numbers"]
    with atomic_path(CALIBRATION_FILE) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
