"""Where the solver starts: states guessed frame by frame from what the detector saw.

An `Initializer` is anything that proposes states; learned ones live outside the engine and implement the same protocol.
`initial_states` is the engine's own: articulation from the detector's 3D bone directions, palm orientation from its
image depth or by perspective-n-point, position and distance by scale; and a relaxed hand as a second opinion.

    starts = initial_states(scene, evidence)         # tried in turn by the pipeline, the best one is refined
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD, MEAN_RAD
from fitter.observe.evidence import PALM_POINTS, Evidence
from fitter.skeleton import CHAINS, POINT_OF_ROTATION, POINT_PARENTS
from fitter.state import State, trajectory_of_wrist

FEWEST_POINTS = 6  # a pose has 6 unknowns; perspective-n-point needs 3 points, and noise asks for twice that
NEAREST_M, FARTHEST_M = 0.05, 20.0  # a hand nearer or farther is a failed guess
# A fast hand turns by 20 degrees from frame to frame at 30 fps; flipped palms are off by more than 90.
NEIGHBOURS, MOST_TURNED_RAD = 3, np.radians(60.0)  # on either side


@dataclass(frozen=True)
class Start:
    """A named proposal, so that the report can say which one won."""

    name: str
    state: State


class Initializer(Protocol):
    """Proposes states for one right hand; the first is the one that the fit must never be worse than."""

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]: ...


def initial_states(model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
    """Starts from the detections alone: by 3D landmarks where the source has them, and relaxed."""
    relaxed = joints_of_angles(model, torch.from_numpy(MEAN_RAD).expand(evidence.n_frames, 15, 3))
    starts = []
    if bool((evidence.bone_weight > 0).any()):
        starts.append(("landmarks", articulated(model, evidence.bone_directions, relaxed, evidence.bone_weight)))
    starts.append(("relaxed", relaxed))
    return [Start(name, placed(model, camera, evidence, joints)) for name, joints in starts]


def joints_of_angles(model: HandModel, angles: Float[Tensor, "frames 15 3"]) -> Float[Tensor, "frames 15 3 3"]:
    """Joint rotations of twist, spread and flexion (radians)."""
    return rotation.exp(torch.einsum("jca,tja->tjc", model.joint_axes, angles))


def articulated(
    model: HandModel,
    directions: Float[Tensor, "frames 20 3"],
    otherwise: Float[Tensor, "frames 15 3 3"],
    weight: Float[Tensor, "frames 20"],
) -> Float[Tensor, "frames 15 3 3"]:
    """Joint rotations that turn each bone from its rest direction to the measured one, kept within natural ranges.

    Down each finger: the smallest rotation that takes the bone's rest direction to the measured one, both in the
    parent's axes. Frames without directions get `otherwise`.
    """
    rest = model.joints[1:] - model.joints[POINT_PARENTS[1:]]
    rest = rest / rest.norm(dim=-1, keepdim=True)
    lowest, highest = (torch.from_numpy(limit) for limit in (LOWEST_RAD, HIGHEST_RAD))
    joints = otherwise.clone()
    for chain in CHAINS:
        parent = torch.eye(3, dtype=directions.dtype).expand(len(directions), 3, 3)
        for link, joint in enumerate(chain):
            # A bone is named by its far end; its turn happens at its near end, which is the point of this joint.
            bone = int(POINT_OF_ROTATION[chain[0]]) + link
            wanted = (parent.mT @ directions[:, bone, :, None]).squeeze(-1)
            vector = smallest_turn(rest[bone].expand_as(wanted), wanted)
            axes = model.joint_axes[joint - 1]
            angles = torch.clamp(vector @ axes, lowest[joint - 1], highest[joint - 1])
            turn = rotation.exp(angles @ axes.T)
            seen = (weight[:, bone] > 0)[:, None, None]
            joints[:, joint - 1] = torch.where(seen, turn, joints[:, joint - 1])
            parent = parent @ joints[:, joint - 1]
    return joints


def smallest_turn(source: Float[Tensor, "*any 3"], target: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Rotation vector of the smallest rotation between unit vectors (any axis where they are opposite)."""
    axis = torch.linalg.cross(source, target)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (source * target).sum(-1, keepdim=True))
    return axis / sine.clamp_min(1e-12) * angle


