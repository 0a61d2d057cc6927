"""A filmed clip of a camera that moves and zooms, fitted by pixels: what `--cameras` is worth there.

    python -m benchmarks.moving_pixels [SEED [FRAMES]]      # one clip, as JSON lines on stdout; minutes

A hand as in the demo is filmed by the camera of `benchmarks.moving_camera`, before a wall that moves with it, and found
by the real detector. It is fitted with the path, with each frame's zoom alone, and with nothing, by keypoints and by
pixels; errors are of the joints in the world's axes, the hand's length being known.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

import fitter
from benchmarks.moving_camera import MM_PER_M
from benchmarks.recovery import DEFAULT, KEYPOINTS_ONLY
from fitter.camera_motion import MovingCamera, in_world
from fitter.hand.anny import load_anny
from priors.synthetic.camera_path import camera_path
from priors.synthetic.clip import DemoClip, make_demo_clip

SEED, FRAMES, SIZE = 90_000, 40, (640, 480)


@dataclass(frozen=True)
class Row:
    """Mean errors of the joints in millimetres: in the world's axes, and relative to the wrist there."""

    told: str
    terms: str
    frames: int
    present: int
    error_mm: float
    relative_mm: float


def filmed(clip: DemoClip, camera: MovingCamera) -> UInt8[np.ndarray, "frames height width 3"]:
    """The clip's hand, whose axes are the world's, as this camera films it."""
    turn, shift = camera.camera_from_world[:, :3, :3], camera.camera_from_world[:, :3, 3]
    seen = np.einsum("tij,tmvj->tmvi", turn, clip.vertices_m) + shift[:, None, None]
    moved = replace(clip, vertices_m=seen)
    frames = range(clip.n_frames)
    return np.stack([replace(moved, truth=replace(clip.truth, camera=camera.at(i))).still(i) for i in frames])


def measure(seed: int = SEED, n_frames: int = FRAMES) -> list[Row]:
    """The clip of a seed, fitted in six ways."""
    model = load_anny()
    clip = make_demo_clip(model, seed, n_frames, SIZE)
    camera = camera_path(np.random.default_rng(seed), clip.truth.camera, clip.time_s)
    frames, rows = filmed(clip, camera), []
    length_mm = MM_PER_M * float(model.hand_length(model.template.new_tensor(clip.truth.betas)))
    resting = clip.truth.camera
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "path and zoom": {"K": camera.matrices, "camera_from_world": camera.camera_from_world},
            "zoom alone": {"K": camera.matrices},
            "nothing": {"K": np.tile(replace(resting, fx=camera.fx, fy=camera.fy).matrix, (n_frames, 1, 1))},
        }
        for name, arrays in told.items():
            path = Path(folder) / f"{name}.npz"
            np.savez(path, **arrays)
            for terms, config in (("keypoints", KEYPOINTS_ONLY), ("pixels", DEFAULT)):
                result = fitter.fit(frames, config=config, fps=clip.fps, cameras=path, hand_length_mm=length_mm)
                rows.append(row_of(name, terms, result, camera, clip.truth.joints_m))
                print(json.dumps(asdict(rows[-1])), flush=True)
    return rows


def row_of(
    told: str,
    terms: str,
    result: fitter.FitResult,
    camera: MovingCamera,
    truth_m: Float[np.ndarray, "frames 21 3"],
) -> Row:
    """How far the one hand lies from the truth, taken to the world by the true path."""
    joints = in_world(result.joints_m[0], camera.camera_from_world)
    relative = (joints - joints[:, :1]) - (truth_m - truth_m[:, :1])
    error, relative_error = (
        MM_PER_M * float(np.linalg.norm(each, axis=-1).mean()) for each in (joints - truth_m, relative)
    )
    return Row(told, terms, len(truth_m), int(result.present[0].sum()), error, relative_error)


if __name__ == "__main__":
    measure(*map(int, sys.argv[1:]))
