"""Sampled errors are distributed as the measured ones; files that are no such model are refused in one sentence."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.errors import InputError
from priors.synthetic.error_axes import flexion_axes
from priors.synthetic.error_model import (
    ROW,
    ErrorModel,
    MeasuredErrors,
    errors_of_rows,
    fit_errors,
    rows_of_errors,
)
from tests.toy_hand import toy_hand

GAIN = 0.6


@pytest.fixture(scope="module")
def measured() -> MeasuredErrors:
    """Errors of a known kind: 40 clips of 60 frames, 6 directions, heavy tails, a flattened depth."""
    draw = torch.Generator().manual_seed(0)

    def persistent(*row: int) -> torch.Tensor:
        noise = torch.randn(40, 60, *row, generator=draw, dtype=torch.float64)
        for t in range(1, 60):
            noise[:, t] = 0.8 * noise[:, t - 1] + 0.6 * noise[:, t]
        return noise

    directions = torch.linspace(1.0, 0.5, 6).double()[:, None] * torch.randn(6, ROW, generator=draw).double()
    rows = (persistent(6) @ directions + 0.2 * persistent(ROW)) * (0.5 * persistent(1)).exp()
    rows = 0.01 * rows + 0.02 * torch.randn(ROW, generator=draw).double()
    exact = 0.2 * persistent(21)
    errors = errors_of_rows(rows.flatten(0, 1), torch.ones(21).double(), flexion_axes(toy_hand()))
    follows = (torch.arange(60) > 0).repeat(40)
    flat = errors.depth + (GAIN - 1.0) * exact.flatten(0, 1) * (torch.arange(21) > 0)
    return MeasuredErrors(
        errors=replace(errors, depth=flat),
        exact_depth=exact.flatten(0, 1),
        score=torch.rand(2400, generator=draw).double(),
        follows=follows,
    )


def test_sampled_mean_and_covariance_are_the_measured_ones(measured: MeasuredErrors) -> None:
    model = fit_errors(measured)
    drawn, _ = model.sample(torch.Generator().manual_seed(1), 60_000, 1)
    rows = rows_of_errors(drawn)[:, 0]
    assert torch.allclose(rows.mean(0), model.mean, atol=0.002)
    sampled = torch.cov(rows.mT)
    assert float((sampled - model.covariance).norm() / model.covariance.norm()) < 0.03
    flattened = (model.depth_gain - 1.0) * measured.exact_depth
    wanted = torch.cov(rows_of_errors(replace(measured.errors, depth=measured.errors.depth - flattened)).mT)
    # The rest beyond the components, 5 % of the variance at most, is taken to be independent.
    assert float((sampled - wanted).norm() / wanted.norm()) < 0.04
    assert torch.allclose(sampled.diagonal(), wanted.diagonal(), rtol=0.06)


def test_few_components_the_gain_and_the_tails_are_found(measured: MeasuredErrors) -> None:
    model = fit_errors(measured)
    assert len(model.components) == 6
    assert float(model.depth_gain[0]) == 1.0 and torch.allclose(
        model.depth_gain[1:], torch.tensor(GAIN).double(), atol=0.02
    )
    assert float(model.scales.square().mean()) == pytest.approx(1.0)
    # log m was drawn with a standard deviation of 0.5, and 6 values of z say of it what chi_6 lets them (0.30).
    assert float(model.scales.log().std()) == pytest.approx(np.hypot(0.5, 0.30), abs=0.05)
    drawn, _ = model.sample(torch.Generator().manual_seed(2), 30_000, 1)
    flattened = (model.depth_gain - 1.0) * measured.exact_depth
    wanted = rows_of_errors(replace(measured.errors, depth=measured.errors.depth - flattened)) - model.mean
    sampled = rows_of_errors(drawn)[:, 0] - model.mean
    shares = torch.tensor([0.5, 0.9, 0.99], dtype=torch.float64)
    assert torch.allclose(sampled.norm(dim=1).quantile(shares), wanted.norm(dim=1).quantile(shares), rtol=0.08)


def test_errors_persist_over_frames_and_clips_are_unrelated(measured: MeasuredErrors) -> None:
    model = fit_errors(measured)
    # Drawn with 0.8 and a scale that makes it exp(0.25 (0.8 - 1)) times that, 0.76.
    assert torch.allclose(model.component_lag, torch.tensor(0.76).double(), atol=0.04)
    drawn, score = model.sample(torch.Generator().manual_seed(3), 2000, 8)
    rows = rows_of_errors(drawn) - model.mean
    neighbours = float((rows[:, 1:] * rows[:, :-1]).mean() / rows.square().mean())
    # The scale's changes count twice, in the components' correlation and in its own.
    assert 0.60 < neighbours < 0.76
    others = float((rows[1:] * rows[:-1]).mean() / rows.square().mean())
    assert abs(others) < 0.03
    assert score.shape == (2000, 8) and np.isin(score.numpy(), model.scores.numpy()).all()


def test_seeds_decide_and_sizes_scale(measured: MeasuredErrors) -> None:
    model = fit_errors(measured)
    one, same, other = (model.sample(torch.Generator().manual_seed(seed), 3, 4)[0].pixels for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    none, _ = model.sample(torch.Generator().manual_seed(1), 3, 4, scale=0.0, bias=0.0)
    assert rows_of_errors(none).abs().max() == 0.0 and (none.depth_gain == 1.0).all()
    pure, _ = model.sample(torch.Generator().manual_seed(1), 3, 4, scale=1.0, bias=0.0)
    double, _ = model.sample(torch.Generator().manual_seed(1), 3, 4, scale=2.0, bias=0.0)
    assert torch.allclose(double.tilt, 2.0 * pure.tilt) and pure.tilt.abs().max() > 0.0
    assert (pure.depth[..., 0] == 0.0).all() and (pure.tilt[..., 0] == 0.0).all()
    single, _ = model.to(dtype=torch.float32).sample(torch.Generator().manual_seed(1), 3, 4)
    assert single.pixels.dtype == torch.float32


def test_a_file_holds_the_model(measured: MeasuredErrors, tmp_path: Path) -> None:
    model = fit_errors(measured)
    model.save(tmp_path / "errors.npz", "a command")
    again = ErrorModel.load(tmp_path / "errors.npz")
    for field in fields(ErrorModel):
        assert torch.allclose(getattr(again, field.name), getattr(model, field.name), rtol=1e-5, atol=1e-7)
    with np.load(tmp_path / "errors.npz", allow_pickle=False) as stored:
        assert str(stored["command"]) == "a command"


def spoilt(name: str, value: np.ndarray | None) -> dict[str, np.ndarray]:
    """The arrays of a small model, one of them replaced or left out."""
    arrays = {
        "mean": np.zeros(ROW),
        "components": np.ones((2, ROW)),
        "rest": np.ones(ROW),
        "component_lag": np.array([0.9, 0.8]),
        "rest_lag": np.array(0.5),
        "scale_lag": np.array(0.5),
        "scales": np.ones(3),
        "scores": np.ones(3),
        "depth_gain": np.ones(21),
        "flexion": np.ones((20, 3)),
    }
    arrays.pop(name)
    return arrays if value is None else arrays | {name: value}


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("mean", None, "holds no mean"),
        ("mean", np.zeros(7), r"mean has shape \(7,\)"),
        ("rest", np.full(ROW, np.nan), "rest holds no finite numbers"),
        ("scores", np.array([0.5]), "scores has shape"),
        ("scales", np.zeros(0), "at least one|shape"),
        ("component_lag", np.array([0.9, 1.5]), "a correlation"),
        ("scores", np.array([0.5, 0.5, 2.0]), "a confidence"),
        ("depth_gain", np.full(21, 1e6), "a gain"),
        ("mean", np.array(["a"] * ROW), "mean holds no finite numbers"),
        ("mean", np.array([None] * ROW), "mean"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, value: np.ndarray | None, complaint: str) -> None:
    path = tmp_path / "errors.npz"
    np.savez(path, **spoilt(name, value))
    with pytest.raises(InputError, match=complaint):
        ErrorModel.load(path)


def test_no_file_and_garbage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"errors\.npz cannot be read"):
        ErrorModel.load(tmp_path / "errors.npz")
    (tmp_path / "errors.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match=r"errors\.npz is no \.npz file"):
        ErrorModel.load(tmp_path / "errors.npz")
