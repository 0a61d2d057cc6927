"""Whether pixels are believed: is the clip better explained after them than before?

reason = what_got_worse(before, after, evidence, energy, settings)
"""

import logging

import torch

from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.synthesis.settings import Synthesis

log = logging.getLogger(__name__)


def what_got_worse(before: Scene, after: Scene, evidence: Evidence, energy: Energy, settings: Synthesis) -> str | None:
    """None, or what is worse after than before: the pixels' energy, each with an appearance of its own, or the
    keypoints beyond what may be given for it.
    """
    with torch.no_grad():
        energies = [surface_energy(each, evidence, energy) for each in (before, after)]
        errors = [reprojection_px(each, evidence) for each in (before, after)]
    log.info("pixel energy %.1f -> %.1f, reprojection %.2f -> %.2f px", *energies, *errors)
    if not energies[1] <= energies[0]:
        return f"their energy rose from {energies[0]:.0f} to {energies[1]:.0f}"
    sigma_px = 0.0 if energy.keypoints is None else energy.keypoints.sigma_px * float(evidence.pixel_scale)
    if not errors[1] <= max(errors[0], settings.max_reprojection_sigmas * sigma_px):
        return f"reprojection rose from {errors[0]:.1f} to {errors[1]:.1f} px"
    return None


def surface_energy(scene: Scene, evidence: Evidence, energy: Energy) -> float:
    """Energy of the terms that compare the surface, summed over the clip: means per pixel, so that states compare."""
    terms = [term for term in energy.terms(evidence).values() if isinstance(term, SurfaceTerm)]
    return sum(float(term_energy(term, scene, evidence)) for term in terms)


def reprojection_px(scene: Scene, evidence: Evidence) -> float:
    """Mean distance of the landmarks from the keypoints, weighted by confidence, undistorted pixels."""
    distance = (scene.keypoints - evidence.keypoints_px).norm(dim=-1)
    return float((distance * evidence.confidence).sum() / evidence.confidence.sum().clamp_min(1e-12))
