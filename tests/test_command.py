"""Every outcome is an exit status and, if it failed, one sentence on stderr."""

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fitter.app.arguments import Request, parse_arguments
from fitter.app.command import run_command
from fitter.app.journal import keep_warnings
from fitter.errors import HandfitError, InputError, NoHandError


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (InputError("a.mp4: not a video"), 2, "handfit: a.mp4: not a video\n"),
        (NoHandError("a.mp4: no hand in 30 frames"), 3, "handfit: a.mp4: no hand in 30 frames\n"),
        (HandfitError("out/result.npz: the disk is full"), 1, "handfit: out/result.npz: the disk is full\n"),
        (HandfitError("two\nlines"), 1, "handfit: two lines\n"),
        (KeyboardInterrupt(), 130, "handfit: interrupted\n"),
        (MemoryError(), 1, "handfit: not enough memory; a shorter clip or smaller frames need less\n"),
        (KeyError("x"), 1, "handfit: KeyError: 'x' (a fault in handfit; --debug shows where)\n"),
    ],
)
def test_an_error_is_one_sentence_and_its_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, sentence: str
) -> None:
    assert run_command(parse_arguments, lambda request: _raise(error), ["demo"]) == status
    assert capsys.readouterr() == ("", sentence)


def test_a_wrong_command_line_is_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(parse_arguments, lambda request: None, ["demo", "--hnad", "left"]) == 2
    assert capsys.readouterr() == ("", "handfit: unknown option --hnad, did you mean --hand?\n")


def test_success_is_silent_and_zero(capsys: pytest.CaptureFixture[str]) -> None:
    requests: list[Request] = []
    assert run_command(parse_arguments, requests.append, ["demo", "--quiet"]) == 0
    assert [request.command.input for request in requests] == ["demo"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("words", "environment"), [(["demo", "--debug"], ""), (["demo"], "1")])
def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], environment: str
) -> None:
    monkeypatch.setenv("HANDFIT_DEBUG", environment)
    assert run_command(parse_arguments, lambda request: _raise(KeyError("x")), words) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_nothing_that_is_logged_or_raised_reaches_the_terminal_unescaped(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[2J\x85.mp4"

    def work(request: Request) -> None:
        with keep_warnings() as journal:
            logging.getLogger("fitter.clip.video").warning("%s is\tdamaged\nand odd", name)
        kept.extend(journal.warnings)
        raise ValueError(name)

    for words in (["demo", "--debug"], ["demo"]):
        kept: list[str] = []
        assert run_command(parse_arguments, work, words) == 1
        assert kept == ["a\\x1b[2J\\x85.mp4 is\\tdamaged\nand odd"]
        told = capsys.readouterr().err
        assert told.replace("\n", "").isprintable()
        assert ("is\\tdamaged" in told) == ("Traceback" in told) == ("--debug" in words)


def test_warnings_of_the_engine_are_kept_and_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[tuple[str, ...]] = []

    def work(request: Request) -> None:
        with keep_warnings() as journal:
            for _ in range(2):
                logging.getLogger("fitter.camera").warning("focal length assumed: %.0f px", 900)
            logging.getLogger("fitter.camera").info("detail")
            logging.getLogger("other").info("foreign")
        logging.getLogger("fitter.camera").warning("too late")
        kept.append(journal.warnings)

    assert run_command(parse_arguments, work, ["demo"]) == 0
    assert kept == [("focal length assumed: 900 px",)]
    assert capsys.readouterr() == ("", "")


_SLEEPER = """
import sys, time
from pathlib import Path
from fitter.app.arguments import parse_arguments
from fitter.app.command import run_command
from fitter.export.atomic import atomic_path

def work(request):
    with atomic_path(request.command.output_folder / "result.npz") as path:
        path.write_bytes(bytes(1000))
        print("writing", flush=True)
        time.sleep(60)

sys.exit(run_command(parse_arguments, work, sys.argv[1:]))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals, status: int) -> None:
    command = [sys.executable, "-c", _SLEEPER, "demo", "--output", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        began = time.monotonic()
        process.send_signal(number)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == status and time.monotonic() - began < 20
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_control_c_is_an_interruption_whatever_a_library_makes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    def work(request: None) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise InputError("weights cannot be read") from None  # as a compiled reader does

    before = signal.getsignal(signal.SIGINT)
    assert run_command(lambda words: None, work, []) == 130
    assert capsys.readouterr().err == "handfit: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_reader_that_has_gone_is_no_fault() -> None:
    script = (
        "import sys\nfrom fitter.app.arguments import parse_arguments\nfrom fitter.app.command import run_command\n"
        "def work(request):\n    for i in range(100000): print('line', i)\n"
        "sys.exit(run_command(parse_arguments, work, ['demo']))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
