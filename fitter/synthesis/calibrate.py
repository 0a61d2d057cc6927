"""How far colours may be off: what a clip's own pictures and rendering disagree by.

evidence = calibrated(evidence, scene, energy)          # the scene wears an appearance
"""

from dataclasses import replace

import numpy as np

from fitter.appearance.picture import rendered
from fitter.energy import Energy
from fitter.observe.evidence import Evidence
from fitter.scene import Scene

CALIBRATION_FRAMES = 20  # evenly over the clip: what colours disagree by is much the same in all
MEDIAN_OF_GAUSSIAN = 0.6745  # median absolute deviation of a unit Gaussian


def calibrated(evidence: Evidence, scene: Scene, energy: Energy) -> Evidence:
    """The evidence with its pictures' level raised where the clip's colours disagree by more than the photometric
    sigma.

    Real skin has gloss, cast shadows and blood that no albedo and light explain: taken for precise, such pixels would
    all be outliers. The spread is a robust one (median absolute residual) of the state that pixels begin from. A hand
    of fewer pixels than the reference span is filmed by fewer independent ones than its windows have: it counts less.
    """
    assert evidence.pictures is not None
    if energy.photometric is None:
        return evidence
    frames = np.unique(np.linspace(0, evidence.n_frames - 1, CALIBRATION_FRAMES).astype(int))
    light, covered = rendered(scene, frames)
    counted = covered & (evidence.pictures.weight[frames].cpu().numpy() > 0)
    if not counted.any():
        return evidence
    filmed = np.stack([evidence.pictures.linear(int(frame)).cpu().numpy() for frame in frames])
    spread = float(np.median(np.abs(filmed - light)[counted])) / MEDIAN_OF_GAUSSIAN
    factor = max(1.0, spread / (energy.photometric.sigma * float(evidence.pictures.level)))
    factor /= min(1.0, float(evidence.pixel_scale))
    return replace(evidence, pictures=replace(evidence.pictures, level=evidence.pictures.level * factor))
