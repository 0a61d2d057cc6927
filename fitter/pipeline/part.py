"""Some frames of a fit, fits of parts as one again, and the fit of a hand in frames that do not show it.

kept = part_of(fit, slice(10, 310))
fit = joined([kept, other])
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from fitter.pipeline.hand_fit import FrameFigures, HandFit
from fitter.solve.posterior import Posterior
from fitter.state import State

NOT_SEEN = "converged"  # there is nothing to fit
NO_START = "not seen"


def part_of(fit: HandFit, rows: slice) -> HandFit:
    """The fit of some of its frames; what it says of all of them together (energies, traces, PSNR) stays."""
    figures, posterior = fit.frames, fit.posterior
    windows, appearance = fit.scene.windows, fit.appearance
    worn = fit.scene.appearance
    return replace(
        fit,
        scene=replace(
            fit.scene,
            state=fit.state.at(rows),
            camera=fit.scene.camera.of_frames(rows),
            windows=windows and windows.at(rows),
            appearance=worn and worn.at(rows),
        ),
        posterior=replace(
            posterior,
            joints_sigma_mm=posterior.joints_sigma_mm[rows].copy(),
            relative_sigma_mm=posterior.relative_sigma_mm[rows].copy(),
        ),
        present=fit.present[rows].copy(),
        frames=FrameFigures(
            {term: energies[rows].copy() for term, energies in figures.energies.items()},
            figures.reprojection_px[rows].copy(),
            figures.photometric[rows].copy(),
            figures.overlap[rows].copy(),
        ),
        appearance=appearance and appearance.at(rows),
        photometric=fit.photometric and fit.photometric.at(rows),
    )


def last_state(state: State, frames: int) -> State:
    """The last frames of a state."""
    return state.at(slice(state.n_frames - frames, state.n_frames))


def joined(fits: Sequence[HandFit]) -> HandFit:
    """One hand's fits of consecutive parts of a clip as one. What each says of its frames together is the first's; of
    energies the sum, and of the status one sentence.
    """
    if len(fits) == 1:
        return fits[0]
    first, parts = fits[0], [fit.frames for fit in fits]
    states, posteriors = [fit.state for fit in fits], [fit.posterior for fit in fits]
    terms = dict.fromkeys(term for part in parts for term in part.energies)

    def energies_of(term: str) -> np.ndarray:
        nothing = [np.full(len(part.overlap), np.nan) for part in parts]
        return np.concatenate([part.energies.get(term, none) for part, none in zip(parts, nothing, strict=True)])

    gains = [fit.appearance.gain for fit in fits if fit.appearance is not None]
    state = replace(
        states[0],
        rotations=torch.cat([state.rotations for state in states]),
        trajectory=torch.cat([state.trajectory for state in states]),
    )
    return replace(
        first,
        scene=replace(first.scene, state=state, windows=None, appearance=None),
        status=combined_status([fit.status for fit in fits]),
        energies=summed([fit.energies for fit in fits]),
        initial_energies=summed([fit.initial_energies for fit in fits]),
        posterior=replace(
            first.posterior,
            joints_sigma_mm=np.concatenate([each.joints_sigma_mm for each in posteriors]),
            relative_sigma_mm=np.concatenate([each.relative_sigma_mm for each in posteriors]),
        ),
        present=np.concatenate([fit.present for fit in fits]),
        frames=FrameFigures(
            {term: energies_of(term) for term in terms},
            np.concatenate([part.reprojection_px for part in parts]),
            np.concatenate([part.photometric for part in parts]),
            np.concatenate([part.overlap for part in parts]),
        ),
        appearance=first.appearance and replace(first.appearance, gain=torch.cat(gains)),
    )


def summed(energies: Sequence[dict[str, float]]) -> dict[str, float]:
    terms = dict.fromkeys(term for each in energies for term in each)
    return {term: sum(each.get(term, 0.0) for each in energies) for term in terms}


def combined_status(statuses: Sequence[str]) -> str:
    """One sentence for all windows of a hand: `converged`, or what some of them ended by, and how many."""
    if len(set(statuses)) == 1:
        return statuses[0]
    n, troubles = len(statuses), dict.fromkeys(status for status in statuses if status != "converged")
    return "; ".join(f"{trouble} (in {statuses.count(trouble)} of {n} windows)" for trouble in troubles)


def absent_fit(person: HandFit, n_frames: int, before: HandFit | None) -> HandFit:
    """The fit of a hand that is not seen in `n_frames` frames: present in none, standing where it was last."""
    last = last_state((before or person).state, 1)
    state = replace(
        last,
        rotations=last.rotations.expand(n_frames, -1, -1, -1).clone(),
        trajectory=last.trajectory.expand(n_frames, -1).clone(),
    )
    unknown = np.full(n_frames, np.nan)
    appearance = person.appearance
    if appearance is not None:
        appearance = replace(appearance, gain=torch.ones_like(appearance.gain[:1]).expand(n_frames, -1).clone())
    return HandFit(
        scene=replace(person.scene, state=state, windows=None, appearance=None),
        status=NOT_SEEN,
        start=NO_START,
        energies={},
        initial_energies={},
        posterior=Posterior(np.full((n_frames, 21), np.nan), np.full((n_frames, 21), np.nan), np.nan, {}),
        present=np.zeros(n_frames, dtype=bool),
        frames=FrameFigures({}, unknown, unknown, unknown),
        appearance=appearance,
    )
