"""The share of joints within a distance, over the distance: one curve per result, as PNG and SVG.

draw_pck(Path("pck.png"), {"clip 1": errors.aligned_mm}, "aligned")
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.evaluate.metrics import AUC_STEPS, auc, pck
from fitter.export.atomic import atomic_path

FARTHEST_MM = 50.0
SIZE_IN, DOTS_PER_IN = (6.4, 4.2), 130
MOST_CURVES = 10  # more cannot be told apart


def draw_pck(path: Path, errors_mm: Mapping[str, Float[np.ndarray, "*any"]], title: str) -> None:
    """Write a picture in the format of its suffix, whole or not at all; `errors_mm` by the name of the curve."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(SIZE_IN, DOTS_PER_IN, layout="constrained")
    axes = figure.add_subplot()
    thresholds = np.linspace(0.0, FARTHEST_MM, AUC_STEPS)
    for name, errors in list(errors_mm.items())[:MOST_CURVES]:
        axes.plot(thresholds, pck(errors, thresholds), label=f"{name} (AUC {auc(errors, 0.0, FARTHEST_MM):.3f})")
    axes.set(title=title, xlabel="distance from the truth, mm", ylabel="share of joints within it (PCK)")
    axes.set(xlim=(0.0, FARTHEST_MM), ylim=(0.0, 1.0))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    # No date and no random names: equal results give equal files.
    with atomic_path(path) as temporary, rc_context({"svg.hashsalt": "handfit"}):
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None} if path.suffix == ".svg" else None)
