"""Hands that the fitted model cannot make, before cameras it does not know: clips for measuring how sure a fit may be.

    clip = strange_film(model, seed=0, n_frames=30)         # pictures, for a real detector
    clip = strange_motion(model, seed=0, n_frames=60)       # no pictures; detections that err as MediaPipe's do

A stranger's bones are longer or shorter than any shape of the model makes them, its joints turn beside where the model
has them, and its skin has bumps. The nearest shape of the model leaves its joints 2.2 mm away on average (200 of them,
`pytest tests/test_strangers.py -s`); the annotated real hand leaves 2.4 mm. Seeds from FIRST_SEED are these clips'.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from benchmarks.filmed import SIZE, Recorded
from benchmarks.synthetic import observations_of
from fitter.camera import ASSUMED_FOCAL, ASSUMED_FOCAL_SD, Camera
from fitter.clip import Clip
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Detection, Observations, Side
from fitter.render.shading import vertex_normals
from fitter.skeleton import BONES, POINT_PARENTS
from priors.synthetic.clip import BETA_DEVIATION, FPS, make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.detector_errors import difficulty_of
from priors.synthetic.mishaps import Mishaps
from priors.synthetic.motion import DISTANCE_M, Habits, hand_motion
from priors.synthetic.truth import SyntheticTruth, synthetic_truth

FIRST_SEED = 70_000
BONE_DEVIATION, JOINT_DEVIATION_M = 0.05, 0.0015
BUMP_M, BUMPS, BUMP_WIDTH_M = 0.001, 150, 0.012  # deviation along the normal, how many, and how wide
SKIN_REACH_M = 0.012  # the skin follows the bones within about this distance
SPOTS = 5  # along each bone, whose motion the skin follows

# What a detector of measured errors misses besides: whole frames in runs, single joints.
MISSING_FRAMES, MISSING_RUN, MISSING_JOINTS = 0.15, 8.0, 0.05
MISHAPS = Mishaps(missing_joints=0.0, missing_fingers=0.01, thrown_joints=0.02, swapped_fingers=0.01)
# Palm, either side, back.
FACINGS_DEG = (0.0, 0.0, 60.0, -60.0)
KEYPOINT_SIZE = (640, 480)
STREAM = 7  # of a clip's seed, for what the generator of the clip does not draw


@dataclass(frozen=True)
class Stranger:
    """A clip's truth as the engine's right hand has it (a left hand's mirrored, metres), the camera that filmed it, and
    what shows it: pictures, or detections as the camera saw them.
    """

    seed: int
    camera: Camera
    joints_m: Float[np.ndarray, "frames 21 3"]
    film: Clip | None = None
    seen: Observations | None = None


def stranger(model: HandModel, rng: np.random.Generator) -> HandModel:
    """The model of another hand: the same faces, bones and shape basis about a template of its own."""
    joints, parents = model.joints.numpy(), np.maximum(POINT_PARENTS, 0)
    longer = rng.normal(0.0, BONE_DEVIATION, 21)[:, None] * (joints - joints[parents])
    moved = np.zeros_like(joints)
    for point in range(1, 21):
        moved[point] = moved[parents[point]] + longer[point]
    skin = along_bones(model, moved) + bumps(model, rng)
    beside = rng.normal(0.0, JOINT_DEVIATION_M, joints.shape)
    return replace(
        model,
        template=model.template + torch.from_numpy(skin).to(model.template),
        joints=model.joints + torch.from_numpy(moved + beside),
    )


def along_bones(model: HandModel, moved: Float[np.ndarray, "21 3"]) -> Float[np.ndarray, "vertices 3"]:
    """How the skin moves with the points at the ends of its bones, metres: the mean over nearby places of the bones."""
    joints, share = model.joints.numpy(), np.linspace(0.0, 1.0, SPOTS)[:, None, None]
    near, far = POINT_PARENTS[BONES], BONES
    spots = ((1.0 - share) * joints[near] + share * joints[far]).reshape(-1, 3)
    shifts = ((1.0 - share) * moved[near] + share * moved[far]).reshape(-1, 3)
    squared = np.square(model.template.numpy()[:, None] - spots).sum(-1)
    weight = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)) / SKIN_REACH_M**2)
    return weight @ shifts / weight.sum(axis=1, keepdims=True)


def bumps(model: HandModel, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
    """A smooth random displacement along the normals, BUMP_M in deviation, metres."""
    vertices = model.template.numpy()
    centres = vertices[rng.integers(len(vertices), size=BUMPS)]
    squared = np.square(vertices[:, None] - centres).sum(-1)
    height = np.exp(-0.5 * squared / BUMP_WIDTH_M**2) @ rng.standard_normal(BUMPS)
    normals = vertex_normals(model.template, model.faces).numpy()
    return BUMP_M / height.std() * height[:, None] * normals


def random_camera(rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    """A camera as `assumed_camera` expects them to be: its focal length scatters by ASSUMED_FOCAL_SD."""
    focal = ASSUMED_FOCAL * max(size) * float(np.exp(rng.normal(0.0, ASSUMED_FOCAL_SD)))
    return Camera(focal, focal, size[0] / 2, size[1] / 2, *size)


def side_of(seed: int) -> Side:
    return "left" if seed % 2 else "right"


def strange_film(model: HandModel, seed: int, n_frames: int) -> Stranger:
    """A stranger filmed with light, noise, blur, things in the way and a background that no fit knows of."""
    rng = np.random.default_rng([seed, STREAM])
    clip = make_demo_clip(stranger(model, rng), seed, n_frames, SIZE, side_of(seed), difficulty_of(seed))
    camera = random_camera(rng, SIZE)
    clip = replace(clip, truth=replace(clip.truth, camera=camera))
    return Stranger(seed, camera, true_joints(clip.truth), film=Recorded.of(clip))


def strange_motion(
    model: HandModel, seed: int, n_frames: int, distance_m: float = DISTANCE_M, errors: float = 1.0
) -> Stranger:
    """A stranger's motion with detections of `errors` times MediaPipe's measured ones, gaps and mishaps (none where
    errors are 0), both depth cues told.
    """
    rng = np.random.default_rng([seed, STREAM])
    betas = torch.from_numpy(rng.normal(0.0, BETA_DEVIATION, model.n_betas))
    shaped = stranger(model, rng).with_shape(betas)
    habits = Habits(facing_deg=FACINGS_DEG[seed % len(FACINGS_DEG)], distance_m=distance_m)
    motion = hand_motion(rng, shaped, np.arange(n_frames) / FPS, habits)
    posed = shaped.with_pose(motion.rotations, motion.wrist)
    truth = synthetic_truth(posed, random_camera(rng, KEYPOINT_SIZE), side_of(seed), FPS)
    detector = SyntheticDetector(
        missing_frames=MISSING_FRAMES,
        missing_run=MISSING_RUN,
        missing_joints=MISSING_JOINTS,
        measured=errors,
    )
    detections = detector.detect(truth, seed)
    seen = observations_of(with_thrown(detections, seed) if errors > 0.0 else detections, truth)
    return Stranger(seed, truth.camera, true_joints(truth), seen=seen)


def with_thrown(detections: list[list[Detection]], seed: int) -> list[list[Detection]]:
    """The detections with some joints thrown off and some fingers exchanged or lost, see `Mishaps`."""
    drawn = MISHAPS.sample(torch.Generator().manual_seed(seed), 1, len(detections))
    trust, thrown, order = (each[0].numpy() for each in (drawn.trust, drawn.thrown, drawn.order))
    changed = []
    for frame, found in enumerate(detections):
        changed.append([])
        for hand in found:
            confidence = (hand.confidence * trust[frame])[order[frame]]
            pixels = hand.keypoints_px[order[frame]]
            seen = confidence > 0.0
            span = float(np.ptp(hand.keypoints_px[hand.confidence > 0.0], axis=0).max())
            pixels = np.where(seen[:, None], pixels + thrown[frame] * span, 0.0)
            depth = None if hand.depth_px is None else np.where(seen, hand.depth_px[order[frame]], 0.0)
            if seen.any():
                changed[-1].append(replace(hand, keypoints_px=pixels, confidence=confidence, depth_px=depth))
    return changed


def true_joints(truth: SyntheticTruth) -> Float[np.ndarray, "frames 21 3"]:
    """As the engine's right hand has them: a left hand's mirrored, metres."""
    joints = torch.from_numpy(truth.joints_m)
    return (mirror_points(joints) if truth.side == "left" else joints).numpy()
