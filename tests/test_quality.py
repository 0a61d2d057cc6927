"""The frames' quality: in range, better where the figures are better, and there where figures are not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from fitter.export.diagnostics import Diagnostics
from fitter.export.quality import energy_of, features, frame_quality, span_px
from fitter.solve.calibration import QualityModel, load_quality_model

HANDS, FRAMES = 2, 6


def explained(sigma_mm: float = 8.0, reprojection_px: float = 5.0) -> Diagnostics:
    """Frames like any other: all 21 keypoints in a square of 200 pixels, no colours compared."""
    rng = np.random.default_rng(0)
    rows = (HANDS, FRAMES)
    pixels = rng.uniform(100.0, 300.0, (*rows, 21, 2))
    pixels[..., 0, :], pixels[..., 1, :] = 100.0, 300.0

    def full(value: float, *more: int) -> np.ndarray:
        return np.full((*rows, *more), value, dtype=np.float32)

    return Diagnostics(
        source="mediapipe",
        detected_px=pixels.astype(np.float32),
        confidence=full(0.9, 21),
        relative_sigma_mm=full(sigma_mm, 21),
        reprojection_px=full(reprojection_px),
        photometric=full(np.nan),
        overlap=full(0.9),
        terms=("keypoints", "image_depth", "articulation", "learned_pose"),
        energies=np.full((HANDS, 4, FRAMES), 3.0, dtype=np.float32),
        clip_energies=np.full((HANDS, 4), np.nan, dtype=np.float32),
        trace_stage=(),
        trace_hand=(),
        trace_energy=(),
    )


def with_nothing_seen(diagnostics: Diagnostics) -> Diagnostics:
    """Frames between observations: no keypoints, no pixels, no energies but those of the pose."""
    absent = np.full((HANDS, FRAMES), np.nan, dtype=np.float32)
    energies = diagnostics.energies * np.array([0.0, 0.0, 0.0, 1.0], dtype=np.float32)[:, None]
    return replace(
        diagnostics,
        detected_px=np.zeros_like(diagnostics.detected_px),
        confidence=np.zeros_like(diagnostics.confidence),
        reprojection_px=absent,
        photometric=absent,
        overlap=absent,
        energies=energies,
    )


@pytest.mark.parametrize("sigma_mm", [1e-6, 1.0, 8.0, 1e4])
@pytest.mark.parametrize("reprojection_px", [0.0, 5.0, 1e4])
def test_quality_is_a_chance(sigma_mm: float, reprojection_px: float) -> None:
    for diagnostics in (explained(sigma_mm, reprojection_px), with_nothing_seen(explained(sigma_mm))):
        quality = frame_quality(diagnostics)
        assert quality.shape == (HANDS, FRAMES) and quality.dtype == np.float32
        assert ((quality >= 0.0) & (quality <= 1.0)).all()


def test_nothing_known_of_a_frame_gives_a_number_and_a_worse_one() -> None:
    usual, blind = frame_quality(explained()), frame_quality(with_nothing_seen(explained(sigma_mm=40.0)))
    assert (blind < usual).all()


def test_no_energies_at_all_are_no_error() -> None:
    diagnostics = replace(
        explained(), terms=(), energies=np.zeros((HANDS, 0, FRAMES), np.float32), clip_energies=np.zeros((HANDS, 0))
    )
    assert np.isfinite(frame_quality(diagnostics)).all()


def test_what_ships_prefers_the_surer_and_the_better_explained_frame() -> None:
    quality = [frame_quality(explained(sigma_mm=sigma_mm)).mean() for sigma_mm in (8.0, 14.0, 30.0)]
    assert quality[0] > quality[1] > quality[2]
    explained_well, explained_badly = (frame_quality(explained(reprojection_px=px)).mean() for px in (2.0, 30.0))
    assert explained_well > explained_badly


def test_known_values_of_a_regression_of_one_feature() -> None:
    model = QualityModel(10.0, np.log(10.0), 0.5, {"sigma": 8.0}, {"sigma": 2.0}, {"sigma": 0.25})
    for sigma_mm, deviations in ((8.0, 0.0), (10.0, 1.0), (7.0, -0.5)):
        expected = ndtr(-0.5 * deviations)  # 0.25 per deviation, of a spread of 0.5
        np.testing.assert_allclose(frame_quality(explained(sigma_mm=sigma_mm), model), expected, rtol=1e-5)
    # Nothing was learnt of what lies beyond 4 deviations.
    np.testing.assert_allclose(frame_quality(explained(sigma_mm=1e9), model), ndtr(-2.0), rtol=1e-5)


def test_an_absent_feature_counts_as_its_mean() -> None:
    model = QualityModel(10.0, 2.0, 0.5, {"reprojection": 0.1}, {"reprojection": 2.0}, {"reprojection": 3.0})
    expected = ndtr((np.log(10.0) - 2.0) / 0.5)
    np.testing.assert_allclose(frame_quality(with_nothing_seen(explained()), model), expected, rtol=1e-5)


def test_features_are_what_their_names_say() -> None:
    found = features(explained(sigma_mm=8.0, reprojection_px=5.0))
    assert found.keys() == load_quality_model().weight.keys()
    np.testing.assert_allclose(found["sigma"], 8.0, rtol=1e-6)
    np.testing.assert_allclose(found["reprojection"], 5.0 / 200.0, rtol=1e-6)
    np.testing.assert_allclose(found["pose"], 3.0, rtol=1e-6)
    coloured = features(replace(explained(), photometric=np.ones((HANDS, FRAMES), np.float32)))
    assert np.isnan(coloured["reprojection"]).all() and np.isnan(coloured["pose"]).all()
    blind = features(with_nothing_seen(explained()))
    assert np.isnan(blind["reprojection"]).all() and (blind["pose"] == 3.0).all()


def test_spans_and_energies_leave_out_what_is_not_there() -> None:
    diagnostics = explained()
    confidence = diagnostics.confidence.copy()
    confidence[0, 0, 0] = 0.0  # one corner of the square
    confidence[0, 1] = 0.0
    span = span_px(replace(diagnostics, confidence=confidence))
    assert span[1, 0] == pytest.approx(200.0) and span[0, 0] < 200.0 and np.isnan(span[0, 1])
    assert np.isnan(energy_of(diagnostics, ("silhouette",))).all()
    assert energy_of(diagnostics, ("image_depth", "silhouette", "articulation")) == pytest.approx(6.0)
