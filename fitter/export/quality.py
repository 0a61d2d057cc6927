"""How good each frame of a fit is, by the fit's own judgement: 1 is as good as it gets, 0 says nothing.

quality = frame_quality(diagnostics)                     # (hands, frames), 0..1
"""

import numpy as np
from jaxtyping import Float32

from fitter.export.diagnostics import Diagnostics

SCALE_MM = 10.0  # a frame as uncertain as a finger is thick has a quality of 1 / e


def frame_quality(diagnostics: Diagnostics) -> Float32[np.ndarray, "hands frames"]:
    """Falls exponentially with the root mean square of the joints' sigmas, size and focal length given."""
    sigma_mm = np.sqrt(np.square(diagnostics.relative_sigma_mm, dtype=np.float64).mean(axis=-1))
    return np.exp(-sigma_mm / SCALE_MM).astype(np.float32)
