"""Problems with a known answer: a random person's hand in natural motion, seen by a detector that errs.

    clip = synthetic_clip(model, seed=0, n_frames=60)
    fit = fit_hand(clip.given, clip.energy(config.energy), config.schedule)
    whole_problem(clip, energy, schedule).energy(clip.truth)      # what the truth itself would cost

Nothing here was ever filmed, so the truth is exact and the model has no error of its own.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from fitter import pipeline
from fitter.app.steps import with_length
from fitter.camera import Camera
from fitter.energy import Energy
from fitter.hand import HandModel, PosedHand
from fitter.hand.parameters import parameters_of
from fitter.initialise import initial_states
from fitter.observe.evidence import prepare_evidence
from fitter.observe.observations import Detection, Observations
from fitter.pipeline import FitInput
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule
from fitter.state import State, trajectory_of_wrist
from priors.pose_prior import load_pose_prior
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.motion import ANYTHING, Habits, hand_motion
from priors.synthetic.truth import SyntheticTruth

FPS = 30.0
# A web camera of 60 degrees, as the demo's; the hand then spans about 240 pixels.
CAMERA = Camera(fx=557.0, fy=557.0, cx=320.0, cy=240.0, width=640, height=480)

# The detector that recovery is specified for: 2 px of white noise, a tenth of the joints and of the frames missing.
WHITE = SyntheticDetector(noise_px=2.0, correlation=0.0, missing_frames=0.1, missing_joints=0.1)


@dataclass(frozen=True)
class SyntheticClip:
    """What the fit is given and the detector saw, and the state and joints (metres) that made it."""

    given: FitInput
    seen: Observations
    truth: State
    joints_m: Float[np.ndarray, "frames 21 3"]
    length_mm: float

    def energy(self, energy: Energy) -> Energy:
        """`energy` with this hand's length known to a millimetre, as `--hand-length-mm` makes it."""
        return with_length(energy, self.length_mm)


def synthetic_clip(
    model: HandModel,
    seed: int,
    n_frames: int,
    detector: SyntheticDetector = WHITE,
    habits: Habits = ANYTHING,
) -> SyntheticClip:
    """A right hand with betas ~ N(0, 1) over `n_frames` at 30 fps; equal arguments give equal clips."""
    rng = np.random.default_rng(seed)
    betas = torch.from_numpy(rng.standard_normal(model.n_betas))
    shaped = model.with_shape(betas)
    motion = hand_motion(rng, shaped, np.arange(n_frames) / FPS, habits)
    shown = joints_alone(shaped.with_pose(motion.rotations, motion.wrist))
    seen = observations_of(detector.detect(shown, seed), shown)
    evidence = prepare_evidence(seen, CAMERA, model)
    evidence = replace(evidence, pose_prior=load_pose_prior())  # as the steps of the command line do
    starts = tuple(initial_states(model, CAMERA, evidence))
    return SyntheticClip(
        # The synthetic detector's landmarks are the model's own joints.
        given=FitInput(model, model.landmarks, CAMERA, evidence, starts),
        seen=seen,
        truth=State(motion.rotations, trajectory_of_wrist(motion.wrist), betas, torch.zeros((), dtype=torch.float64)),
        joints_m=shown.joints_m,
        length_mm=1000.0 * float(model.hand_length(betas)),
    )


def joints_alone(posed: PosedHand) -> SyntheticTruth:
    """The truth as a keypoint detector needs it: without the mesh, whose memory would hide that of the fit."""
    parameters, model = parameters_of(posed), posed.shaped.model
    return SyntheticTruth(
        side="right",
        fps=FPS,
        camera=CAMERA,
        betas=parameters.betas.numpy(),
        pose=parameters.pose.numpy(),
        translation_m=parameters.translation_m.numpy(),
        joints_m=posed.joints.numpy(),
        keypoints_px=CAMERA.project(posed.joints).numpy(),
        vertices_m=np.zeros((len(posed.joints), 0, 3)),
        faces=model.faces.numpy(),
    )


def observations_of(detections: list[list[Detection]], truth: SyntheticTruth) -> Observations:
    """One hand's detections, at most one in a frame, as rows; frames without one are 0 with confidence 0."""
    keypoints, confidence = np.zeros((truth.n_frames, 21, 2)), np.zeros((truth.n_frames, 21))
    depth, landmarks = np.zeros((truth.n_frames, 21)), np.zeros((truth.n_frames, 21, 3))
    has_depth = has_landmarks = False
    for frame, found in enumerate(detections):
        for each in found:
            keypoints[frame], confidence[frame] = each.keypoints_px, each.confidence
            if each.depth_px is not None:
                depth[frame], has_depth = each.depth_px, True
            if each.landmarks_m is not None:
                landmarks[frame], has_landmarks = each.landmarks_m, True
    return Observations(
        source="synthetic",
        side=truth.side,
        time_s=np.arange(truth.n_frames) / truth.fps,
        image_size=(truth.camera.width, truth.camera.height),
        keypoints_px=keypoints,
        confidence=confidence,
        depth_px=depth if has_depth else None,
        landmarks_m=landmarks if has_landmarks else None,
    )


def whole_problem(given: FitInput, energy: Energy, schedule: Schedule) -> Problem:
    """The problem of the schedule's last stage, with every term: the one that all solvers are judged by."""
    return pipeline.whole_problem(given, energy, schedule.stages[-1])[1]
