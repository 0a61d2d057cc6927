"""One clip's fit beside its truth, as the calibration of the sigmas needs it: what was claimed, and what it was off by.

    for record in records(model, learned, config, MOTION, seed): record.relative_mm, record.error_mm
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.strangers import side_of, strange_film, strange_motion, true_joints
from benchmarks.synthetic import observations_of
from fitter.app.steps import initialise, with_pose_prior
from fitter.camera import Camera, assumed_camera
from fitter.clip import Clip
from fitter.config import Config
from fitter.evaluate.metrics import pa_errors
from fitter.hand import HandModel
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Observations
from fitter.observe.tracks import track_hands
from fitter.pipeline import FitInput, Reached, believed, fit_keypoints, fit_pixels
from fitter.solve.posterior import Posterior, estimate_posterior
from fitter.solve.threads import one_thread
from priors.learned import LearnedInitializer
from priors.synthetic.truth import SyntheticTruth
