"""How far claims hold, in figures and pictures: errors over sigmas, coverage, and what a gate on quality keeps.

row = hold("after", "relative", sigma_mm, error_mm, clip)
Reliability("sigma", panels).draw(Path("sigma.png"))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import chi

from fitter.export.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 8  # of alike numbers of joints
CHANCE_BINS = np.array([0.0, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 1.0])
MULTIPLES = np.linspace(0.1, 3.0, 30)
DOTS_PER_IN, COLOURS_KEPT = 90, 64
TICKS_MM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)
COLOURS = {"before": "#9aa5b1", "after": "#d1495b"}


@dataclass(frozen=True)
class Claims:
    """Sigmas and errors of joints, millimetres; `error` is the length of the error over the root of 3: per axis."""

    sigma: Float[np.ndarray, "joints"]
    error: Float[np.ndarray, "joints"]

    @property
    def normalised(self) -> float:
        """Root mean square of error over sigma; 1 where sigma is right."""
        return float(np.sqrt(np.square(self.error / self.sigma).mean()))

    def covered(self, multiple: float) -> float:
        """Share of the errors below a multiple of their sigma."""
        return float((self.error < multiple * self.sigma).mean())

    def bins(self) -> tuple[Float[np.ndarray, "bins"], Float[np.ndarray, "bins"]]:
        """Root mean squares of sigma and of error, over joints of alike sigma."""
        parts = np.array_split(np.argsort(self.sigma), BINS)
        sigma, error = ([np.sqrt(np.square(of[part]).mean()) for part in parts] for of in (self.sigma, self.error))
        return np.array(sigma), np.array(error)


def expected_coverage(multiple: float) -> float:
    """Share of Gaussian errors, alike in all three axes, below that multiple of sigma per axis."""
    return float(chi.cdf(multiple * np.sqrt(3.0), 3))


def write_png(figure: "Figure", path: Path) -> None:
    """In few colours, a third of the size; whole or not at all."""
    from PIL import Image

    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    with atomic_path(path) as temporary:
        Image.open(buffer).convert("RGB").quantize(COLOURS_KEPT).save(temporary, format="png", optimize=True)


@dataclass(frozen=True)
class Reliability:
    """Sigma against error, and coverage, for every regime (rows) before and after the calibration."""

    name: str
    claims: Mapping[str, Mapping[str, Mapping[str, Claims]]]  # by regime, then by kind of error, then before and after

    def draw(self, path: Path) -> None:
        """Write a PNG file, whole or not at all."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator

        kinds = list(dict.fromkeys(kind for by_kind in self.claims.values() for kind in by_kind))
        figure = Figure((3.3 * (len(kinds) + 1), 3.0 * len(self.claims)), DOTS_PER_IN, layout="constrained")
        grid = figure.subplots(len(self.claims), len(kinds) + 1, squeeze=False)
        for row, (regime, by_kind) in zip(grid, self.claims.items(), strict=True):
            for axes, kind in zip(row, kinds, strict=False):
                for when, claims in by_kind.get(kind, {}).items():  # few clips may have but one sort of camera
                    axes.plot(*claims.bins(), marker="o", color=COLOURS[when], label=when)
                ends = [min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])]
                ends = [max(ends[0], 0.3), ends[1]]
                axes.plot(ends, ends, color="black", linewidth=0.8, linestyle=":")
                axes.set(xscale="log", yscale="log", title=f"{regime}:\n{kind}")
                axes.set(xlabel="sigma claimed, mm", ylabel="error (RMS per axis), mm")
                for axis in (axes.xaxis, axes.yaxis):
                    axis.set_major_locator(FixedLocator(TICKS_MM))
                    axis.set_major_formatter(FormatStrFormatter("%g"))
                    axis.set_minor_locator(NullLocator())
            axes = row[-1]
            expected = [expected_coverage(k) for k in MULTIPLES]
            for when, claims in by_kind[kinds[0]].items():
                axes.plot(expected, [claims.covered(k) for k in MULTIPLES], color=COLOURS[when], label=when)
            axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
            axes.set(title=f"{regime}:\n{kinds[0]}, coverage", xlabel="expected share", ylabel="observed share")
            for axes in row:
                axes.grid(alpha=0.3)
                if axes.get_legend_handles_labels()[0]:
                    axes.legend()
        write_png(figure, path)


@dataclass(frozen=True)
class Gate:
    """Frames by their quality: `good` says which really were, `error_mm` by how much each was off."""

    name: str
    good_mm: float
    quality: Float[np.ndarray, "frames"]
    error_mm: Float[np.ndarray, "frames"]

    @property
    def good(self) -> Bool[np.ndarray, "frames"]:
        return self.error_mm < self.good_mm

    def curve(self) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:
        """Recall and precision of the frames kept, from the best frame to all."""
        good = self.good[np.argsort(-self.quality, kind="stable")]
        kept = np.cumsum(good)
        return kept / max(int(good.sum()), 1), kept / np.arange(1, len(good) + 1)

    def bins(self) -> tuple[Float[np.ndarray, "bins"], Float[np.ndarray, "bins"], Int[np.ndarray, "bins"]]:
        """Mean quality, share of good frames and number of frames, by quality."""
        at = np.clip(np.digitize(self.quality, CHANCE_BINS) - 1, 0, len(CHANCE_BINS) - 2)
        found = [at == index for index in range(len(CHANCE_BINS) - 1)]
        found = [chosen for chosen in found if chosen.any()]
        return (
            np.array([self.quality[chosen].mean() for chosen in found]),
            np.array([self.good[chosen].mean() for chosen in found]),
            np.array([chosen.sum() for chosen in found]),
        )

    @property
    def calibration_error(self) -> float:
        """Mean distance of quality from the share of good frames, over the bins by their frames."""
        claimed, observed, count = self.bins()
        return float((count * np.abs(claimed - observed)).sum() / count.sum())

    @property
    def area(self) -> float:
        """Chance that a good frame has a higher quality than one that is not (area under the ROC curve)."""
        good, rank = self.good, np.argsort(np.argsort(self.quality, kind="stable")) + 1.0
        n_good, n_other = int(good.sum()), int((~good).sum())
        if not n_good or not n_other:
            return float("nan")
        return float((rank[good].sum() - n_good * (n_good + 1) / 2) / (n_good * n_other))


@dataclass(frozen=True)
class GatePlot:
    """Precision over recall, and quality against the share of good frames, one line for each gate."""

    name: str
    gates: Sequence[Gate]

    def draw(self, path: Path) -> None:
        """Write a PNG file, whole or not at all."""
        from matplotlib.figure import Figure

        figure = Figure((9.0, 4.0), DOTS_PER_IN, layout="constrained")
        left, right = figure.subplots(1, 2)
        for gate in self.gates:
            recall, precision = gate.curve()
            (line,) = left.plot(recall, precision, label=f"{gate.name} ({gate.good.mean():.0%} good)")
            left.axhline(gate.good.mean(), color=line.get_color(), linewidth=0.8, linestyle=":")
            claimed, observed, _ = gate.bins()
            right.plot(claimed, observed, marker="o", color=line.get_color(), label=gate.name)
        right.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
        good_mm = self.gates[0].good_mm
        left.set(title=f"Frames kept: error below {good_mm:g} mm", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
        right.set(title="Is quality a chance?", xlabel="quality", ylabel=f"share below {good_mm:g} mm")
        for axes in (left, right):
            axes.grid(alpha=0.3)
            axes.legend()
        write_png(figure, path)
