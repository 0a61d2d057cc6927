"""One hand of a clip, or of a part of it: what was seen of it, and its fit.

for window in optimise(...): window.first, window.hands            # a short clip is one window
"""

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


@dataclass(frozen=True)
class FittedWindow:
    """All hands in the same frames of a clip, which begin with its frame `first`.

    A clip's windows come in order, without a gap and without a frame twice; each has all of the clip's hands.
    """

    first: int
    hands: list[FittedHand]

    @property
    def n_frames(self) -> int:
        return len(self.hands[0].seen.time_s)
