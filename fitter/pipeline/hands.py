"""The hands of a clip.

fits = fit_hands(inputs, energy, schedule)      # one HandFit per input
"""

from collections.abc import Sequence

from fitter.energy import Energy
from fitter.pipeline.by_keypoints import OnStep
from fitter.pipeline.fit_input import FitInput
from fitter.pipeline.hand_fit import HandFit
from fitter.pipeline.one_hand import fit_hand
from fitter.pipeline.presence import Presence
from fitter.pipeline.two_hands import fit_pair
from fitter.solve.schedule import Schedule
from fitter.synthesis.settings import Synthesis


def fit_hands(
    inputs: Sequence[FitInput],
    energy: Energy,
    schedule: Schedule,
    presence: Presence | None = None,
    on_step: OnStep | None = None,
    synthesis: Synthesis | None = None,
    same_person: bool = False,
) -> list[HandFit]:
    """Fit every hand of a clip as a right hand in frames of its own side; see `fit_hand`, and of two `fit_pair`.

    `same_person`: two hands have one shape.
    """
    if len(inputs) == 2:
        return fit_pair((inputs[0], inputs[1]), energy, schedule, presence, on_step, synthesis, same_person)
    return [fit_hand(given, energy, schedule, presence, on_step, synthesis) for given in inputs]
