"""A clip of a dozen grey frames, and what a detector would have seen in it: for tests of the whole command.

Its pixels say nothing and are not compared.

clip = ShortClip.make(model, folder)              # folder/clip.mp4 and folder/keypoints.npz
run(clip.words(tmp_path / "out"))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fit_sequence import fit_sequence
from fitter.app.arguments import parse_arguments
from fitter.app.command import run_command
from fitter.export.video import VideoWriter
from fitter.hand import HandModel
from priors.synthetic.clip import make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.truth import SyntheticTruth
from tests.conftest import REPOSITORY

FRAMES, SIZE = 12, (320, 240)
KEYPOINTS_ONLY = REPOSITORY / "configs" / "keypoints_only.yaml"
NUMBERS_ONLY = ("--export.overlay", "false", "--export.meshes", "false", "--export.report", "false")


@dataclass(frozen=True)
class ShortClip:
    """The files, the truth, and the detector's arrays (frames, 21, ...)."""

    video: Path
    keypoints: Path
    truth: SyntheticTruth
    seen: dict[str, np.ndarray]

    @staticmethod
    def make(model: HandModel, folder: Path) -> "ShortClip":
        truth = make_demo_clip(model, seed=3, n_frames=FRAMES, size=SIZE).truth
        hands = [found[0] for found in SyntheticDetector(noise_px=1.0).detect(truth, seed=0)]
        seen = {
            name: np.stack([getattr(hand, name) for hand in hands])
            for name in ("keypoints_px", "confidence", "depth_px", "landmarks_m")
        }
        clip = ShortClip(folder / "clip.mp4", folder / "keypoints.npz", truth, seen)
        write_video(clip.video, FRAMES)
        clip.write_keypoints(clip.keypoints)
        return clip

    def write_keypoints(self, path: Path, **changed: np.ndarray) -> Path:
        """A `.npz` of the detections, with some arrays replaced or added."""
        arrays: dict[str, np.ndarray] = {"side": np.array("right")} | self.seen | changed
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
        return path

    def words(self, output: Path, *more: str, quiet: bool = True, **changed: Path) -> list[str]:
        """The command line that fits this clip and writes numbers only; `changed` replaces `video` or `keypoints`."""
        video, keypoints = changed.get("video", self.video), changed.get("keypoints", self.keypoints)
        files = [str(video), "--keypoints", str(keypoints), "--output", str(output)]
        config = [] if "--config" in more else ["--config", str(KEYPOINTS_ONLY)]
        numbers = [] if "--export.overlay" in more else NUMBERS_ONLY
        return [*files, *config, *(["--quiet"] if quiet else []), *numbers, *more]


def write_video(path: Path, n_frames: int, size: tuple[int, int] = SIZE) -> Path:
    """Frames that get a little brighter, with a fine pattern, so that their bytes are worth some."""
    noise = np.random.default_rng(0).integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    with VideoWriter(path, 30.0, size) as writer:
        for frame in range(n_frames):
            writer.write(np.roll(noise, frame, axis=1) + np.uint8(60 + frame))
    return path


def run(words: Sequence[str]) -> int:
    """The command's exit status; it runs in this process."""
    return run_command(parse_arguments, fit_sequence, words)
