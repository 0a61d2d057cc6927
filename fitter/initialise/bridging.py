"""Frames in which nothing was found take their pose from those around them.

orientation, wrist = bridged(orientation, wrist, found)
"""

import numpy as np
from jaxtyping import Bool, Float


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
