"""What fits of real clips claim, by the numbers that ship: frames believed to show the hand, and, where there is an
annotation, errors beside sigmas. Nothing is tuned on these clips.

    for real in real_records(setting, "palm_up", pixels=False): ...

The annotation's scale is normalised and its bones wobble by 6-8 % from frame to frame, so it is itself off by some
millimetres; only errors with size and distance given, and aligned ones, mean anything.
"""

import json
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from benchmarks.claims import PIXELS, Record, Setting, keypoint_fit, record
from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.scores import ANNOTATED
from benchmarks.strangers import Stranger
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import initialise, load, observe, with_pose_prior
from fitter.export.atomic import prepare_folder
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Side
from fitter.pipeline import Presence, fit_pixels
from fitter.solve.threads import one_thread
from pathlib import Path

# Detections stay here from one measurement to the next.
FOLDER = Path("results") / "bench" / "calibration"


def real_records(setting: Setting, name: str, pixels: bool) -> list[Record]:
    """The fits of a clip's hands by keypoints, and by `pixels`; errors are of no meaning where nothing is annotated."""
    intrinsics = INTRINSICS if name in ANNOTATED else None
    folder = prepare_folder(FOLDER / name)
    command = Command(input=str(SHARED / "data" / CLIPS[name]), output=folder, intrinsics=intrinsics)
    clip, camera, model = load(command)
    seen = observe(command, setting.config, clip, folder, SilentProgress())
    records = []
    for given, hand in zip(initialise(clip, camera, model, seen, learned=setting.learned), seen, strict=True):
        given = with_pose_prior(given, setting.config.energy)
        truth = Stranger(0, given.camera, annotated_joints(name, hand.side, clip.n_frames))
        reached = keypoint_fit(setting, given)
        regime = "depth cue" if hand.depth_px is not None else "no depth cue"
        records.append(record(setting, (name, regime), truth, given, reached))
        if pixels:
            given, config = replace(given, evidence=reached.problem.evidence), setting.config
            with one_thread():
                reached = fit_pixels(given, reached, config.energy, config.schedule, config.synthesis, None)
            records.append(record(setting, (name, PIXELS), truth, given, reached))
    return records


def annotated_joints(name: str, side: Side, n_frames: int) -> Float[np.ndarray, "frames 21 3"]:
    """The truth as the engine's right hand has it, metres; all at one place where there is none."""
    if name not in ANNOTATED:
        return np.zeros((n_frames, 21, 3))
    first, last = ANNOTATED[name]
    annotations = json.loads((SHARED / "data" / "graph_cnn_real" / "annotations.json").read_text(encoding="utf-8"))
    by_frame = {each["frame"]: each["joints_3d_m_cam"] for each in annotations["frames"]}
    joints = np.array([by_frame[frame] for frame in range(first, last + 1)], dtype=np.float64)
    return joints if side == "right" else mirror_points(torch.from_numpy(joints)).numpy()


def present(record: Record, relative_mm: Float[np.ndarray, "frames 21"], presence: Presence) -> Bool[np.ndarray, "frames"]:
    """As `fitter.pipeline.believed` would have it with these sigmas."""
    sure = np.sqrt(np.square(relative_mm).mean(axis=1)) <= presence.max_sigma_mm
    return record.observed | (sure & (record.gap_s <= presence.max_gap_s))
