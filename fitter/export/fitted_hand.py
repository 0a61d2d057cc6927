"""What was seen of the hands of a clip, or of a window of it, and their fits."""

from collections.abc import Sequence
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
    """All hands of a clip in the frames from `first` on, as many as each hand has rows."""

    first: int
    hands: Sequence[FittedHand]
