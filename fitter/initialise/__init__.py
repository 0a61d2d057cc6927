"""Where the solver starts: everything that proposes states, behind one protocol, `Initializer`.

starts = initial_states(model, camera, evidence)         # tried in turn by the pipeline, the best one is refined

Of the detections (`initial_states`), neutral poses (`neutral_starts`), an earlier fit (`PreviousFit`), regressors
(`read_hamer`, `read_hawor`), known joints (`state_of_joints`, `shape_of_joints`); learned ones live outside the engine.
"""

from fitter.initialise.articulation import articulated, joints_of_angles, smallest_turn
from fitter.initialise.bone_lengths import shape_of_bones, shape_of_joints
from fitter.initialise.bridging import bridged, bridged_state
from fitter.initialise.detections import initial_states
from fitter.initialise.hamer_file import read_hamer
from fitter.initialise.hawor_folder import read_hawor
from fitter.initialise.joints import rotations_of_joints, state_of_joints
from fitter.initialise.neutral import neutral_starts
from fitter.initialise.placement import agreeing, frame_pose, perspective_n_point, placed, similarity
from fitter.initialise.previous import PreviousFit
from fitter.initialise.regressed import RegressedHands, RegressedStart
from fitter.initialise.start import Advice, Initializer, Start

__all__ = [
    "Advice",
    "Initializer",
    "PreviousFit",
    "RegressedHands",
    "RegressedStart",
    "Start",
    "agreeing",
    "articulated",
    "bridged",
    "bridged_state",
    "frame_pose",
    "initial_states",
    "joints_of_angles",
    "neutral_starts",
    "perspective_n_point",
    "placed",
    "read_hamer",
    "read_hawor",
    "rotations_of_joints",
    "shape_of_bones",
    "shape_of_joints",
    "similarity",
    "smallest_turn",
    "state_of_joints",
]
