"""The input `demo`: a synthetic clip made on the spot, seen by the real detector, its truth kept to measure the fit.

clip = make_demo()
seen = look_at(clip, config.observe.mediapipe, progress)
"""

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.app.progress import Progress
from fitter.clip import Clip
from fitter.export.result import FitResult
from fitter.hand.anny import load_anny
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.detector import SyntheticDetector

log = logging.getLogger(__name__)

DEMO = "demo"
DEMO_SEED = 0
TRUTH_FILE = "truth.npz"


def make_demo() -> DemoClip:
    """Five seconds of a random person's right hand, the same every time."""
    return make_demo_clip(load_anny(), DEMO_SEED)


def look_at(clip: DemoClip, detector: MediaPipe, progress: Progress) -> tuple[str, Sequence[Sequence[Detection]]]:
    """Source and detections of the demo: the real detector's, or a made-up detector's where it is not installed."""
    if importlib.util.find_spec("mediapipe") is not None:
        return detector.name, detector.detect(clip, progress.frame)
    log.warning("mediapipe is not installed: the demo's detections are its truth with 2 px of noise")
    return "truth", SyntheticDetector().detect(clip.truth, DEMO_SEED)


def save_truth(clip: Clip, folder: Path) -> None:
    """Keep the demo's truth beside its result; other clips have none."""
    if isinstance(clip, DemoClip):
        clip.truth.save(folder / TRUTH_FILE)


def truth_of(clip: Clip, result: FitResult) -> Float[np.ndarray, "1 frames 21 3"] | None:
    """The true joints of the result's one hand (metres, camera axes), if the clip has them and the side is right."""
    if not isinstance(clip, DemoClip) or result.side != (clip.truth.side,):
        return None
    return clip.truth.joints_m[None]
