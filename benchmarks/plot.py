"""Figures beside the tables: a mark at every measured value, joined by lines, as PNG.

Plot("cost", "Cost against length", "frames", "ms per frame", {"all": ((30, 100), (52.0, 48.0))}).draw(Path("cost.png"))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitter.export.atomic import atomic_path

SIZE_IN, DOTS_PER_IN = (7.0, 4.2), 130


@dataclass(frozen=True)
class Plot:
    """`series` maps a label to its x and y values, alike in number; `name` is that of the file."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    logarithmic: bool = False
    joined: bool = True  # by lines; not where x only counts

    def draw(self, path: Path) -> None:
        """Write a PNG file, whole or not at all."""
        from matplotlib.figure import Figure

        figure = Figure(SIZE_IN, DOTS_PER_IN, layout="constrained")
        axes = figure.add_subplot()
        for label, (x, y) in self.series.items():
            axes.plot(x, y, marker="o", linestyle="-" if self.joined else "", label=label)
        axes.set(title=self.title, xlabel=self.x_label, ylabel=self.y_label)
        if self.logarithmic:
            axes.set(xscale="log", yscale="log")
        else:
            axes.set_ylim(bottom=0.0)
        axes.grid(alpha=0.3)
        axes.legend()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png")
