"""A camera that moves and zooms: what knowing its path is worth, in the axes of the world.

    python -m benchmarks moving_camera              # 10 clips of 90 frames

A hand gestures as in `benchmarks.recovery` before a camera that is turned, shifted and zoomed by hand. The same
detections (MediaPipe's measured errors, 15 % of the frames missing in runs) are fitted three times: with the path, with
the intrinsics of every frame alone, and as if the camera rested with the median focal length. All are told the hand's
length. Each fit is then taken to the world's axes by the true path.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.synthetic import CAMERA, FPS, observations_of
from fitter.app.steps import with_length
from fitter.camera import Camera
from fitter.camera_motion import MovingCamera, in_world
from fitter.config import Config, load_config
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.initialise import initial_states
from fitter.observe.evidence import prepare_evidence
from fitter.observe.observations import Observations
from fitter.pipeline import FitInput, fit_hand
from priors.pose_prior import load_pose_prior
from priors.synthetic.camera_path import before, camera_path
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.motion import hand_motion
from priors.synthetic.truth import synthetic_truth

N_CLIPS, N_FRAMES, QUICK_CLIPS, FIRST_SEED = 10, 90, 2, 80_000
DETECTOR = SyntheticDetector(missing_frames=0.15, missing_run=8.0, missing_joints=0.05, measured=1.0)
MM_PER_M = 1000.0


@dataclass(frozen=True)
class HeldClip:
    """What the camera saw, its path, and the truth in the world's axes (metres)."""

    seen: Observations
    camera: MovingCamera
    joints_world_m: Float[np.ndarray, "frames 21 3"]
    length_mm: float


@dataclass(frozen=True)
class Measured:
    """Of one fit, in the world's axes: mean error in all frames and in those without a detection, how far it strays
    about its mean over the clip (RMS of the joints' mean, mm), and error of the wrist's acceleration.
    """

    error_mm: float
    missing_mm: float
    straying_mm: float
    acceleration_m_s2: float


def held_clip(model: HandModel, seed: int, n_frames: int) -> HeldClip:
    """Equal arguments give equal clips."""
    rng = np.random.default_rng(seed)
    betas, time_s = torch.from_numpy(rng.standard_normal(model.n_betas)), np.arange(n_frames) / FPS
    shaped = model.with_shape(betas)
    in_the_world = hand_motion(rng, shaped, time_s)
    camera = camera_path(rng, CAMERA, time_s)
    motion = before(camera, in_the_world)
    truth = synthetic_truth(shaped.with_pose(motion.rotations, motion.wrist), camera, "right", FPS)
    joints = shaped.with_pose(in_the_world.rotations, in_the_world.wrist).joints.numpy()
    seen = observations_of(DETECTOR.detect(truth, seed), truth)
    return HeldClip(seen, camera, joints, MM_PER_M * float(model.hand_length(betas)))


def cameras_of(clip: HeldClip) -> dict[str, Camera]:
    """What the fits are told."""
    path = clip.camera
    return {
        "path and zoom": path,
        "zoom alone": replace(path, camera_from_world=path.camera_from_world[:0]),
        "nothing": replace(path, matrices=path.matrices[:0], camera_from_world=path.camera_from_world[:0]),
    }


def fitted(model: HandModel, clip: HeldClip, camera: Camera, config: Config) -> Measured:
    """The clip fitted as the command line does with keypoints alone, with this camera."""
    evidence = replace(prepare_evidence(clip.seen, camera, model), pose_prior=load_pose_prior())
    given = FitInput(model, model.landmarks, camera, evidence, tuple(initial_states(model, camera, evidence)))
    schedule = replace(config.schedule, stages=config.schedule.keypoint_stages)
    fit = fit_hand(given, with_length(config.energy, clip.length_mm), schedule, config.presence)
    joints = in_world(fit.scene.posed.joints.numpy(), clip.camera.camera_from_world)
    distance = MM_PER_M * np.linalg.norm(joints - clip.joints_world_m, axis=-1).mean(axis=1)
    middle = MM_PER_M * (joints - clip.joints_world_m).mean(axis=1)
    missing = ~clip.seen.observed
    jerked = np.diff(joints[:, 0] - clip.joints_world_m[:, 0], n=2, axis=0) * FPS**2
    return Measured(
        error_mm=float(distance.mean()),
        missing_mm=float(distance[missing].mean()) if missing.any() else float("nan"),
        straying_mm=float(np.sqrt(np.square(middle - middle.mean(axis=0)).sum(axis=-1).mean())),
        acceleration_m_s2=float(np.linalg.norm(jerked, axis=-1).mean()),
    )


@dataclass(frozen=True)
class Row:
    """Medians over the clips, see `Measured`."""

    told: str
    clips: int
    error_mm: float
    missing_mm: float
    straying_mm: float
    wrist_acceleration_m_s2: float


def measure(quick: bool = False) -> Report:
    """The table, and that knowing the path helps."""
    report = Report("moving_camera", "A camera that moves and zooms, errors in the world's axes")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    found: dict[str, list[Measured]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + (QUICK_CLIPS if quick else N_CLIPS)):
        clip = held_clip(model, seed, N_FRAMES)
        for name, camera in cameras_of(clip).items():
            found.setdefault(name, []).append(fitted(model, clip, camera, config))
        report.note(f"{seed}: " + ", ".join(f"{name} {each[-1].error_mm:.1f} mm" for name, each in found.items()))
    rows = [summary(name, measured) for name, measured in found.items()]
    report.table("fits", rows)
    told, _, nothing = rows
    report.require(
        f"error {told.error_mm:.1f} mm with the path, {nothing.error_mm:.1f} without", told.error_mm < nothing.error_mm
    )
    return report


def summary(name: str, measured: Sequence[Measured]) -> Row:
    def median(values: Sequence[float]) -> float:
        return float(np.nanmedian(values))

    return Row(
        told=name,
        clips=len(measured),
        error_mm=median([each.error_mm for each in measured]),
        missing_mm=median([each.missing_mm for each in measured]),
        straying_mm=median([each.straying_mm for each in measured]),
        wrist_acceleration_m_s2=median([each.acceleration_m_s2 for each in measured]),
    )
