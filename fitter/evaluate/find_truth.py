"""Whatever a path names, as truth: annotations in JSON, the truth that the demo keeps, a sequence of a data set.

for truth in read_truth(Path("annotations.json"), frames=(65, 108)):
    truth.joints_m, truth.side                          # (44, 21, 3), 'left'
"""

from pathlib import Path

from fitter.errors import InputError
from fitter.evaluate.truth import Truth
from fitter.evaluate.truth_files import read_annotations, read_synthetic_truth
from fitter.evaluate.truth_of_dataset import find_sequence, truth_of_sequence

WANTED = (
    "expected annotations in JSON (realhand-v1), a truth.npz of the demo, or a sequence of a data set (FOLDER/NAME)"
)


def read_truth(path: Path, frames: tuple[int, int] | None = None) -> tuple[Truth, ...]:
    """The truth in `path`, one per hand that is annotated there, of the frames numbered `frames` (first, last) only.

    Raises InputError for what is no truth, and for frames that it has not.
    """
    if path.suffix == ".npz":
        truths = (read_synthetic_truth(path),)
    elif path.suffix == ".json":
        truths = read_annotations(path)
    elif found := find_sequence(path):
        truths = (truth_of_sequence(*found),)
    else:
        raise InputError(f"{path}: {'unknown kind of truth' if path.exists() else 'does not exist'}, {WANTED}")
    return truths if frames is None else tuple(truth.between(*frames) for truth in truths)
