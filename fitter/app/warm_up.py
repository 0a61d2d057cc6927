"""Compile the kernels and convert the hand model during set-up, so that the first fit does not wait for them.

python -m fitter.app.warm_up
"""

import logging

from fitter.app.demo import DEMO_SEED
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import initialise, optimise
from fitter.config import Config
from fitter.hand.anny import load_anny
from fitter.observe.tracks import track_hands
from priors.synthetic.clip import make_demo_clip
from priors.synthetic.detector import SyntheticDetector

FRAMES = 8  # enough for every kernel to run once


def main() -> None:
    """Fit a few frames with made-up detections, and render one."""
    logging.getLogger("fitter").setLevel(logging.ERROR)
    model = load_anny()
    clip = make_demo_clip(model, DEMO_SEED, n_frames=FRAMES)
    clip.still(0)
    seen = track_hands(SyntheticDetector().detect(clip.truth, seed=0), clip, "truth")
    optimise(initialise(clip, clip.truth.camera, model, seen), seen, Config(), Command(input="demo"), SilentProgress())


if __name__ == "__main__":
    main()
