"""Frames in which nothing was found take their pose from those around them.

orientation, wrist = bridged(orientation, wrist, found)
state = bridged_state(rotations, wrist, found, betas)
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.state import State, trajectory_of_wrist


def bridged_state(
    rotations: Float[np.ndarray, "frames 16 3 3"],
    wrist: Float[np.ndarray, "frames 3"],
    found: Bool[np.ndarray, "frames"],
    betas: Float[Tensor, "betas"],
) -> State:
    """A state of rows (wrist in metres, camera axes) of which at least one was found; the others are not looked at."""
    joints = [turned_between(rotations[:, joint], found) for joint in range(rotations.shape[1])]
    trajectory = trajectory_of_wrist(torch.from_numpy(moved_between(wrist, found)))
    turned = torch.from_numpy(np.stack(joints, axis=1))
    return State(turned, trajectory, betas, torch.zeros((), dtype=torch.float64)).orthonormalised()


def bridged(
    orientation: Float[np.ndarray, "frames 3 3"],
    wrist: Float[np.ndarray, "frames 3"],
    found: Bool[np.ndarray, "frames"],
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3"]]:
    """Fill frames without a pose; where none has one, all stays as it is."""
    if not found.any():
        return orientation, wrist
    return turned_between(orientation, found), moved_between(wrist, found)


def turned_between(
    rotations: Float[np.ndarray, "frames 3 3"], found: Bool[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 3 3"]:
    """Along the geodesic between the neighbours that were found, and level at the ends."""
    from scipy.spatial.transform import Rotation, Slerp

    where = np.flatnonzero(found)
    if len(where) == 1:
        return np.repeat(rotations[where], len(found), axis=0)
    clamped = np.clip(np.arange(len(found)), where[0], where[-1])
    return Slerp(where, Rotation.from_matrix(rotations[where]))(clamped).as_matrix()


def moved_between(
    points: Float[np.ndarray, "frames 3"], found: Bool[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 3"]:
    """Along the line between the neighbours that were found, and level at the ends."""
    where, every = np.flatnonzero(found), np.arange(len(found))
    return np.stack([np.interp(every, where, points[where, axis]) for axis in range(3)], axis=1)
