"""Where the hand is and how it is turned, frame by frame, for a hand whose joint rotations are given.

state = placed(model, camera, evidence, joint_rotations)
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.initialise.bridging import bridged
from fitter.observe.evidence import PALM_POINTS, Evidence
from fitter.state import State, trajectory_of_wrist

FEWEST_POINTS = 6  # a pose has 6 unknowns; perspective-n-point needs 3 points, and noise asks for twice that
NEAREST_M, FARTHEST_M = 0.05, 20.0  # a hand nearer or farther is a failed guess
# A fast hand turns by 20 degrees from frame to frame at 30 fps; flipped palms are off by more than 90.
NEIGHBOURS, MOST_TURNED_RAD = 3, np.radians(60.0)  # on either side


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


def translation_onto(
    rays: Float[np.ndarray, "hands points 2"],
    points: Float[np.ndarray, "hands points 3"],
    weight: Float[np.ndarray, "hands points"],
) -> Float[np.ndarray, "hands 3"]:
    """The translation of `points` (metres) with which a camera sees them nearest the `rays` (x/z, y/z).

    Least squares in (x + tx) - ray (z + tz) = 0, which is linear; the smallest solution where too few points count.
    """
    system = np.zeros((*rays.shape, 3))
    system[..., 0, 0] = system[..., 1, 1] = 1.0
    system[..., 2] = -rays
    wanted = rays * points[..., 2:] - points[..., :2]
    normal = np.einsum("hp,hpci,hpcj->hij", weight, system, system)
    right = np.einsum("hp,hpci,hpc->hi", weight, system, wanted)
    return (np.linalg.pinv(normal, hermitian=True) @ right[..., None])[..., 0]


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
