"""The table of stages: its floors and its peers' figures are what their definitions say. Nothing is judged by time."""

import math

import pytest
import torch

from benchmarks.filmed import filmed_clip
from benchmarks.floor import Speeds, Work, hand_share, machine_speeds, works_of
from benchmarks.recovery import DEFAULT
from benchmarks.speed import Race
from benchmarks.stages import SOLVES, Timed, clocked, peer_times, row
from fitter.config import load_config
from priors.synthetic.difficulty import Difficulty

SPEEDS = Speeds(bandwidth=1e9, operations=1e10)
OURS = Race("Levenberg-Marquardt", 0.0, True, (0.0,), (100.0,))


def test_the_floor_is_the_greater_of_moving_and_computing() -> None:
    assert SPEEDS.floor_ms(Work(1e6, 1e6), passes=3) == (pytest.approx(3.0), "bandwidth")
    assert SPEEDS.floor_ms(Work(1e3, 1e8), passes=1) == (pytest.approx(10.0), "operations")


def test_a_peers_figure_is_when_it_came_within_a_percent_or_more_than_its_budget() -> None:
    arrived = Race("Adam", 0.01, False, (0.0, 0.5, 1.0, 2.0), (200.0, 102.0, 100.9, 90.0))
    late = Race("L-BFGS", 1.0, False, (0.0, 4.0), (200.0, 101.1))
    assert peer_times((OURS, arrived, late), n_frames=10) == {"Adam": "100.00", "L-BFGS": "> 400.00"}
    assert peer_times((), n_frames=10) == {}


def test_a_row_divides_by_frames_and_counts_passes() -> None:
    timed = Timed(seconds=0.6, peak_mb=50.0, passes=2, races=(OURS,))
    made = row("cpu", "refine", timed, Work(1e6), SPEEDS, n_frames=6)
    assert (made.ms_per_frame, made.floor_ms, made.steps) == (pytest.approx(100.0), pytest.approx(2.0), 2)
    assert made.times_floor == pytest.approx(50.0)
    assert made.adam_ms == "-"
    absent = row("cpu", "observe", None, Work(1e6), SPEEDS, n_frames=6)
    assert (absent.ms_per_frame, absent.steps, absent.times_floor, absent.peak_mb) == (None, None, None, None)


def test_every_stage_has_its_work_and_pixels_add_to_it(anny) -> None:
    config, clip = load_config(DEFAULT), filmed_clip(anny, 0, 3, Difficulty(), (160, 120))
    works = works_of(clip, config)
    assert list(works) == ["observe", "initialise", *SOLVES, "appearance", "posterior", "export"]
    assert 0.05 < hand_share(clip) < 0.9
    assert works["explore"] == works["refine"]
    assert works["coarse"].bytes - works["refine"].bytes == 68 * 112**2
    assert works["fine"].operations - works["refine"].operations == pytest.approx(132 * hand_share(clip) * 224**2)
    # A Cholesky factorisation of blocks of 51 costs about as much as six products of them.
    assert 6 * 51**3 < works["refine"].operations < 12 * 51**3
    assert works["observe"].bytes == 160 * 120 * 3


def test_the_machine_has_speeds(monkeypatch) -> None:
    from benchmarks import floor

    monkeypatch.setattr(floor, "COPIED_BYTES", 2**20)
    monkeypatch.setattr(floor, "PRODUCT_SIZE", 64)
    speeds = machine_speeds(torch.device("cpu"))
    assert speeds.bandwidth > 1e6
    assert speeds.operations > 1e6
    assert math.isfinite(speeds.bandwidth * speeds.operations)


def test_a_clock_sees_the_memory_of_its_block() -> None:
    with clocked(torch.device("cpu")) as small:
        pass
    with clocked(torch.device("cpu")) as large:
        block = torch.ones(100 * 2**20 // 8, dtype=torch.float64)
    assert float(block[-1]) == 1.0
    assert large.peak_mb - small.peak_mb > 80.0
    assert large.seconds > 0.0
