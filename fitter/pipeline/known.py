"""What is decided of a hand before a part of its clip is fitted: its shape and looks, and where the part begins.

state = adapted(state, Known(betas, log_focal, appearance, decided, held), model)
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.render.appearance import Appearance
from fitter.state import State, at_focal
from fitter.synthesis.decided import Decided


@dataclass(frozen=True)
class Known:
    """Shape, focal length, appearance and how pixels are read (None: none were compared) of a hand, from all of its
    clip.

    `held` are the first frames' states, in which the part before ended; they stay, so that smoothness acts over the
    join. None where nothing is before it.
    """

    betas: Float[Tensor, "betas"]
    log_focal: Float[Tensor, ""]
    appearance: Appearance | None = None
    decided: Decided | None = None
    held: State | None = None

    @property
    def n_held(self) -> int:
        return 0 if self.held is None else self.held.n_frames


def adapted(state: State, known: Known, model: HandModel) -> State:
    """The state with the known shape and focal length, at the distance at which it looks as large, held frames as they
    are.
    """
    longer = (model.hand_length(known.betas) / model.hand_length(state.betas)).log()
    seen = at_focal(state, known.log_focal)
    farther = seen.trajectory + longer * seen.trajectory.new_tensor([0.0, 0.0, 1.0])
    return holding(replace(seen, trajectory=farther, betas=known.betas), known)


def holding(state: State, known: Known) -> State:
    """The state with the held frames as they are held."""
    if known.held is None:
        return state
    held = known.held.to(device=state.trajectory.device)
    return replace(
        state,
        rotations=torch.cat([held.rotations, state.rotations[known.n_held :]]),
        trajectory=torch.cat([held.trajectory, state.trajectory[known.n_held :]]),
    )
