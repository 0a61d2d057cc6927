"""The race of pixels at its smallest: it runs, and its figures mean what their names say. Nothing is judged by time."""

from collections.abc import Sequence

import pytest

from benchmarks.filmed import filmed_clip
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.synthesis_speed import (
    FIRST_ORDER,
    SECOND_ORDER,
    Cost,
    Race,
    Rival,
    cost,
    cost_plot,
    judge_cost,
    judge_race,
    photometric_energy,
    pixel_problem,
    race_rows,
    rivals,
    run_timed,
    with_finest,
)
from fitter.config import Config, load_config
from fitter.hand import HandModel
from fitter.solve.first_order import Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from priors.synthetic.difficulty import Difficulty

FRAMES, RESOLUTION, SIZE = 3, 48, (160, 120)


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(DEFAULT)


def test_every_rival_lowers_the_photometric_energy(anny: HandModel, config: Config) -> None:
    clip = filmed_clip(anny, 0, FRAMES, Difficulty(), SIZE)
    problem, start = pixel_problem(clip, config, RESOLUTION)
    assert {"photometric", "silhouette"} & set(problem.terms) and problem.scene.windows is not None
    assert problem.scene.windows.size == RESOLUTION
    before = photometric_energy(problem, start, config.synthesis)
    short = [
        Rival(SECOND_ORDER, 1e-3, LevenbergMarquardt(3, 1e-3, 1e-9), stride=1),
        Rival(FIRST_ORDER, 1e-3, Adam(20, 1e-3, tolerance=1e-9, patience=50), stride=5),
    ]
    for rival in short:
        seconds, states, settled = run_timed(rival, problem, start, config.synthesis, budget_s=60.0)
        assert list(seconds) == sorted(seconds) and len(seconds) == len(states)
        assert not settled and len(states) - 1 == (3 if rival.method == SECOND_ORDER else 4)
        assert photometric_energy(problem, states[-1], config.synthesis) < before


def test_ours_runs_first_and_adam_at_three_rates() -> None:
    methods = [rival.method for rival in rivals()]
    assert methods == [SECOND_ORDER, FIRST_ORDER, FIRST_ORDER, FIRST_ORDER]
    assert len({rival.setting for rival in rivals()[1:]}) == 3


def test_the_finest_stage_is_replaced_and_only_coarser_ones_stay(config: Config) -> None:
    for resolution, expected in ((448, [112, 448]), (224, [112, 224]), (112, [112]), (56, [56])):
        schedule = with_finest(config.schedule, resolution)
        assert [stage.resolution for stage in schedule.pixel_stages] == expected
        assert schedule.keypoint_stages == config.schedule.keypoint_stages


def race(rival: Rival, settled: bool, *looks: tuple[float, float]) -> Race:
    seconds, energies = zip(*looks, strict=True)
    return Race(rival, settled, seconds, energies)


def races(*adams: tuple[bool, Sequence[tuple[float, float]]]) -> list[Race]:
    ours, *others = rivals()
    return [
        race(ours, True, (0.0, 9.0), (1.0, 5.02), (2.0, 5.0)),
        *(race(rival, settled, *looks) for rival, (settled, looks) in zip(others, adams, strict=False)),
    ]


@pytest.mark.parametrize(
    ("adam", "said", "met"),
    [
        ((False, [(0.0, 9.0), (9.0, 5.04)]), "takes 9.0 times our time", True),
        ((False, [(0.0, 9.0), (4.0, 5.04)]), "takes 4.0 times our time", False),
        ((False, [(0.0, 9.0), (10.0, 6.0)]), "takes more than 10.0 times our time", True),
        ((False, [(0.0, 9.0), (5.0, 6.0)]), "takes more than 5.0 times our time", False),
        ((True, [(0.0, 9.0), (5.0, 6.0)]), "settles above it", True),
    ],
)
def test_the_race_is_judged_by_the_time_to_the_best_energy(
    adam: tuple[bool, Sequence[tuple[float, float]]], said: str, met: bool
) -> None:
    rows = race_rows(races(adam))
    assert rows[0].seconds_to_1_percent == 1.0 and rows[0].slower_than_ours == 1.0
    report = Report("synthesis_speed", "")
    judge_race(report, rows)
    ((sentence, judged),) = report.requirements.items()
    assert said in sentence and judged == met


def test_the_best_rate_is_the_first_to_arrive_else_the_nearest() -> None:
    late, early, never = [(0.0, 9.0), (9.0, 5.0)], [(0.0, 9.0), (8.0, 5.04)], [(0.0, 9.0), (1.0, 5.2)]
    rows = race_rows(races((True, late), (False, early), (True, never)))
    assert rows[1].setting == rivals()[2].setting and rows[1].seconds_to_1_percent == 8.0
    nearer, farther = [(0.0, 9.0), (9.0, 5.2)], [(0.0, 9.0), (9.0, 6.0)]
    rows = race_rows(races((True, farther), (True, nearer)))
    assert rows[1].seconds_to_1_percent is None and rows[1].best_energy_percent == pytest.approx(104.0)


def test_who_finds_the_better_minimum_first_sets_the_goal() -> None:
    rows = race_rows(races((True, [(0.0, 9.0), (20.0, 4.0)])))
    report = Report("synthesis_speed", "")
    judge_race(report, rows)
    assert list(report.requirements.values()) == [False]
    assert rows[1].seconds_to_1_percent == 20.0


def test_the_cost_of_a_fit_is_told_by_part(anny: HandModel, config: Config) -> None:
    row = cost(filmed_clip(anny, 0, FRAMES, Difficulty(), SIZE), config, RESOLUTION)
    assert (row.frames, row.resolution) == (FRAMES, RESOLUTION)
    assert row.steps > 0 and row.keypoints_ms > 0.0
    assert row.all_ms == pytest.approx(row.keypoints_ms + row.pixels_ms)
    report = Report("synthesis_speed", "")
    judge_cost(report, Cost(100, 224, 5.0, 90.0, 95.0, 10, "converged"))
    judge_cost(report, Cost(300, 224, 5.0, 96.0, 101.0, 10, "converged"))
    assert list(report.requirements.values()) == [True, False]
    plot = cost_plot("length", "frames", [row, row], [3, 6])
    assert plot.series["all"] == ([3, 6], [row.all_ms, row.all_ms])
