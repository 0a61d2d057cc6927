"""Annotated clips scored beside two peers, by a script that knows nothing of this project.

    score_clips(report, shared, {"fullframe_00065_00108": (folder, observations)}, intrinsics)

The peers are MediaPipe's world landmarks placed by perspective-n-point, run and scored in the same call, and its image
landmarks with their depth taken as they are, in weak perspective: the same detections that the fit was given.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.report import Report
from fitter.export.result import RESULT_FILE
from fitter.observe.observations import Observations

# First and last annotated frame of each clip.
ANNOTATED = {"fullframe_00065_00108": (65, 108), "fullframe_00204_00236": (204, 236)}
OURS, PEER, RIVAL = "handfit", "MediaPipe + PnP", "MediaPipe image x, y, z"

# Ratios to the peer on each clip, and means over the clips in mm.
PA_RATIO, ACCELERATION_RATIO, PA_MEAN_MM, CLIP_MEAN_MM, BONE_STD_PERCENT = 0.85, 0.8, 8.3, 16.0, 0.1


@dataclass(frozen=True)
class Score:
    """A row: what the scoring script says of one method on one clip; NaN where it found no hand of the right side."""

    clip: str
    method: str
    detected: float
    keypoint_px: float = float("nan")
    pa_mpjpe_mm: float = float("nan")
    clip_mpjpe_mm: float = float("nan")
    auc_20_50: float = float("nan")
    auc_0_50: float = float("nan")
    acceleration_mm: float = float("nan")
    bone_std_percent: float = float("nan")


def score_clips(report: Report, shared: Path, fitted: Mapping[str, tuple[Path, Observations]], intrinsics: str) -> None:
    """Add the table of scores and its targets; `fitted` gives each clip's result folder and what the fit was given."""
    rows: list[Score] = []
    for name, (folder, seen) in fitted.items():
        with tempfile.TemporaryDirectory() as scratch:
            peer, rival = Path(scratch) / "peer.npz", Path(scratch) / "rival.npz"
            video = shared / "data" / "graph_cnn_real" / f"{name}.mp4"
            run_script(shared / "eval" / "mediapipe_baseline.py", str(video), str(peer), "--intrinsics", intrinsics)
            write_rival(rival, seen, intrinsics)
            for method, result in ((OURS, folder / RESULT_FILE), (PEER, peer), (RIVAL, rival)):
                rows.append(score(shared, name, method, result))
    report.table("scores", rows)
    judge(report, rows)


def score(shared: Path, clip: str, method: str, result: Path) -> Score:
    """One method's row by the scoring script."""
    first, last = ANNOTATED[clip]
    annotations = shared / "data" / "graph_cnn_real" / "annotations.json"
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "score.json"
        frames = ("--frames", str(first), str(last))
        run_script(shared / "eval" / "score.py", str(result), str(annotations), *frames, "--json", str(out))
        return Score(clip, method, **json.loads(out.read_text()))


def run_script(script: Path, *words: str) -> None:
    """Run a script of the shared folder with this Python; its failure is ours."""
    subprocess.run([sys.executable, str(script), *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def judge(report: Report, rows: list[Score]) -> None:
    """The targets: each clip against the peer, and the means over the clips."""
    ours = [row for row in rows if row.method == OURS]
    peers = {row.clip: row for row in rows if row.method == PEER}
    for row in ours:
        peer = peers[row.clip]
        report.require(f"{row.clip}: side right, detected {row.detected:.2f}", row.detected == 1.0)
        ratio = row.pa_mpjpe_mm / peer.pa_mpjpe_mm
        report.require(f"{row.clip}: pa_mpjpe {ratio:.2f} of the peer's, at most {PA_RATIO} wanted", ratio <= PA_RATIO)
        ratio = row.acceleration_mm / peer.acceleration_mm
        sentence = f"{row.clip}: acceleration {ratio:.2f} of the peer's, at most {ACCELERATION_RATIO} wanted"
        report.require(sentence, ratio <= ACCELERATION_RATIO)
        sentence = f"{row.clip}: bone_std_percent {row.bone_std_percent:.4f}, below {BONE_STD_PERCENT} wanted"
        report.require(sentence, row.bone_std_percent < BONE_STD_PERCENT)
    pa, clip = (float(np.mean([getattr(row, name) for row in ours])) for name in ("pa_mpjpe_mm", "clip_mpjpe_mm"))
    report.require(f"mean pa_mpjpe {pa:.2f} mm, at most {PA_MEAN_MM} wanted", pa <= PA_MEAN_MM)
    report.require(f"mean clip_mpjpe {clip:.2f} mm, at most {CLIP_MEAN_MM:g} wanted", clip <= CLIP_MEAN_MM)


def write_rival(path: Path, seen: Observations, intrinsics: str) -> None:
    """The detector's image landmarks as a result: all frames at one distance, which the scores do not depend on."""
    np.savez(
        path,
        side=np.array([seen.side]),
        joints_m=weak_perspective(seen, intrinsics)[None],
        keypoints_px=seen.keypoints_px[None],
        present=seen.observed[None],
    )


def weak_perspective(seen: Observations, intrinsics: str) -> Float[np.ndarray, "frames 21 3"]:
    """Pixels and depths, both in pixels of weak perspective, as points at a distance of 1 m."""
    fx, fy, cx, cy = map(float, intrinsics.split(","))
    if seen.depth_px is None:
        raise AssertionError("MediaPipe gives the depth of its landmarks")
    flat = (seen.keypoints_px - [cx, cy]) / [fx, fy]
    return np.concatenate([flat, 1.0 + seen.depth_px[..., None] / fx], axis=-1)
