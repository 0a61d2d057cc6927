"""One sentence of how deep a fitted hand's fingers pass into each other or into the palm, and in which frames.

found = look_for_contact(model, vertices_m, present)
sentence("right", found)    # 'right hand: the index passes 6.3 mm into the thumb in frame 265; more than 3 mm in ...'
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fitter.clip.slice import runs_of
from fitter.hand import HandModel
from fitter.hand.penetration import PART_NAMES, Parts, Penetration

# Looked at, evenly over the clip, at about 20 ms each.
MOST_FRAMES = 60
# Where fingers touch, flesh gives way so far, and a fit is no better: less is no fault.
NOTICED_MM = 3.0
MOST_RUNS = 4


@dataclass(frozen=True)
class Contact:
    """The frames that were looked at, ascending, and what was found in each."""

    frames: Int[np.ndarray, "looked"]
    found: Penetration

    @property
    def noticed(self) -> Bool[np.ndarray, "looked"]:
        return self.found.deepest_mm > NOTICED_MM


def look_for_contact(
    model: HandModel, vertices_m: Float[np.ndarray, "frames vertices 3"], present: Bool[np.ndarray, "frames"]
) -> Contact:
    """At most MOST_FRAMES of the frames with the hand, metres, of either side (a mirror changes no depth)."""
    frames = np.flatnonzero(present)
    if len(frames) > MOST_FRAMES:
        frames = frames[np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int))]
    return Contact(frames, Parts.of(model).within(np.asarray(vertices_m[frames], dtype=np.float64)))


def sentence(side: str, contact: Contact) -> str:
    """What was found, in words; frames count from 0."""
    looked = len(contact.frames)
    if looked == 0 or not contact.noticed.any():
        return f"{side} hand: no finger passes more than {NOTICED_MM:g} mm into another or the palm"
    worst = int(contact.found.deepest_mm.argmax())
    one, other = (PART_NAMES[part] for part in contact.found.parts[worst])
    runs = [contact.frames[run.start : run.stop] for run in runs_of(np.flatnonzero(contact.noticed))]
    named = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    places = ", ".join(named[:MOST_RUNS]) + (", ..." if len(named) > MOST_RUNS else "")
    return (
        f"{side} hand: the {one} passes {contact.found.deepest_mm[worst]:.1f} mm into the {other} in frame "
        f"{contact.frames[worst]}; more than {NOTICED_MM:g} mm in {contact.noticed.sum()} of {looked} frames looked at "
        f"({places})"
    )
