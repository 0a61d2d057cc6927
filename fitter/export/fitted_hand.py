"""One hand of a clip: what was seen of it, and its fit."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from fitter.observe.observations import Observations, Side
from fitter.pipeline import HandFit


@dataclass(frozen=True)
class FittedHand:
    """What was seen of a hand, of either side, and its fit, which is always of a right hand."""

    seen: Observations
    fit: HandFit

    @property
    def side(self) -> Side:
        return self.seen.side

    @property
    def observed(self) -> Bool[np.ndarray, "frames"]:
        return self.seen.observed
