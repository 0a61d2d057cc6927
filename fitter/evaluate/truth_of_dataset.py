"""A sequence of a published data set as the truth of a clip.

reader, sequence = find_sequence(Path("HO3D_v3/train/ABF10"))
truth = truth_of_sequence(reader, sequence)
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.evaluate.readers import LAYOUTS, AnnotatedHand, ImageSequence, Reader, open_dataset
from fitter.evaluate.truth import Truth

NAMES_SHOWN = 4


def find_sequence(path: Path) -> tuple[Reader, ImageSequence] | None:
    """The data set and its sequence of the path FOLDER/SEQUENCE; None where no folder on the way is a data set.

    Raises InputError where the data set is broken or has no such sequence.
    """
    for folder in path.parents:
        if folder.is_dir() and any(layout.n_signs(folder) for layout in LAYOUTS):
            reader, name = open_dataset(folder), path.relative_to(folder).as_posix()
            return reader, sequence_named(reader, name)
    return None


def sequence_named(reader: Reader, name: str) -> ImageSequence:
    """Raises InputError where the data set has no sequence of this name."""
    for sequence in reader.sequences:
        if sequence.name == name:
            return sequence
    shown = ", ".join(sequence.name for sequence in reader.sequences[:NAMES_SHOWN])
    more = f" and {len(reader.sequences) - NAMES_SHOWN} more" if len(reader.sequences) > NAMES_SHOWN else ""
    raise InputError(f"{reader.name} has no sequence {name}: expected one of {shown}{more}")


def truth_of_sequence(reader: Reader, sequence: ImageSequence) -> Truth:
    """All hands of a sequence in time; raises InputError for a pile of stills, whose hands are no one's clip."""
    if not sequence.in_time:
        raise InputError(f"{reader.name}, {sequence.name}: is a set of single images, expected a clip; use --dataset")
    return truth_of_hands([reader.hand(sequence, index) for index in range(sequence.length)], sequence.name)


def truth_of_hands(hands: Sequence[AnnotatedHand], name: str) -> Truth:
    """One hand in the images of a clip, at least one, in their order."""
    return Truth(
        name=name,
        side=hands[0].side,
        frames=np.array([hand.frame for hand in hands]),
        joints_m=np.stack([hand.joints_m for hand in hands]),
        keypoints_px=np.stack([hand.keypoints_px for hand in hands]),
        vertices_m=_where_known([hand.vertices_m for hand in hands]),
        palm_m=_where_known([hand.palm_m for hand in hands]),
    )


def _where_known(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Stacked, NaN where one is None; None where all are."""
    known = next((array for array in arrays if array is not None), None)
    if known is None:
        return None
    return np.stack([np.full(known.shape, np.nan) if array is None else array for array in arrays])
