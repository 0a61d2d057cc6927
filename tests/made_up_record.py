"""A record of a fit that never was: its errors are as large as a given scale says."""

import numpy as np

from benchmarks.claims import CUES, Record
from fitter.pipeline import FrameFigures
from fitter.solve.calibration import Scale


def made_up(rng: np.random.Generator, scale: Scale, seed: int) -> Record:
    """Raw sigmas, and errors as large as `scale` says they are."""
    raw, shared = rng.uniform(0.5, 8.0, (1, 40, 21)), rng.uniform(1.0, 10.0, (1, 40, 21))
    focal = np.zeros((40, 21))
    joints, relative = scale.applied(raw[0], shared[0], focal)
    error, absolute = (
        np.linalg.norm(sigma[..., None] * rng.standard_normal((40, 21, 3)), axis=-1) for sigma in (relative, joints)
    )
    nothing = np.full(40, np.nan)
    return Record(
        *("made up", CUES, seed, True, np.ones(40, dtype=bool), np.zeros(40), raw, shared, focal, absolute, error),
        *(error.mean(axis=1), np.zeros((40, 21, 2)), np.ones((40, 21)), FrameFigures({}, nothing, nothing, nothing)),
    )
