"""Where the solver starts: everything that proposes states, behind one protocol, `Initializer`.

starts = initial_states(model, camera, evidence)         # tried in turn by the pipeline, the best one is refined
"""

from fitter.initialise.articulation import articulated as articulated
from fitter.initialise.articulation import joints_of_angles as joints_of_angles
from fitter.initialise.articulation import smallest_turn as smallest_turn
from fitter.initialise.bridging import bridged as bridged
from fitter.initialise.detections import initial_states as initial_states
from fitter.initialise.placement import agreeing as agreeing
from fitter.initialise.placement import frame_pose as frame_pose
from fitter.initialise.placement import perspective_n_point as perspective_n_point
from fitter.initialise.placement import placed as placed
from fitter.initialise.placement import similarity as similarity
from fitter.initialise.start import Initializer as Initializer
from fitter.initialise.start import Start as Start
