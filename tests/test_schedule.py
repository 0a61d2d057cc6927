"""A schedule names stages that can run, and gives each its solver."""

import pytest

from fitter.errors import InputError
from fitter.solve.first_order import LBFGS, Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.schedule import Schedule, Stage


def test_a_stages_limits_are_its_solvers() -> None:
    stage = Stage("refine", max_steps=7, tolerance=1e-3, damping=0.5)
    assert Schedule().solver_of(stage) == LevenbergMarquardt(max_steps=7, damping=0.5, tolerance=1e-3)
    assert Schedule(solver="adam").solver_of(stage) == Adam(max_steps=140, tolerance=1e-3)
    assert Schedule(solver="lbfgs").solver_of(stage) == LBFGS(max_steps=7, tolerance=1e-3)


def test_the_focal_length_stays_by_default() -> None:
    assert all("focal" not in stage.free for stage in Schedule().stages)


def test_no_stage_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="schedule.stages: expected at least one stage, got none"):
        Schedule(stages=())


def test_a_stage_without_an_unknown_term_is_refused() -> None:
    with pytest.raises(InputError, match="stage pose goes without keypoint, which is no term; expected one of keypoin"):
        Schedule(stages=(Stage("pose", without=("size", "keypoint")),))
