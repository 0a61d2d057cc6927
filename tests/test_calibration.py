"""The sigmas' calibration: known values, order, and that unseen strangers err by about what the fit says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.calibrate import fit_quality, fit_scale, log_loss
from benchmarks.calibration import setting
from benchmarks.claims import BARE, CUES, PIXELS, Record, claimed, moving_records, size_and_focal_given
from fitter.solve.calibration import (
    CALIBRATION_FILE,
    FACE_VALUE,
    Regime,
    Scale,
    Trust,
    load_calibration,
    load_quality_model,
)
from tests.made_up_record import made_up

# Seeds that neither the calibration nor its test uses.
UNSEEN_SEED = 79_000


def test_parts_add_up_as_squares() -> None:
    each = np.ones(21)
    joints, relative = Scale(2.0, 3.0, 0.5, ends=2.0).applied(2.0 * each, 24.0 * each, 84.0 * each)
    ends = [0, 4, 8, 12, 16, 20]
    between = np.setdiff1d(np.arange(21), ends)
    np.testing.assert_allclose(relative[between], 5.0)  # 4, 3
    np.testing.assert_allclose(relative[ends], 10.0)
    np.testing.assert_allclose(joints[between], np.sqrt(25.0 + 144.0 + 84.0**2))


def test_the_scale_that_says_nothing_changes_nothing() -> None:
    raw, shared, focal = np.linspace(0.5, 7.0, 21), np.full(21, 3.0), np.full(21, 4.0)
    joints, relative = FACE_VALUE.scale("pixels").applied(raw, shared, focal)
    np.testing.assert_allclose(relative, raw)
    np.testing.assert_allclose(joints, np.sqrt(raw**2 + 25.0))


@pytest.mark.parametrize("regime", [CUES, BARE, PIXELS])
def test_what_ships_keeps_the_order_of_sigmas(regime: Regime) -> None:
    scale = load_calibration().scales[regime]
    raw = np.linspace(0.0, 50.0, 200)[:, None] * np.ones(21)
    joints, relative = scale.applied(raw, np.full_like(raw, 10.0), np.zeros_like(raw))
    assert (np.diff(relative, axis=0) > 0).all() and (joints > relative).all()
    assert relative[0, 5] == pytest.approx(scale.floor_mm)


def test_what_ships_names_the_command_that_made_it() -> None:
    stored = json.loads(CALIBRATION_FILE.read_text(encoding="utf-8"))
    assert stored["command"].startswith("python -m benchmarks calibration")
    assert set(stored["scales"]) == {"depth cue", "no depth cue", "pixels"}
    assert load_calibration().trust == Trust(**stored["trust"])
    assert load_quality_model().weight.keys() == load_quality_model().mean.keys()


def test_positions_in_space_are_believed_as_they_are() -> None:
    assert load_calibration().scale("space") == Scale(1.0, 0.0, 1.0, 1.0)


def test_maximum_likelihood_finds_the_scale_that_made_the_errors() -> None:
    rng, scale = np.random.default_rng(0), Scale(factor=3.0, floor_mm=6.0, shared_factor=2.0, ends=1.5)
    found = fit_scale([made_up(rng, scale, seed) for seed in range(6)], 0)
    # 5000 joints: a few percent.
    assert found.factor == pytest.approx(3.0, rel=0.05) and found.floor_mm == pytest.approx(6.0, rel=0.1)
    assert found.shared_factor == pytest.approx(2.0, rel=0.15) and found.ends == pytest.approx(1.5, rel=0.05)


def test_the_loss_is_least_at_the_true_variance() -> None:
    squared = np.square(np.random.default_rng(0).normal(0.0, 4.0, (20000, 3))).sum(-1)
    losses = [log_loss(np.full(20000, variance), squared).mean() for variance in (12.0, 16.0, 20.0)]
    assert losses[1] == min(losses)


def test_a_regression_finds_what_made_the_errors() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-3.0, 7.0, 20000), rng.normal(0.0, 1.0, 20000)
    error_mm = np.exp(2.0 + 0.1 * first + 0.3 * rng.standard_normal(20000))
    second[::2] = np.nan  # absent in half of the frames, and of no use
    model = fit_quality({"first": first, "second": second}, error_mm, np.full(20000, 0.1), 10.0)
    assert model.mean["first"] == pytest.approx(2.0, abs=0.1)
    assert model.weight["first"] / model.deviation["first"] == pytest.approx(0.1, rel=0.03)
    assert 0.0 <= model.weight["second"] < 0.01
    assert model.level == pytest.approx(2.2, abs=0.02) and model.spread == pytest.approx(0.3, rel=0.03)


def test_no_weight_says_that_worse_is_better() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(0.0, 1.0, 5000)
    model = fit_quality({"first": first}, np.exp(2.0 - first), np.full(5000, 0.1), 10.0)
    assert model.weight["first"] == pytest.approx(0.0, abs=1e-9)


def test_size_and_distance_are_taken_from_the_error_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    wrist = rng.normal(0.0, 0.1, (12, 1, 3)) + [0.0, 0.0, 0.5]
    truth = wrist + 0.05 * np.concatenate([np.zeros((12, 1, 3)), rng.standard_normal((12, 20, 3))], axis=1)
    # A hand a tenth too large before a camera whose focal length is a fifth too large: 1.1 * 1.2 times as far away.
    wrong = 1.1 * (truth - wrist) + wrist * [1.1, 1.1, 1.32]
    np.testing.assert_allclose(size_and_focal_given(wrong, truth), truth, atol=1e-9)
    shaken = truth + 0.01 * rng.standard_normal(truth.shape)
    left = np.linalg.norm(size_and_focal_given(shaken, truth) - truth, axis=-1).mean()
    assert left == pytest.approx(np.linalg.norm(shaken - truth, axis=-1).mean(), rel=0.05)


def error_over_sigma(records: list[Record], index: int, scale: Scale) -> float:
    """Root mean square, per axis, size and focal length given."""
    squared = [np.square(each.relative_error_mm / claimed(each, index, scale)[1]).mean() for each in records]
    return float(np.sqrt(np.mean(squared) / 3.0))


def test_unseen_strangers_err_by_what_the_fit_says() -> None:
    """Detections that err as MediaPipe's do, of hands that no shape of the model fits: a few clips, so a wide band."""
    calibration = load_calibration()
    shared = replace(setting(), keypoint_trusts=(Trust(), replace(calibration.trust, surface_factor=1.0)))
    records = [each for index in range(4) for each in moving_records(shared, UNSEEN_SEED + index)]
    for regime in (CUES, BARE):
        some = [each for each in records if each.regime == regime]
        before = error_over_sigma(some, 0, Scale())
        after = error_over_sigma(some, 1, calibration.scales[regime])
        assert 0.5 < after < 2.0 and before > 3.0
