"""How a measurement is told: Markdown tables on stdout, the same figures with the machine's state as JSON, and plots.

report = Report("speed", "Levenberg-Marquardt against first-order solvers")
report.table(rows)                  # a list of dataclasses of one type; the fields' names are the columns
report.require("ratio >= 5", ratio >= 5)
report.save(folder)
"""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from fitter.export.atomic import atomic_path, prepare_folder


class Drawing(Protocol):
    """A figure that knows the name of its file and how to write it as PNG."""

    @property
    def name(self) -> str: ...

    def draw(self, path: Path) -> None: ...


@dataclass
class Report:
    """Grows as the measurement goes on, printing as it grows."""

    name: str
    title: str
    figures: dict[str, Any] = field(default_factory=dict)
    requirements: dict[str, bool] = field(default_factory=dict)
    plots: list[Drawing] = field(default_factory=list)

    def begin(self) -> None:
        self.figures["machine"] = machine()
        self.say(f"## {self.title}\n\n{self.figures['machine']}\n")

    def say(self, text: str) -> None:
        """Text on stdout, at once."""
        print(text, flush=True)

    def note(self, text: str) -> None:
        """How far the work is, on stderr."""
        print(text, file=sys.stderr, flush=True)

    def table(self, name: str, rows: Sequence[Any]) -> None:
        """Print dataclasses of one type as a Markdown table and keep them under `name`."""
        self.figures[name] = [{f.name: getattr(row, f.name) for f in fields(row)} for row in rows]
        self.say(markdown(self.figures[name]) + "\n")

    def require(self, sentence: str, met: bool) -> None:
        """State a target with its figures, and whether it is met."""
        self.requirements[sentence] = bool(met)
        self.say(f"- {'met' if met else '**NOT MET**'}: {sentence}")

    def plot(self, plot: Drawing) -> None:
        """Keep a figure, to be drawn as NAME_ITS-NAME.png when the report is saved."""
        self.plots.append(plot)

    def save(self, folder: Path) -> Path:
        """Write NAME.json and the plots into `folder`, made where it is missing."""
        path = prepare_folder(folder) / f"{self.name}.json"
        content = {"title": self.title, **self.figures, "requirements": self.requirements}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        drawn = [path.with_name(f"{self.name}_{plot.name}.png") for plot in self.plots]
        for plot, at in zip(self.plots, drawn, strict=True):
            plot.draw(at)
        self.say(f"\nwritten to {', '.join(str(each) for each in (path, *drawn))}\n")
        return path


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """A Markdown table of rows with the same keys."""
    if not rows:
        return "(nothing was measured)"
    heading = [name.replace("_", " ") for name in rows[0]]
    lines = [heading, ["---"] * len(heading), *([shown(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(value: object) -> str:
    """Three significant digits for numbers that are no counts; a dash where there is nothing to show."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def machine() -> str:
    """What the figures were measured on, and how busy it was with other work."""
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load average {load}"
