"""How windows join: a clip fitted in windows against the same clip fitted as one.

    python -m benchmarks.seams                       # a real clip by keypoints, as JSON on stdout
    python -m benchmarks.seams demo 120 pixels       # the demo's first frames by pixels: minutes
    python -m benchmarks.seams ../shared/data/asl_hand/asl_hand.25fps.mp4 90 pixels

What is measured is how much the difference between the two changes from frame to frame over a join, against how much
the joints' motion changes there anyway (the mean length of their second difference, the jitter).
"""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.clips import CLIPS, SHARED
from benchmarks.recovery import DEFAULT, KEYPOINTS_ONLY
from fitter.app.clip_source import ClipSource
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import joined_hands, learned_initializer, load, observe, optimise
from fitter.clip.slice import ClipSlice
from fitter.config import Config, load_config
from fitter.export.atomic import prepare_folder
from fitter.pipeline import HandFit, TimeWindows
from fitter.pipeline.long_clip import windows

FOLDER = Path("results") / "bench" / "seams"
CLIP = SHARED / "data" / CLIPS["finger_touch"]
LONG_WINDOWS = TimeWindows(whole=150, frames=150)
# Short, so that a clip that can be fitted as one has joins, of a person who is seen in some of it only.
SHORT_WINDOWS = TimeWindows(whole=40, frames=40, held=10, lookahead=10, person_pieces=4, person_frames=12)

BY_PIXELS = (("demo", 120), (CLIP, 90), (SHARED / "data" / CLIPS["asl_hand"], 90))


@dataclass(frozen=True)
class Seam:
    """A row: millimetres, means over the joints; `over_joins` are means over the joins, `worst_join` the greatest.

    jitter_over_joins   mean length of second differences that reach over a join, in windows; `of_whole`: all, as one
    sigma_ratio         of the joints relative to the wrist, windows over whole
    shape_sd            root mean square difference of the betas
    """

    clip: str
    terms: str
    frames: int
    joins: int
    change_over_joins_mm: float
    worst_join_mm: float
    change_elsewhere_mm: float
    worst_elsewhere_mm: float
    jitter_over_joins_mm: float
    jitter_of_whole_mm: float
    sigma_ratio_at_joins: float
    sigma_ratio: float
    shape_sd: float


def seams(path: Path | str, n_frames: int | None = None, pixels: bool = False) -> Seam:
    """Of the first `n_frames` frames of a clip (None: all of it) or the demo, by keypoints or by pixels."""
    config = load_config(DEFAULT if pixels else KEYPOINTS_ONLY)
    settings = SHORT_WINDOWS if pixels else LONG_WINDOWS
    source, command = source_of(str(path), config, FOLDER / Path(path).stem, n_frames)

    def fitted(settings: TimeWindows) -> HandFit:
        parts = optimise(source, replace(config, windows=settings), command, SilentProgress())
        return joined_hands(parts, source.seen)[0].fit

    joins = np.array([window.start for window in windows(source.clip.n_frames, settings.frames)[1:]])
    name = Path(path).stem, "pixels" if pixels else "keypoints"
    return compared(name, fitted(TimeWindows()), fitted(settings), joins)


def source_of(name: str, config: Config, folder: Path, n_frames: int | None = None) -> tuple[ClipSource, Command]:
    """The clip's first frames (None: all) with its hands, as the command line has them; detections stay in `folder`."""
    command = Command(input=name, output=prepare_folder(folder))
    clip, camera, model = load(command)
    seen = observe(command, config, clip, folder, SilentProgress())
    if n_frames is not None and n_frames < clip.n_frames:
        frames = np.arange(n_frames)
        clip, camera, seen = ClipSlice(clip, frames), camera.of_frames(frames), [hand.at(frames) for hand in seen]
    return ClipSource(clip, camera, model, seen, learned=learned_initializer(config.initialise)), command


def compared(name: tuple[str, str], whole: HandFit, parts: HandFit, joins: np.ndarray) -> Seam:
    """The row of two fits of one clip; `name` is the clip's and the terms', `joins` where later windows begin."""
    joints = [1000.0 * fit.scene.posed.joints.numpy() for fit in (whole, parts)]
    change = differences(joints[1] - joints[0], 1)
    jitter = [differences(each, 2) for each in joints]
    about = np.concatenate([joins - 2, joins - 1])  # the second differences that reach over a join
    sigma = parts.posterior.relative_sigma_mm.mean(axis=1) / whole.posterior.relative_sigma_mm.mean(axis=1)
    elsewhere = np.delete(change, joins - 1)
    return Seam(
        clip=name[0],
        terms=name[1],
        frames=len(joints[0]),
        joins=len(joins),
        change_over_joins_mm=float(change[joins - 1].mean()),
        worst_join_mm=float(change[joins - 1].max()),
        change_elsewhere_mm=float(elsewhere.mean()),
        worst_elsewhere_mm=float(elsewhere.max()),
        jitter_over_joins_mm=float(jitter[1][about].mean()),
        jitter_of_whole_mm=float(jitter[0].mean()),
        sigma_ratio_at_joins=float(sigma[np.concatenate([joins - 1, joins])].mean()),
        sigma_ratio=float(sigma.mean()),
        shape_sd=float((parts.state.betas - whole.state.betas).square().mean().sqrt()),
    )


def differences(joints: Float[np.ndarray, "frames 21 3"], order: int) -> Float[np.ndarray, "fewer"]:
    """Mean length over the joints of the differences in time."""
    return np.linalg.norm(np.diff(joints, n=order, axis=0), axis=-1).mean(axis=1)


def main(arguments: list[str]) -> None:
    name, *rest = arguments or [str(CLIP)]
    n_frames = int(rest[0]) if rest else None
    print(json.dumps(asdict(seams(name, n_frames, "pixels" in rest)), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
