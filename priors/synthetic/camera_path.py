"""A camera that somebody holds, turns and zooms while the hand before it moves by itself.

    camera = camera_path(rng, camera, time_s)
    motion = before(camera, hand_motion(rng, shaped, time_s))      # the same hand as this camera sees it

The world's axes are those of the camera at rest.
"""

from dataclasses import replace

import numpy as np
import roma
import torch
from jaxtyping import Float

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera
from priors.synthetic.motion import HandMotion, wander

# Standard deviations of pan, tilt and roll (degrees), of the shift (metres) and of the log focal length; periods of
# somebody who moves a telephone about and zooms by hand.
TURN_DEG, SHIFT_M, ZOOM = (7.0, 5.0, 5.0), (0.05, 0.03, 0.04), 0.18
PERIODS_S, ZOOM_PERIODS_S = (1.2, 4.0), (2.0, 6.0)
MOST_ZOOM = 1.5


def camera_path(rng: np.random.Generator, camera: Camera, time_s: Float[np.ndarray, "frames"]) -> MovingCamera:
    """`camera` held in a hand, its focal length by turns up to MOST_ZOOM times longer or shorter."""
    turns = np.radians(TURN_DEG) * wander(rng, time_s, 3, PERIODS_S)
    motion = np.tile(np.eye(4), (len(time_s), 1, 1))
    motion[:, :3, :3] = roma.rotvec_to_rotmat(torch.from_numpy(turns[:, [1, 0, 2]])).numpy()
    motion[:, :3, 3] = SHIFT_M * wander(rng, time_s, 3, PERIODS_S)
    factor = np.clip(np.exp(ZOOM * wander(rng, time_s, 1, ZOOM_PERIODS_S)[:, 0]), 1.0 / MOST_ZOOM, MOST_ZOOM)
    matrices = np.tile(camera.matrix, (len(time_s), 1, 1))
    matrices[:, [0, 1], [0, 1]] *= factor[:, None]
    return MovingCamera.of(camera, matrices, motion)


def before(camera: MovingCamera, motion: HandMotion) -> HandMotion:
    """A motion in the world's axes as the camera sees it."""
    transform = torch.from_numpy(camera.camera_from_world)
    turn, shift = transform[:, :3, :3], transform[:, :3, 3]
    rotations = motion.rotations.clone()
    rotations[:, 0] = turn @ rotations[:, 0]
    return replace(motion, rotations=rotations, wrist=(turn @ motion.wrist.unsqueeze(-1)).squeeze(-1) + shift)
