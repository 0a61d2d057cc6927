"""`python -m fitter.view`: a window or films, one sentence for what was done and for what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fitter.app import view_command
from fitter.app.view_command import canvas_of, main, parse_size
from fitter.clip import open_clip
from fitter.errors import InputError
from fitter.visualize.viewer import film
from fitter.visualize.viewer.film import PLAY_VIDEO, TURN_SHEET, TURN_VIDEO, TURN_VIEWS
from fitter.visualize.viewer.opengl import NoOpenGL
from tests.viewed_result import FRAMES, write_result

REPOSITORY = Path(__file__).parents[1]
SMALL = ("--size", "320x320")


@pytest.fixture
def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture
def by_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where Open3D cannot draw; with a coarser turn, to be done sooner."""
    monkeypatch.setattr(film, "TURN_VIEWS", film.SHEET_VIEWS)
    monkeypatch.setattr(view_command, "off_screen_problem", lambda: "Open3D cannot draw here")


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("handfit: ")]


def test_without_a_display_films_are_written_and_said(tmp_path: Path) -> None:
    """The command as it is typed, on whatever can draw here."""
    folder = write_result(tmp_path / "result")
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    ended = subprocess.run(
        [sys.executable, "-m", "fitter.view", str(folder), *SMALL],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=REPOSITORY,
        env=kept,
    )
    assert ended.returncode == 0, ended.stderr
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith(
        "handfit: there is no display: turntable.mp4, turntable.png and playback.mp4 were drawn by"
    )
    assert sentence.endswith(str(folder / "view"))
    play = open_clip(folder / "view" / PLAY_VIDEO)
    assert play.n_frames == FRAMES and open_clip(folder / "view" / TURN_VIDEO).n_frames == TURN_VIEWS
    assert min(frame[:250].std() for frame in play.frames()) > 8
    assert (folder / "view" / TURN_SHEET).is_file()


@pytest.mark.usefixtures("headless", "by_cpu")
def test_films_go_where_they_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, films = write_result(tmp_path / "result"), tmp_path / "new" / "films"
    words = [str(folder), "--output", str(films), *SMALL, "--colour", "texture", "--frame", "3"]
    assert main(words) == 0
    assert said(capsys) == [
        "handfit: as --output asks for files: turntable.mp4, turntable.png and playback.mp4 were drawn by the CPU "
        f"and are in {films}"
    ]
    assert sorted(file.name for file in films.iterdir()) == sorted([PLAY_VIDEO, TURN_SHEET, TURN_VIDEO])
    assert not (folder / "view").exists()


@pytest.mark.usefixtures("headless", "by_cpu")
def test_a_missing_video_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_result(tmp_path / "result")
    (tmp_path / "clip.mp4").rename(tmp_path / "moved.mp4")
    assert main([str(folder), *SMALL]) == 0
    warning, done = said(capsys)
    assert "name it with --video" in warning and warning.endswith("(the clip's images are left out)")
    assert "there is no display" in done
    without = [frame for frame in open_clip(folder / "view" / PLAY_VIDEO).frames()]
    assert main([str(folder), *SMALL, "--video", str(tmp_path / "moved.mp4")]) == 0
    assert len(said(capsys)) == 1
    with_images = open_clip(folder / "view" / PLAY_VIDEO).still(FRAMES - 1)
    assert np.abs(with_images.astype(int) - without[-1]).mean() > 10


@pytest.mark.usefixtures("by_cpu")
def test_a_window_that_fails_becomes_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_result(tmp_path / "result", textured=False)

    def broken(size: tuple[int, int], title: str) -> None:
        raise NoOpenGL("Open3D could not open a window")

    monkeypatch.setattr(view_command, "display_problem", lambda: None)
    monkeypatch.setattr(view_command, "open_window", broken)
    assert main([str(folder), *SMALL]) == 0
    assert "Open3D could not open a window: turntable.mp4" in said(capsys)[0]


def test_a_context_that_fails_after_all_leaves_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(size: tuple[int, int]) -> None:
        raise NoOpenGL("Open3D could not make an off-screen context")

    monkeypatch.setattr(view_command, "off_screen_problem", lambda: None)
    monkeypatch.setattr(view_command, "open_off_screen", broken)
    with canvas_of((40, 30)) as canvas:
        assert (canvas.name, canvas.size) == ("the CPU", (40, 30))


@pytest.mark.usefixtures("headless", "by_cpu")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "RESULT is missing"),
        (["{folder}", "--frame", "99"], "--frame 99: {folder} has frames 0 to 11"),
        (["{folder}", "--frame", "-1"], "--frame"),
        (["{folder}", "--size", "big"], "--size big: expected WIDTHxHEIGHT in pixels, such as 1280x720"),
        (["{folder}", "--size", "9x9"], "--size 9x9: expected sides of 320 to 4096 pixels"),
        (["{folder}", "--colour", "blue"], "--colour"),
        (["{folder}", "--color", "plain"], "did you mean --colour"),
        (["{folder}", "--colour", "texture"], "has no texture, it was fitted without pixels"),
        (["{folder}/nowhere"], "no such folder"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_result(tmp_path / "result", textured=False))
    assert main([word.format(folder=folder) for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence.format(folder=folder) in line


@pytest.mark.usefixtures("headless", "by_cpu")
def test_damaged_results_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_result(tmp_path / "result")
    whole = (folder / "result.npz").read_bytes()
    (folder / "result.npz").write_bytes(whole[: len(whole) // 2])
    assert main([str(folder)]) == 2
    assert said(capsys)[0].startswith(f"handfit: {folder / 'result.npz'}: damaged")
    with np.load(_restored(folder, whole)) as loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    np.savez(folder / "result.npz", **{**arrays, "format_version": np.array(1)})
    assert main([str(folder)]) == 2
    (line,) = said(capsys)
    assert "format_version is 1" in line and "fit again" in line
    (folder / "result.npz").write_bytes(whole)
    (folder / "texture_left.png").write_bytes(b"no picture")
    assert main([str(folder)]) == 2
    assert "texture_left.png: damaged" in said(capsys)[0]
    assert not (folder / "view").exists()


def _restored(folder: Path, content: bytes) -> Path:
    (folder / "result.npz").write_bytes(content)
    return folder / "result.npz"


def test_the_help_lists_options_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("--colour", "--video", "Space", "Page Down or Shift+Right", "play or pause"))


def test_sizes() -> None:
    assert parse_size(None) is None and parse_size("1280x800") == (1280, 800) == parse_size("1280X800")
    for text in ("1280", "x", "-5x400", "1280x", "99999x99999"):
        with pytest.raises(InputError, match="--size"):
            parse_size(text)
