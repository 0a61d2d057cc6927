"""One hand of one clip, from its evidence and starts to its fit: run the schedule, judge, and say how sure it is.

fit = fit_hand(FitInput(model, landmarks, camera, evidence, starts), energy, schedule)
fit.state, fit.status, fit.posterior.joints_sigma_mm
"""

from dataclasses import replace

import numpy as np

from fitter.energy import Energy
from fitter.energy.keypoints import reprojections_px
from fitter.energy.photometric import Photometric
from fitter.pipeline.by_keypoints import OnStep, Reached, fit_keypoints
from fitter.pipeline.by_pixels import fit_pixels, shows_enough
from fitter.pipeline.fit_input import FitInput
from fitter.pipeline.hand_fit import FrameFigures, HandFit
from fitter.pipeline.presence import Presence, believed, in_view
from fitter.solve.posterior import estimate_posterior
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule
from fitter.solve.threads import one_thread
from fitter.synthesis.settings import Synthesis


def fit_hand(
    given: FitInput,
    energy: Energy,
    schedule: Schedule,
    presence: Presence | None = None,
    on_step: OnStep | None = None,
    synthesis: Synthesis | None = None,
) -> HandFit:
    """Fit one hand over all its frames; never worse than its start, which is returned, and said so, if it would be.

    Residuals and normal equations are computed on the device of `given`; the factorisation, the posterior and the
    result are the CPU's.
    """
    with one_thread():
        reached = fit_keypoints(given, energy, schedule, on_step)
        given = replace(given, evidence=reached.problem.evidence.to(given.evidence.time_s.device))
        if given.footage is not None and schedule.pixel_stages and shows_enough(given.evidence):
            reached = fit_pixels(given, reached, energy, schedule, synthesis or Synthesis(), on_step)
        return judged_fit(given, reached, schedule, presence or Presence())


def judged_fit(given: FitInput, reached: Reached, schedule: Schedule, presence: Presence) -> HandFit:
    """The fit that was reached, with how sure it is and how it explains each frame."""
    whole, here = reached.problem, given.to("cpu")
    scene = whole.at(reached.state)
    posterior = estimate_posterior(unheld(whole, given, schedule), reached.state)
    return HandFit(
        scene=replace(scene),  # without what was computed of it: pixels take much memory
        status=reached.status,
        start=reached.start,
        energies=whole.energies_by_term(reached.state),
        initial_energies=whole.energies_by_term(here.starts[0].state),
        posterior=posterior,
        present=believed(here.evidence, posterior, presence, in_view(scene)),
        frames=frame_figures(whole, reached),
        traces=reached.traces,
        appearance=reached.appearance,
        photometric=reached.photometric,
        decided=reached.decided,
    )


def unheld(problem: Problem, given: FitInput, schedule: Schedule) -> Problem:
    """The problem in which all moves that the clip as a whole would leave free: how sure a fit is does not grow with
    what was decided before.
    """
    if given.known is None:
        return problem
    return replace(problem, free=schedule.keypoint_stages[-1].free_names(given.camera.known), held=0)


def frame_figures(problem: Problem, reached: Reached) -> FrameFigures:
    """How the state that was reached explains each frame."""
    scene, evidence = problem.at(reached.state), problem.evidence
    energies = problem.frame_energies_of(scene)
    nothing = np.full(evidence.n_frames, np.nan)
    photometric = nothing
    term = problem.terms.get("photometric")
    if isinstance(term, Photometric):
        photometric = term.deviation(energies["photometric"], evidence)
    overlap = nothing if reached.photometric is None else reached.photometric.frame_iou
    return FrameFigures(energies, reprojections_px(scene, evidence).numpy(), photometric, overlap)
