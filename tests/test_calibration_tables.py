"""The calibration's tables and figures: known values of gates and claims, on records made up from a known scale."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration_tables import claim_rows, gate_row, joint_row
from benchmarks.claims import BARE, CUES, DATA_FACTORS, PIXELS, Record
from benchmarks.reliability import Claims, Gate, GatePlot, Reliability, expected_coverage
from fitter.solve.calibration import Scale
from tests.made_up_record import made_up

SCALE = Scale(factor=3.0, floor_mm=6.0, shared_factor=2.0, ends=1.5)


def records() -> list[Record]:
    """Of the first regime, cameras known and assumed; the same posterior for every trust."""
    rng = np.random.default_rng(0)
    made = [made_up(rng, SCALE, seed) for seed in range(4)]
    each = [
        replace(
            one,
            relative_mm=one.relative_mm.repeat(len(DATA_FACTORS), axis=0),
            shared_mm=one.shared_mm.repeat(len(DATA_FACTORS), axis=0),
        )
        for one in made
    ]
    return [replace(one, camera_known=index % 2 == 0) for index, one in enumerate(each)]


def test_errors_that_the_scale_made_are_as_large_as_it_says() -> None:
    rows = claim_rows("made up", records(), {regime: SCALE for regime in (CUES, BARE, PIXELS)})
    assert len(rows) == 6 and {row.regime for row in rows} == {CUES}
    for row in rows:
        if row.when == "after":
            assert row.error_over_sigma == pytest.approx(1.0, abs=0.03)
            assert row.within_1 == pytest.approx(expected_coverage(1.0), abs=0.03)
        else:
            assert row.error_over_sigma > 1.5
    by_joint = joint_row(CUES, records(), SCALE)
    assert [by_joint.wrist, by_joint.knuckles, by_joint.middle_joints, by_joint.tips] == pytest.approx(
        [1.0] * 4, abs=0.1
    )


def test_coverage_of_gaussian_errors() -> None:
    # Of a chi distribution of 3 degrees of freedom: below the root of 3, and everything.
    assert expected_coverage(1.0) == pytest.approx(0.608, abs=0.001)
    assert expected_coverage(0.0) == 0.0 and expected_coverage(10.0) == pytest.approx(1.0)


def test_known_values_of_a_gate() -> None:
    gate = Gate("small", 10.0, np.array([0.9, 0.8, 0.3, 0.2]), np.array([5.0, 12.0, 8.0, 20.0]))
    recall, precision = gate.curve()
    np.testing.assert_allclose(recall, [0.5, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(precision, [1.0, 1 / 2, 2 / 3, 1 / 2])
    assert gate.area == pytest.approx(0.75)  # of four pairs, three are in order
    row = gate_row(gate)
    assert row.kept == 0.5 and row.kept_error_mm == pytest.approx(8.5) and row.dropped_error_mm == pytest.approx(14.0)


def test_a_right_chance_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    quality = rng.random(200_000)
    gate = Gate("right", 10.0, quality, np.where(rng.random(200_000) < quality, 5.0, 15.0))
    assert gate.calibration_error < 0.01
    assert Gate("wrong", 10.0, 0.5 * quality, gate.error_mm).calibration_error > 0.2


def test_plots_are_drawn_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sigma = rng.uniform(1.0, 30.0, 2000)
    made = Claims(sigma, sigma * np.abs(rng.standard_normal(2000)))
    Reliability("sigma", {CUES: {"relative": {"before": made, "after": made}}}).draw(tmp_path / "sigma.png")
    gate = Gate("all", 10.0, rng.random(200), rng.uniform(5.0, 15.0, 200))
    GatePlot("gate", [gate]).draw(tmp_path / "gate.png")
    for name in ("sigma.png", "gate.png"):
        assert 1000 < (tmp_path / name).stat().st_size < 150_000
