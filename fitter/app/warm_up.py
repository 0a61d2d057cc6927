"""Compile the kernels and convert the hand model during set-up, so that the first fit does not wait for them.

python -m fitter.app.warm_up
"""

import logging
import tempfile
from pathlib import Path

import cv2
import numpy as np

from fitter.app.clip_source import ClipSource
from fitter.app.cues import NO_CUES, Cues
from fitter.app.demo import DEMO_SEED
from fitter.app.options import Command
from fitter.app.products import export
from fitter.app.progress import SilentProgress
from fitter.app.steps import learned_initializer, optimise, terms_of
from fitter.config import Config
from fitter.export.clip_writer import written
from fitter.hand.anny import load_anny
from fitter.initialise.settings import Initialise
from fitter.observe.depth_maps import MM_PER_M, open_depth_folder
from fitter.observe.masks import MaskFolder
from fitter.observe.observations import Side
from fitter.observe.tracks import track_hands
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.detector import SyntheticDetector

FRAMES, SIZE = 4, (320, 240)  # enough for every kernel to run once
# A depth camera's wall; the hand itself lies at half a metre.
WALL_MM = 1500


def main() -> None:
    """Fit two small clips with made-up detections, one of a right hand and one of a left hand with masks and depth."""
    logging.getLogger("fitter").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        fit("right", None, Path(name) / "right")
        fit("left", Path(name) / "cues", Path(name) / "left")


def fit(side: Side, cues_folder: Path | None, folder: Path) -> None:
    """One whole fit, written to `folder`; with cues if there is a folder for them."""
    model = load_anny()
    clip = make_demo_clip(model, DEMO_SEED, FRAMES, SIZE, side)
    folder.mkdir()
    seen = track_hands(SyntheticDetector().detect(clip.truth, seed=0), clip, "truth")
    cues = NO_CUES if cues_folder is None else write_cues(clip, cues_folder)
    source = ClipSource(clip, clip.truth.camera, model, seen, cues, learned_initializer(Initialise()))
    windows = optimise(source, Config(), Command(input="demo"), SilentProgress())
    with written(windows, folder, clip, clip.truth.camera, terms_of(Config().energy)) as fitted:
        export(fitted, clip, clip.truth.camera, Config(), folder, SilentProgress())


def write_cues(clip: DemoClip, folder: Path) -> Cues:
    """The clip's true masks, and depth images as coarse as those."""
    (folder / "masks").mkdir(parents=True)
    (folder / "depth").mkdir()
    for frame in range(clip.n_frames):
        hand = clip.hand_mask(frame)
        distance_mm = MM_PER_M * clip.truth.joints_m[frame, :, 2].mean()
        cv2.imwrite(str(folder / "masks" / f"{frame}.png"), np.where(hand, 255, 0).astype(np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{frame}.png"), np.where(hand, distance_mm, WALL_MM).astype(np.uint16))
    size = (clip.width, clip.height)
    return Cues(
        masks=MaskFolder.open(folder / "masks", size, clip.n_frames),
        depth=open_depth_folder(folder / "depth", size, clip.n_frames),
    )


if __name__ == "__main__":
    main()
