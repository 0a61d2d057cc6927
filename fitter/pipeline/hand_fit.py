"""What a fit of one hand is: its state, how sure it is, and how it explains each frame.

fit.state, fit.status, fit.posterior.joints_sigma_mm
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from fitter.render.appearance import Appearance
from fitter.scene import Scene
from fitter.solve.posterior import Posterior
from fitter.state import State
from fitter.synthesis.decided import Decided
from fitter.synthesis.report import PhotometricReport


@dataclass(frozen=True)
class FrameFigures:
    """How a fit explains each frame; NaN where a figure does not apply.

    energies          by term, without the terms that act once per clip
    reprojection_px   mean distance of the landmarks from the keypoints by confidence, undistorted pixels
    photometric       root mean robust square of the colours' residuals, in the photometric term's standard deviations
    overlap           intersection over union of mesh and mask, where a mask acts
    """

    energies: dict[str, Float[np.ndarray, "frames"]]
    reprojection_px: Float[np.ndarray, "frames"]
    photometric: Float[np.ndarray, "frames"]
    overlap: Float[np.ndarray, "frames"]


@dataclass(frozen=True)
class HandFit:
    """The fit of one right hand: `energies` and `initial_energies` by term, of the result and of the start it grew
    from. `frames` says how each frame is explained. `appearance`, `photometric` and `decided` are None where no pixels
    were compared.
    """

    scene: Scene
    status: str
    start: str
    energies: dict[str, float]
    initial_energies: dict[str, float]
    posterior: Posterior
    present: Bool[np.ndarray, "frames"]
    frames: FrameFigures
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)
    appearance: Appearance | None = None
    photometric: PhotometricReport | None = None
    decided: Decided | None = None

    @property
    def state(self) -> State:
        return self.scene.state
