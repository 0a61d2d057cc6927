"""What native code prints while muted goes to the debug log, and nothing else changes."""

import logging
import os

import pytest

from fitter.observe.native_log import native_log_muted


def test_native_text_goes_to_the_debug_log(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        with native_log_muted():
            os.write(2, b"chatter of a library\n")
        os.write(2, b"a real message\n")
    assert capfd.readouterr().err == "a real message\n"
    assert "chatter of a library" in caplog.text


def test_errors_pass_and_the_terminal_comes_back(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(ValueError, match="ours"), native_log_muted():
        raise ValueError("ours")
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"
