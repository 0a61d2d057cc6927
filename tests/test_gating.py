"""The benchmark of the gates: its errors and its tables on numbers that can be checked by hand."""

import numpy as np
import pytest

from benchmarks.gating import Judged, errors_mm, gate_rows, kept_row
from fitter.export.labels import Verdict
from fitter.export.labels.gates import Measure


def clip(aligned_mm, quality, present):
    fitted = np.array([present])
    measures = (
        Measure("quality", np.array([quality]), least=0.5),
        Measure("sigma_mm", np.full((1, 4), np.nan), most=1),
    )
    aligned = np.where(fitted[0], aligned_mm, np.nan)
    return Judged(1, "pixels", Verdict(fitted, fitted, measures), aligned, 2 * aligned)


def test_errors_are_aligned_and_relative():
    rng = np.random.default_rng(0)
    truth = rng.normal(scale=0.05, size=(3, 21, 3))
    fitted = 1.1 * truth + [0.0, 0.0, 0.2]
    fitted[2] = np.nan
    aligned, relative = errors_mm(fitted, truth, np.array([True, True, False]))
    np.testing.assert_allclose(aligned[:2], 0.0, atol=1e-9)
    wanted = 1000 * 0.1 * np.linalg.norm(truth - truth[:, :1], axis=-1).mean(axis=1)
    np.testing.assert_allclose(relative[:2], wanted[:2])
    assert np.isnan(aligned[2]) and np.isnan(relative[2])


def test_frames_without_a_hand_count_neither_way():
    row = kept_row("all", [clip([4.0, 6.0, 20.0, 99.0], [0.9, 0.8, 0.1, 0.9], [True, True, True, False])])
    assert (row.frames, row.kept_percent) == (3, pytest.approx(200 / 3))
    assert (row.kept_aligned_mm, row.dropped_aligned_mm, row.aligned_factor) == (5.0, 20.0, 4.0)
    assert (row.kept_relative_mm, row.dropped_relative_mm, row.relative_factor) == (10.0, 40.0, 4.0)


def test_a_gate_that_cannot_judge_drops_nothing():
    quality, sigma = gate_rows([clip([4.0, 6.0, 20.0, 1.0], [0.9, 0.8, 0.1, 0.9], [True] * 4)])
    assert (quality.gate, quality.judged_percent, quality.dropped_percent) == ("quality", 100.0, 25.0)
    assert (sigma.judged_percent, sigma.dropped_percent) == (0.0, 0.0) and np.isnan(sigma.dropped_aligned_mm)
