"""A fit as plain arrays and back, to the last bit.

arrays = arrays_of(fit, known)                 # known: the fit whose texture and light it wears, or None
fit = fit_of(arrays, scene, known)             # scene: of its model, landmarks and camera
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fitter.hand import HandModel
from fitter.observe.grabcut import ColourModel
from fitter.pipeline.hand_fit import FrameFigures, HandFit
from fitter.render.appearance import Appearance
from fitter.render.window import Windows
from fitter.scene import Scene
from fitter.solve.posterior import Posterior
from fitter.state import State
from fitter.synthesis.decided import Decided
from fitter.synthesis.report import PhotometricReport

# Every array there may be. `words` holds what is no array: sentences, and numbers by name.
ALWAYS = ("words", "rotations", "trajectory", "betas", "log_focal", "present", "joints_sigma_mm", "relative_sigma_mm")
FIGURES = ("energies", "reprojection_px", "photometric", "overlap")
BY_FRAME = ("frame_used", "frame_iou")  # of a photometric report
SOMETIMES = (
    *("template", "albedo", "coverage", "lighting", "gain", "origin_px", "scale"),
    *("background_colours", "hand_colours", *BY_FRAME),
)
NAMES = (*ALWAYS, *FIGURES, *SOMETIMES)


def arrays_of(fit: HandFit, known: HandFit | None = None) -> dict[str, np.ndarray]:
    """The fit under the names NAMES, without the texture, light and surface that it shares with `known`."""
    state, figures, worn, report = fit.state, fit.frames, fit.appearance, fit.photometric
    decided = None if known is not None and known.decided is not None else fit.decided
    words = {
        "status": fit.status,
        "start": fit.start,
        "energies": fit.energies,
        "initial_energies": fit.initial_energies,
        "traces": fit.traces,
        "focal_sigma": fit.posterior.focal_sigma,
        "variance_factors": fit.posterior.variance_factors,
        "terms": list(figures.energies),
        "window_size": fit.scene.windows and fit.scene.windows.size,
        "decided": decided and {"levels": decided.levels, "undone": decided.undone},
        "report": report
        and {f.name: getattr(report, f.name) for f in fields(report) if not f.name.startswith("frame_")},
    }
    arrays = {
        "words": np.array(json.dumps(words, default=float)),
        **{f.name: array_of(getattr(state, f.name)) for f in fields(state)},
        "present": fit.present,
        "joints_sigma_mm": fit.posterior.joints_sigma_mm,
        "relative_sigma_mm": fit.posterior.relative_sigma_mm,
        "energies": np.array(list(figures.energies.values())).reshape(-1, state.n_frames),
        "reprojection_px": figures.reprojection_px,
        "photometric": figures.photometric,
        "overlap": figures.overlap,
    }
    if known is None:
        arrays["template"] = array_of(fit.scene.model.template)
    if worn is not None:
        shared = known is not None and known.appearance is not None
        names = ("gain",) if shared else [f.name for f in fields(worn)]
        arrays |= {name: array_of(getattr(worn, name)) for name in names}
    if report is not None:
        arrays |= {"frame_used": report.frame_used, "frame_iou": report.frame_iou}
    if decided is not None and decided.colours is not None:
        arrays |= {"background_colours": decided.colours.background, "hand_colours": decided.colours.hand}
    if fit.scene.windows is not None:
        arrays |= {name: array_of(getattr(fit.scene.windows, name)) for name in ("origin_px", "scale")}
    return arrays


def fit_of(arrays: Mapping[str, np.ndarray], scene: Scene, known: HandFit | None = None) -> HandFit:
    """The fit of `arrays_of`; raises ValueError or KeyError for arrays that are none."""
    words = json.loads(str(arrays["words"]))
    state = State(**{f.name: tensor_of(arrays[f.name]) for f in fields(State)})
    rows = arrays["energies"]
    size = words["window_size"]
    windows = Windows(tensor_of(arrays["origin_px"]), tensor_of(arrays["scale"]), size) if size else None
    return HandFit(
        scene=replace(scene, model=model_of(arrays, scene, known), state=state, windows=windows),
        status=words["status"],
        start=words["start"],
        energies=words["energies"],
        initial_energies=words["initial_energies"],
        posterior=Posterior(
            arrays["joints_sigma_mm"], arrays["relative_sigma_mm"], words["focal_sigma"], words["variance_factors"]
        ),
        present=arrays["present"],
        frames=FrameFigures(
            dict(zip(words["terms"], rows, strict=True)),
            arrays["reprojection_px"],
            arrays["photometric"],
            arrays["overlap"],
        ),
        traces={name: tuple(trace) for name, trace in words["traces"].items()},
        appearance=appearance_of(arrays, known),
        photometric=report_of(arrays, words["report"]),
        decided=decided_of(arrays, words["decided"], known),
    )


def model_of(arrays: Mapping[str, np.ndarray], scene: Scene, known: HandFit | None) -> HandModel:
    """The scene's own model where its surface is the same: what was computed of it is kept by it."""
    if known is not None:
        return known.scene.model
    template = tensor_of(arrays["template"])
    return scene.model if torch.equal(template, scene.model.template) else replace(scene.model, template=template)


def appearance_of(arrays: Mapping[str, np.ndarray], known: HandFit | None) -> Appearance | None:
    if "gain" not in arrays:
        return None
    gain = tensor_of(arrays["gain"])
    if known is not None and known.appearance is not None:
        return replace(known.appearance, gain=gain)
    albedo, coverage, lighting = (tensor_of(arrays[name]) for name in ("albedo", "coverage", "lighting"))
    return Appearance(albedo, coverage, lighting, gain)


def decided_of(arrays: Mapping[str, np.ndarray], words: dict[str, Any] | None, known: HandFit | None) -> Decided | None:
    if known is not None and known.decided is not None:
        return known.decided
    if words is None:
        return None
    colours = None
    if "hand_colours" in arrays:
        colours = ColourModel.of(arrays["background_colours"], arrays["hand_colours"])
    return Decided(colours, words["levels"], words["undone"])


def report_of(arrays: Mapping[str, np.ndarray], words: dict[str, Any] | None) -> PhotometricReport | None:
    if words is None:
        return None
    return PhotometricReport(**words, frame_used=arrays["frame_used"], frame_iou=arrays["frame_iou"])


def array_of(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def tensor_of(array: np.ndarray) -> Tensor:
    """A copy: torch's own memory lies in the same way wherever it comes from, and so sums round alike."""
    return torch.tensor(array)
