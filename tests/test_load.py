"""The chooser: a name or a path."""

import sys
from types import ModuleType

import pytest

from fitter.errors import InputError
from fitter.hand.load import load_hand_model
from tests.synthetic_mano import synthetic_mano, write_plain_pickle


def test_a_path_is_mano(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    write_plain_pickle(tmp_path / "MANO_RIGHT.pkl", synthetic_mano("right"))
    assert load_hand_model(str(tmp_path)).name == "mano"
    assert load_hand_model("~/MANO_RIGHT.pkl").name == "mano"


def test_anny_is_loaded_by_its_own_loader(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stand_in = ModuleType("fitter.hand.anny")
    marker = load_hand_model(str(write_plain_pickle(tmp_path / "MANO_RIGHT.pkl", synthetic_mano("right"))))
    monkeypatch.setattr(stand_in, "load_anny", lambda: marker, raising=False)
    monkeypatch.setitem(sys.modules, "fitter.hand.anny", stand_in)
    assert load_hand_model("anny") is marker


def test_neither_name_nor_path(tmp_path):
    with pytest.raises(InputError, match="any: is neither the hand model 'anny' nor an existing path; expected MANO"):
        load_hand_model("any")
    with pytest.raises(InputError, match="has no MANO_RIGHT.pkl"):
        load_hand_model(str(tmp_path))
