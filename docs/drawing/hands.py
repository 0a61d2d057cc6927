"""The hands in the pictures: the default model, at rest or with joints bent.

hand = posed_hand({"index1": (0, 0, 1.0)})          # rotation vectors in rest axes, radians, by the rotation's name
"""

from collections.abc import Mapping

import numpy as np
import torch

from docs.drawing.sheet import Placed
from fitter import rotation
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.skeleton import ROTATION_NAMES


def model_of_pictures() -> HandModel:
    """The default hand, in double precision."""
    return load_anny().to(dtype=torch.float64)


def posed_hand(model: HandModel, turns: Mapping[str, tuple[float, float, float]] | None = None) -> Placed:
    """A right hand of mean shape in its rest axes, some joints turned from the flat hand."""
    axis_angle = torch.zeros(1, 16, 3, dtype=torch.float64)
    for name, turn in (turns or {}).items():
        axis_angle[0, ROTATION_NAMES.index(name)] = torch.tensor(turn, dtype=torch.float64)
    shaped = model.with_shape(torch.zeros(model.n_betas, dtype=torch.float64))
    posed = shaped.with_pose(rotation.exp(axis_angle), torch.zeros(1, 3, dtype=torch.float64))
    return Placed(posed.mesh().vertices[0].numpy(), posed.joints[0].numpy(), np.asarray(model.faces))
