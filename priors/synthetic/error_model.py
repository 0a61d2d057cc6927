"""Measured errors as a source of noise: their mean, their joint covariance, their heavy tails, their persistence.

    model = fit_errors(measured)                                        # what was measured, frame by frame
    errors, score = model.sample(torch.Generator().manual_seed(0), n=64, frames=8)

A frame's errors of pixels, depth and bones are one vector x = mean + m (A z + r n): `components` A of a principal
component analysis, z of unit length per component, an independent rest n, and one scale m that makes a whole frame
good or bad. m is drawn from the measured Mahalanobis norms, so the tails are the measured ones (an elliptical
distribution: Fang, Kotz & Ng 1990). z, n and m's rank are first-order autoregressive over the frames, each with its
measured correlation; their product persists a little less than what was measured (0.88 against 0.92 for pixels).
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.observe.plain_arrays import read_arrays
from priors.synthetic.error_axes import CueErrors

# A frame's row: x and y of 21 points, depth of 20 (the wrist's is 0), flexion and spread of 20 bones.
BLOCKS = (slice(0, 42), slice(42, 62), slice(62, 102))
ROW = 102
KEPT_VARIANCE = 0.95
MOST_BYTES = 2**20  # of a file, unpacked
LARGEST_GAIN = 3.0
HIGHEST_LAG = 0.999  # else errors would never change
# Of no use to a fit: the detector saw something else. Counted, not modelled.
LOST = 0.2  # mean error of a frame's points in spans


@dataclass(frozen=True)
class MeasuredErrors:
    """Errors of frames in order; `follows` where a frame is the next of the same clip as the one before it."""

    errors: CueErrors  # gain 1
    exact_depth: Float[Tensor, "frames 21"]  # shares of the span
    score: Float[Tensor, "frames"]  # the detector's confidence, 0..1
    follows: Bool[Tensor, "frames"]


@dataclass(frozen=True)
class ErrorModel:
    """The fitted numbers; rows as in BLOCKS, in the units of `CueErrors`.

    `scales` are sorted, with mean square 1; `scores` are the confidences of the same frames.
    """

    mean: Float[Tensor, "102"]
    components: Float[Tensor, "components 102"]
    rest: Float[Tensor, "102"]
    component_lag: Float[Tensor, "components"]
    rest_lag: Float[Tensor, ""]
    scale_lag: Float[Tensor, ""]
    scales: Float[Tensor, "samples"]
    scores: Float[Tensor, "samples"]
    depth_gain: Float[Tensor, "21"]
    flexion: Float[Tensor, "20 3"]

    @property
    def covariance(self) -> Float[Tensor, "102 102"]:
        return self.components.mT @ self.components + torch.diag(self.rest.square())

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "ErrorModel":
        moved = {f.name: getattr(self, f.name).to(dtype=dtype, device=device) for f in fields(self)}
        return replace(self, **moved)

    def sample(
        self, generator: torch.Generator, n: int, frames: int, scale: float = 1.0, bias: float = 1.0
    ) -> tuple[CueErrors, Float[Tensor, "n frames"]]:
        """Errors of `n` independent clips of `frames`, (n, frames, ...), and the detector's confidence in each frame.

        `scale` multiplies what is random, `bias` what is constant: the mean, and how far the gain is from 1.
        """
        rank = torch.special.ndtr(persistent_noise(generator, (n, frames, 1), self.scale_lag)[..., 0])
        frame = (rank * len(self.scales)).long().clamp(max=len(self.scales) - 1)
        z = persistent_noise(generator, (n, frames, len(self.components)), self.component_lag)
        z = torch.nn.functional.normalize(z, dim=-1) * len(self.components) ** 0.5
        noise = persistent_noise(generator, (n, frames, ROW), self.rest_lag) * self.rest
        rows = bias * self.mean + scale * self.scales[frame][..., None] * (z @ self.components + noise)
        gain = 1.0 + bias * (self.depth_gain - 1.0)
        return errors_of_rows(rows, gain, self.flexion), self.scores[frame]

    def save(self, path: Path, command: str) -> None:
        """Write an .npz file, whole or not at all, with the command that made it."""
        arrays = {f.name: getattr(self, f.name).numpy().astype(np.float32) for f in fields(self)}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, command=np.array(command), **arrays)

    @staticmethod
    def load(path: Path) -> "ErrorModel":
        """Read what `save` wrote, float64; InputError where the file is something else."""
        names = {f.name for f in fields(ErrorModel)}
        stored = read_arrays(path, names, "the errors of a detector", MOST_BYTES)
        for name in sorted(names):
            if name not in stored:
                raise InputError(f"{path} holds no {name}: expected a file made by priors.synthetic.detector_errors")
            if stored[name].dtype.kind != "f" or not np.isfinite(stored[name]).all():
                raise InputError(f"{path}: {name} holds no finite numbers, expected errors of a detector")
        _check(path, stored)
        return ErrorModel(**{name: torch.from_numpy(stored[name].astype(np.float64)) for name in names})


def persistent_noise(
    generator: torch.Generator, shape: tuple[int, int, int], lag: Float[Tensor, "*row"]
) -> Float[Tensor, "n frames row"]:
    """N(0, 1) with correlation `lag` from one frame to the next, in the type of `lag`."""
    white = torch.randn(shape, generator=generator, dtype=lag.dtype, device=lag.device)
    new, noise = (1.0 - lag.square()).sqrt(), [white[:, 0]]
    for t in range(1, shape[1]):
        noise.append(lag * noise[-1] + new * white[:, t])
    return torch.stack(noise, dim=1)


def _check(path: Path, stored: dict[str, np.ndarray]) -> None:
    """Raise InputError unless shapes fit together and values are possible."""
    k, samples = len(np.atleast_1d(stored["component_lag"])), len(np.atleast_1d(stored["scales"]))
    expected = {"mean": (ROW,), "components": (k, ROW), "rest": (ROW,), "component_lag": (k,), "rest_lag": ()}
    expected |= {"scale_lag": (), "scales": (samples,), "scores": (samples,), "depth_gain": (21,), "flexion": (20, 3)}
    for name, shape in expected.items():
        if stored[name].shape != shape or 0 in shape:
            raise InputError(f"{path}: {name} has shape {stored[name].shape}, expected {shape} of at least one number")
    lags = np.concatenate([np.ravel(stored[name]) for name in ("component_lag", "rest_lag", "scale_lag")])
    possible = {
        "a correlation": (np.abs(lags) < 1.0).all(),
        "a scale": (stored["scales"] >= 0.0).all(),
        "a confidence": ((stored["scores"] >= 0.0) & (stored["scores"] <= 1.0)).all(),
        "a gain": (np.abs(stored["depth_gain"]) <= LARGEST_GAIN).all(),
    }
    for what, fine in possible.items():
        if not fine:
            raise InputError(f"{path}: {what} is beyond what is possible, expected errors measured on a detector")


def rows_of_errors(errors: CueErrors) -> Float[Tensor, "*batch 102"]:
    """The errors as BLOCKS lays them out."""
    return torch.cat([errors.pixels.flatten(-2), errors.depth[..., 1:], errors.tilt[..., 1:].flatten(-2)], dim=-1)


def errors_of_rows(
    rows: Float[Tensor, "*batch 102"], depth_gain: Float[Tensor, "21"], flexion: Float[Tensor, "20 3"]
) -> CueErrors:
    """The inverse of `rows_of_errors`."""
    pixels, depth, tilt = (rows[..., block] for block in BLOCKS)
    return CueErrors(
        flexion=flexion,
        pixels=pixels.unflatten(-1, (21, 2)),
        depth=torch.nn.functional.pad(depth, (1, 0)),
        tilt=torch.nn.functional.pad(tilt.unflatten(-1, (20, 2)), (1, 0)),
        depth_gain=depth_gain,
    )


def fit_errors(measured: MeasuredErrors) -> ErrorModel:
    """Mean, components that keep KEPT_VARIANCE, scales and correlations over time."""
    gain, depth = regressed(measured.exact_depth, measured.errors.depth)
    rows = rows_of_errors(replace(measured.errors, depth=depth))
    mean = rows.mean(0)
    unit = torch.cat(
        [(rows - mean)[:, block].square().mean().sqrt().expand(block.stop - block.start) for block in BLOCKS]
    )
    deviations = (rows - mean) / unit  # each block counts by its number of errors, not by its unit
    _, singular, vh = torch.linalg.svd(deviations, full_matrices=False)
    explained = singular.square().cumsum(0) / singular.square().sum()
    k = int((explained < KEPT_VARIANCE).sum()) + 1
    z = deviations @ vh[:k].mT / (singular[:k] / len(rows) ** 0.5)
    rest = deviations - deviations @ vh[:k].mT @ vh[:k]
    scales = z.square().mean(1).sqrt()
    order = scales.argsort()
    rank = torch.empty_like(scales)
    rank[order] = (torch.arange(len(rows), dtype=rows.dtype) + 0.5) / len(rows)
    pairs = torch.nonzero(measured.follows)[:, 0]
    return ErrorModel(
        mean=mean,
        components=vh[:k] * (singular[:k] / len(rows) ** 0.5)[:, None] * unit,
        rest=rest.square().mean(0).sqrt() * unit,
        component_lag=lag_one(z, pairs),
        rest_lag=lag_one(rest, pairs).mean(),
        scale_lag=lag_one(torch.special.ndtri(rank)[:, None], pairs)[0],
        scales=scales[order],
        scores=measured.score[order],
        depth_gain=gain,
        flexion=measured.errors.flexion,
    )


def regressed(
    exact: Float[Tensor, "frames 21"], error: Float[Tensor, "frames 21"]
) -> tuple[Float[Tensor, "21"], Float[Tensor, "frames 21"]]:
    """How many times the exact depth a detector says, per point, and its errors from that (least squares)."""
    varied = exact - exact.mean(0)
    slope = (varied * error).sum(0) / varied.square().sum(0).clamp_min(1e-12)
    return 1.0 + slope, error - slope * exact


def lag_one(values: Float[Tensor, "frames row"], pairs: Tensor) -> Float[Tensor, "row"]:
    """Correlation of frames `pairs` with the ones before them, per column of zero mean."""
    now, before = values[pairs], values[pairs - 1]
    power = 0.5 * (now.square() + before.square()).sum(0)
    return ((now * before).sum(0) / power.clamp_min(1e-12)).clamp(0.0, HIGHEST_LAG)
