"""Neutral hands, for clips that say little about depth: open, half open and a fist, each also turned over in depth.

starts = neutral_starts(model, camera, evidence)

Not among the engine's own starts: exploring three to six more takes as long as the rest of the fit, and the one that
looks best after exploring is not always the one that ends best.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.joint_axes import HIGHEST_RAD, MEAN_RAD
from fitter.initialise.articulation import joints_of_angles
from fitter.initialise.placement import placed
from fitter.initialise.start import Start
from fitter.observe.evidence import Evidence
from fitter.state import State

# A closed fist bends its joints to about nine tenths of their range; the thumb, over the fingers, to half of its own.
FIST_SHARE, FIST_THUMB_SHARE = 0.9, 0.5
THUMB = slice(12, 15)  # of the 15 joints, MANO order


def neutral_starts(model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
    """An `Initializer`: each neutral pose placed on the keypoints, and turned over where no depth cue decides."""
    starts = []
    ambiguous = not bool((evidence.depth_weight > 0).any())
    for name, angles in neutral_poses().items():
        joints = joints_of_angles(model, angles.expand(evidence.n_frames, 15, 3))
        state = placed(model, camera, evidence, joints)
        starts.append(Start(name, state))
        if ambiguous:
            starts.append(Start(f"{name}, turned over", turned_over(state)))
    return starts


def neutral_poses() -> dict[str, Float[Tensor, "15 3"]]:
    """Twist, spread and flexion (radians) by name."""
    fist = np.zeros((15, 3))
    fist[:, 2] = FIST_SHARE * HIGHEST_RAD[:, 2]
    fist[THUMB] = MEAN_RAD[THUMB] + FIST_THUMB_SHARE * (HIGHEST_RAD - MEAN_RAD)[THUMB] * [0.0, 0.0, 1.0]
    poses = {"open": np.zeros((15, 3)), "half open": MEAN_RAD, "fist": fist}
    return {name: torch.from_numpy(angles) for name, angles in poses.items()}


def turned_over(state: State) -> State:
    """The other orientation in which a palm looks the same: mirrored in depth, then through its own plane.

    In weak perspective a plane and its mirror image behind the wrist project alike (Oberkampf et al. 1996, sec. 3);
    both mirrorings together are a rotation. The line of sight is the wrist's; the palm's normal is the rest axis y.
    """
    sight = torch.nn.functional.normalize(state.wrist, dim=-1)
    through_depth = torch.eye(3, dtype=sight.dtype) - 2.0 * sight[:, :, None] * sight[:, None, :]
    through_palm = torch.diag(sight.new_tensor([1.0, -1.0, 1.0]))
    turned = through_depth @ state.rotations[:, 0] @ through_palm
    return replace(state, rotations=torch.cat([turned[:, None], state.rotations[:, 1:]], dim=1))