def placed(model: HandModel, camera: Camera, evidence: Evidence, joints: Float[Tensor, "frames 15 3 3"]) -> State:
    """Orientation and position of every frame for given joint rotations, bridged where nothing was seen."""
    n_frames = evidence.n_frames
    identity = torch.eye(3, dtype=joints.dtype).expand(n_frames, 1, 3, 3)
    betas = torch.zeros(model.n_betas, dtype=joints.dtype)
    at_rest = model.with_shape(betas).with_pose(torch.cat([identity, joints], dim=1), joints.new_zeros(n_frames, 3))
    orientation = np.tile(np.eye(3), (n_frames, 1, 1))
    wrist = np.tile([0.0, 0.0, 0.5], (n_frames, 1))
    found = np.zeros(n_frames, dtype=bool)
    for frame in np.flatnonzero((evidence.confidence > 0).sum(1).numpy() >= FEWEST_POINTS):
        pose = frame_pose(camera, evidence, int(frame), at_rest.joints[frame])
        if pose is not None:
            orientation[frame], wrist[frame] = pose
            found[frame] = True
    found = agreeing(orientation, found)
    orientation, wrist = bridged(orientation, wrist, found)
    rotations = torch.cat([torch.from_numpy(orientation)[:, None], joints], dim=1)
    trajectory = trajectory_of_wrist(torch.from_numpy(wrist))
    return State(rotations, trajectory, betas, torch.zeros((), dtype=joints.dtype))


def frame_pose(
    camera: Camera, evidence: Evidence, frame: int, points: Float[Tensor, "21 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]] | None:
    """Orientation and wrist position that put `points` (metres, wrist at the origin) on the frame's keypoints.

    With image depth: the palm's points in weak perspective against the hand's, by similarity (Umeyama 1991). Without:
    perspective-n-point over all points (SQPnP, Terzakis & Lourakis 2020). None where neither gives a hand before the
    camera.
    """
    seen = (evidence.confidence[frame] > 0).numpy()
    pixels, source = evidence.keypoints_px[frame].numpy(), points.numpy()
    focal = np.array([camera.fx, camera.fy])
    flat = (pixels - [camera.cx, camera.cy]) / focal
    palm = list(PALM_POINTS)
    if seen[palm].all() and bool((evidence.depth_weight[frame, palm[1:]] > 0).all()):
        relative = np.concatenate([flat, (evidence.depth_px[frame].numpy() / camera.fx)[:, None]], axis=1)
        turn, scale = similarity(source[palm], relative[palm])
        spread = np.linalg.norm(source[seen] - source[seen].mean(0))
        z = spread / np.linalg.norm(relative[seen] - relative[seen].mean(0))
        z = z if np.isfinite(z) else 1.0 / scale
        wrist = np.append(flat[0], 1.0) * z
    else:
        turn, wrist = perspective_n_point(camera, pixels[seen], source[seen])
    distance = source @ turn[2] + wrist[2]
    if not (np.isfinite(turn).all() and np.isfinite(wrist).all() and NEAREST_M < distance.min() < FARTHEST_M):
        return None
    return turn, wrist


def agreeing(
    orientation: Float[np.ndarray, "frames 3 3"], found: Bool[np.ndarray, "frames"]
) -> Bool[np.ndarray, "frames"]:
    """Frames without those that are turned away from most of their neighbours: the solver cannot turn a flipped hand.

    A palm is nearly flat, so a frame's points may fit its mirror image behind that plane nearly as well.
    """
    where = np.flatnonzero(found)
    kept = found.copy()
    for place, frame in enumerate(where):
        near = np.concatenate([where[max(0, place - NEIGHBOURS) : place], where[place + 1 : place + 1 + NEIGHBOURS]])
        cosine = 0.5 * (np.einsum("ij,tij->t", orientation[frame], orientation[near]) - 1.0)
        kept[frame] = len(near) < NEIGHBOURS or np.median(cosine) > np.cos(MOST_TURNED_RAD)
    return kept if kept.any() else found


def similarity(
    source: Float[np.ndarray, "points 3"], target: Float[np.ndarray, "points 3"]
) -> tuple[Float[np.ndarray, "3 3"], float]:
    """Rotation and scale of the best similarity from source to target (Umeyama 1991, eq. 40-42)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return (u * sign) @ vt, float((s * sign).sum() / (a**2).sum())


def perspective_n_point(
    camera: Camera, pixels: Float[np.ndarray, "points 2"], points: Float[np.ndarray, "points 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    import cv2

    found, vector, shift = cv2.solvePnP(points, pixels, camera.matrix, np.zeros(4), flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return np.full((3, 3), np.nan), np.full(3, np.nan)
    return cv2.Rodrigues(vector)[0], shift[:, 0]


def bridged(
    orientation: Float[np.ndarray, "frames 3 3"],
    wrist: Float[np.ndarray, "frames 3"],
    found: Bool[np.ndarray, "frames"],
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3"]]:
    """Fill frames without a pose: along the geodesic between the neighbours that have one, and level at the ends."""
    from scipy.spatial.transform import Rotation, Slerp

    if not found.any():
        return orientation, wrist
    where, every = np.flatnonzero(found), np.arange(len(found))
    clamped = np.clip(every, where[0], where[-1])
    filled = np.stack([np.interp(every, where, wrist[where, axis]) for axis in range(3)], axis=1)
    if len(where) == 1:
        return np.repeat(orientation[where], len(found), axis=0), filled
    return Slerp(where, Rotation.from_matrix(orientation[where]))(clamped).as_matrix(), filled
