"""Measure where a detector sees its landmarks on the hand, from real clips without any truth.

    python -m priors.landmark_offsets CLIP...           # writes fitter/observe/landmark_offsets.json

Each clip is fitted with the model's own joints as landmarks. What then remains between detection and projection,
landmark by landmark in the axes of its bone, is a definition: noise and wrong poses do not point the same way in
every pose of four people. The mean is taken by robust least squares and made zero over the hand. It is not iterated:
refitting with the offsets slides shape and offsets along what only both together explain (0.3 % of the hand's length
per round, seen).
"""

import argparse
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.camera import assumed_camera
from fitter.clip import open_clip
from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.initialise import initial_states
from fitter.observe.evidence import Evidence, prepare_evidence
from fitter.observe.landmarks import OFFSETS_FILE
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.tracks import track_hands
from fitter.pipeline import FitInput, HandFit, fit_hand
from fitter.skeleton import ROTATION_OF_POINT
from fitter.solve.schedule import Schedule

log = logging.getLogger(__name__)

SIGMA_PX = 4.0  # of a detection, for a hand of the reference span; errors well beyond it are outliers
ROBUST_WIDTH = 3.0
# An offset is small against the hand, and a clip says of it what a few independent frames would, as of the shape.
PRIOR_PERCENT = 3.0
INDEPENDENT_FRAMES = 5.0


@dataclass(frozen=True)
class Residuals:
    """One clip: what an offset of a landmark, in percent of the hand's length, does to its pixels; the errors;
    weights.
    """

    slopes: Float[np.ndarray, "frames 21 2 3"]
    errors_px: Float[np.ndarray, "frames 21 2"]
    precision: Float[np.ndarray, "frames 21"]


def fit_with_own_joints(path: Path, source: MediaPipe, model: HandModel) -> tuple[HandFit, Evidence]:
    """The strongest hand of a clip, fitted with the model's joints as landmarks and an assumed camera."""
    clip = open_clip(path)
    camera = assumed_camera((clip.width, clip.height))
    seen = track_hands(source.detect(clip), clip, source.name)[0]
    if seen.side == "left":
        seen, camera = seen.mirrored(), camera.mirrored()
    evidence = prepare_evidence(seen, camera, model)
    starts = tuple(initial_states(model, camera, evidence))
    fit = fit_hand(FitInput(model, model.landmarks, camera, evidence, starts), Energy(), Schedule())
    log.info("%s: %d frames, %s", path, evidence.n_frames, fit.status)
    return fit, evidence


def residuals(fit: HandFit, evidence: Evidence) -> Residuals:
    """What remains between detection and projection after a fit."""
    scene = fit.scene
    axes = scene.posed.bone_rotations[:, ROTATION_OF_POINT]
    percent_m = scene.model.hand_length(scene.state.betas) / 100.0
    seen = (evidence.confidence > 0).double()
    return Residuals(
        (scene.projection_jacobian @ axes * percent_m).numpy(),
        (evidence.keypoints_px - scene.keypoints).numpy(),
        (seen / (SIGMA_PX * evidence.pixel_scale) ** 2).numpy(),
    )


def estimate(clips: list[Residuals]) -> Float[np.ndarray, "21 3"]:
    """Offsets in percent of the hand's length, zero-mean; every clip counts as `INDEPENDENT_FRAMES` frames."""
    normal, right = np.tile(np.eye(3) / PRIOR_PERCENT**2, (21, 1, 1)), np.zeros((21, 3))
    for clip in clips:
        squared = np.square(clip.errors_px).sum(-1) * clip.precision
        weight = clip.precision / (1.0 + squared / ROBUST_WIDTH**2) * INDEPENDENT_FRAMES / len(clip.errors_px)
        normal += np.einsum("fp,fpki,fpkj->pij", weight, clip.slopes, clip.slopes)
        right += np.einsum("fp,fpki,fpk->pi", weight, clip.slopes, clip.errors_px)
    offsets = np.linalg.solve(normal, right[..., None])[..., 0]
    return offsets - offsets.mean(axis=0)


def main() -> None:
    """Fit the clips, estimate, and store the offsets with the command that made them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path, help="videos or folders; never ones that are used for scoring")
    paths: list[Path] = parser.parse_args().clips
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model, source = load_anny(), MediaPipe()
    offsets = estimate([residuals(*fit_with_own_joints(path, source, model)) for path in paths])
    stored = json.loads(OFFSETS_FILE.read_text())
    stored[f"{source.name} on {model.name}"] = {
        "command": f"python -m priors.landmark_offsets {' '.join(map(str, paths))}",
        "offsets_percent": np.round(offsets, 2).tolist(),
    }
    OFFSETS_FILE.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
