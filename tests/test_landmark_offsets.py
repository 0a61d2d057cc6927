"""The offsets' estimate: exact on made residuals, deaf to outliers, and never more than its prior says without data."""

import numpy as np

from priors.landmark_offsets import Residuals, estimate


def residuals_of(offsets: np.ndarray, frames: int, seed: int) -> Residuals:
    rng = np.random.default_rng(seed)
    slopes = rng.normal(0.0, 3.0, (frames, 21, 2, 3))  # pixels per percent of the hand's length
    errors = np.einsum("fpij,pj->fpi", slopes, offsets)
    return Residuals(slopes, errors, np.ones((frames, 21)))


def made_offsets() -> np.ndarray:
    offsets = np.random.default_rng(7).normal(0.0, 1.0, (21, 3))
    return offsets - offsets.mean(axis=0)


def test_made_offsets_are_found() -> None:
    offsets = made_offsets()
    found = estimate([residuals_of(offsets, 400, seed) for seed in range(4)])
    # The prior of 3 % pulls a little: its precision is 1/9 against about 90 per clip.
    assert np.abs(found - offsets).max() < 0.02
    assert np.abs(found.mean(axis=0)).max() < 1e-12


def test_outliers_hardly_count() -> None:
    offsets = made_offsets()
    clip = residuals_of(offsets, 400, seed=0)
    clip.errors_px[::10] += 500.0
    assert np.abs(estimate([clip]) - offsets).max() < 0.2


def test_what_was_never_seen_stays_at_the_models_joint() -> None:
    clip = residuals_of(made_offsets(), 50, seed=0)
    blind = Residuals(clip.slopes, clip.errors_px, np.zeros_like(clip.precision))
    assert np.abs(estimate([blind])).max() == 0.0
