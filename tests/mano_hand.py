"""A HandModel in MANO's numbers without MANO's file: loaded from the synthetic one, whose unwrapping goes to a cache of
its own.

model, file = synthetic_mano_hand(folder)
"""

from pathlib import Path

import pytest

from fitter.hand import HandModel
from fitter.hand.mano import load_mano
from tests.synthetic_mano import chumpy_content, synthetic_mano, write_python2_pickle


def synthetic_mano_hand(folder: Path) -> tuple[HandModel, Path]:
    """The model, and the file it was read from, in `folder`."""
    file = write_python2_pickle(folder / "MANO_RIGHT.pkl", chumpy_content(synthetic_mano("right")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return load_mano(file), file
