"""The sentences that users read."""

import pickle

import pytest

from fitter.errors import HandfitError, InputError, NoHandError


@pytest.mark.parametrize("kind", [HandfitError, InputError, NoHandError])
def test_a_sentence_carries_no_control_characters_of_the_file_it_quotes(kind) -> None:
    error = kind("a\x1b[2Jb\x01 in 'naïve ✋.txt', line 1\n\udc80 is no number")
    assert str(error) == "a\\x1b[2Jb\\x01 in 'naïve ✋.txt', line 1\n\\udc80 is no number"


def test_an_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(InputError("a\tb")))
    assert str(error) == "a\\tb" and error.exit_status == 2
