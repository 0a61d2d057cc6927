"""The engine's own starts: states guessed frame by frame from what the detector saw.

Articulation from the detector's 3D bone directions, palm orientation from its image depth or by perspective-n-point,
position and distance by scale; and a relaxed hand as a second opinion.

    starts = initial_states(model, camera, evidence)
"""

import torch

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.joint_axes import MEAN_RAD
from fitter.initialise.articulation import articulated, joints_of_angles
from fitter.initialise.placement import placed
from fitter.initialise.start import Start
from fitter.observe.evidence import Evidence


def initial_states(model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
    """Starts from the detections alone: by 3D landmarks where the source has them, and relaxed."""
    relaxed = joints_of_angles(model, torch.from_numpy(MEAN_RAD).expand(evidence.n_frames, 15, 3))
    starts = []
    if bool((evidence.bone_weight > 0).any()):
        starts.append(("landmarks", articulated(model, evidence.bone_directions, relaxed, evidence.bone_weight)))
    starts.append(("relaxed", relaxed))
    return [Start(name, placed(model, camera, evidence, joints)) for name, joints in starts]
