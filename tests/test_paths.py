"""Paths as people and attackers have them: spaces, quotes, bytes that are no text, links, loops, pipes, own inputs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitter.app import evaluate_command, export_command, report_command, view_command
from fitter.app.claim import refuse_inputs
from fitter.app.options import Command
from fitter.clip import open_clip
from fitter.errors import InputError
from fitter.export.folder import open_result
from fitter.export.lock import LOCK_FILE
from tests.conftest import REPOSITORY
from tests.report_folder import write_folder
from tests.short_clip import ShortClip, run, write_video

# Legal in a name of a file on Linux, all of it; the second is no UTF-8, the last as long as a name may be.
NAMES = {
    "quotes and newlines": "-clip 'ä\"\n%05d {0} $(x);*?[a]\\ .mp4",
    "no text": os.fsdecode(b"cl\xff\xfeip.mp4"),
    "protocol": "concat:a|pipe:0.mp4",
    "emoji and case": "日本語 🖐️.MP4",
    "long": "x" * 251 + ".mp4",
}


@pytest.fixture(scope="module")
def clip(anny, tmp_path_factory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("name", NAMES)
def test_videos_of_every_name_are_read(tmp_path: Path, name: str):
    write_video(tmp_path / "plain.mp4", 3, (64, 48))
    (tmp_path / "plain.mp4").rename(tmp_path / NAMES[name])
    found = open_clip(tmp_path / NAMES[name])
    assert found.n_frames == 3 and sum(1 for _ in found.frames()) == 3


@pytest.mark.parametrize("name", ["quotes and newlines", "no text"])
def test_folders_of_every_name_are_fitted_and_read_again(clip: ShortClip, tmp_path: Path, monkeypatch, name: str):
    odd = tmp_path / "a b" / NAMES[name].removesuffix(".mp4")
    odd.mkdir(parents=True)
    video, keypoints = odd / NAMES[name], odd / "key points.npz"
    video.write_bytes(clip.video.read_bytes())
    keypoints.write_bytes(clip.keypoints.read_bytes())
    output = odd / "out -- put"
    assert run(clip.words(output, video=video, keypoints=keypoints)) == 0
    folder = open_result(output)
    assert folder.run is not None
    if name == "no text":
        assert "cl\\udcff\\udcfeip" in folder.run.input_path
    else:
        assert open_clip(Path(folder.run.input_path)).n_frames == folder.result.present.shape[1]
    assert not (output / LOCK_FILE).exists()

    def called(main: Callable[[], int], *words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["command", *(str(word) for word in words)])
        return main()

    assert called(report_command.main, output) == 0 and (output / "report.html").exists()
    if name != "no text":  # labels want the video's frames
        assert called(export_command.main, output, "--format", "npz", "--output", odd / "la bels", "--quiet") == 0
    assert called(evaluate_command.main, output, "--output", odd / "scores", "--quiet") == 0


def test_a_name_with_a_leading_dash_stands_behind_two(clip: ShortClip, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["--output", "-out", "--", "-missing.mp4"]) == 2
    assert "-missing.mp4 does not exist" in capsys.readouterr().err
    assert run(["-missing.mp4"]) == 2 and "unknown option" in capsys.readouterr().err
    assert run(["a.mp4", "--", "-b.mp4"]) == 2 and "expected one INPUT only" in capsys.readouterr().err


def refused(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_links_are_followed_and_broken_ones_refused(clip: ShortClip, tmp_path: Path, capsys):
    (tmp_path / "link.mp4").symlink_to(clip.video)
    assert open_clip(tmp_path / "link.mp4").n_frames == 12
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    out = tmp_path / "out"
    assert "does not exist" in refused(clip.words(out, video=tmp_path / "dangling.mp4"), capsys)
    assert "cannot be opened (Too many levels" in refused(clip.words(out, video=tmp_path / "loop.mp4"), capsys)
    for output in (tmp_path / "loop", tmp_path / "nowhere", clip.video, clip.video / "below"):
        assert "choose another output folder" in refused(clip.words(output), capsys)
    assert not out.exists()
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    words = ["--masks", str(tmp_path / "loop"), *clip.words(tmp_path / "linked")]
    assert "loop" in refused(words, capsys)


def test_names_that_are_too_long_are_one_sentence(clip: ShortClip, tmp_path: Path, capsys):
    long = tmp_path / ("y" * 300)
    assert "File name too long" in refused(clip.words(tmp_path / "out", video=long), capsys)
    assert "File name too long" in refused(clip.words(long), capsys)
    for option in ("--masks", "--depth", "--joints", "--vertices", "--initial", "--config", "--hand-model"):
        words = clip.words(tmp_path / "out", option, str(long))
        assert str(long) in refused(words, capsys), option
    assert str(long) in refused(clip.words(tmp_path / "out", keypoints=long), capsys)
    result = write_folder(tmp_path / "result", hands=1).path
    words = [str(result), "--format", "npz", "--output", str(tmp_path / ("z" * 300)), "--quiet"]
    assert export_command.main(words) == 2
    assert "file name too long" in capsys.readouterr().err


def images(folder: Path) -> Path:
    folder.mkdir()
    for index in range(3):
        assert cv2.imwrite(str(folder / f"{index}.png"), np.full((48, 64, 3), index, np.uint8))
    return folder


def test_the_folder_of_an_input_is_no_output(clip: ShortClip, tmp_path: Path, capsys):
    folder = images(tmp_path / "images")
    (tmp_path / "linked").symlink_to(folder)
    before = sorted(folder.iterdir())
    for output in (folder, tmp_path / "linked", folder / ".." / "images"):
        assert "holds the files of INPUT" in refused([str(folder), "--output", str(output), "--quiet"], capsys)
    assert sorted(folder.iterdir()) == before
    video = str(clip.video)
    commands = (Command(video, keypoints=folder), Command(video, masks=folder), Command(video, depth=folder))
    for command, option in zip(commands, ("keypoints", "masks", "depth"), strict=True):
        with pytest.raises(InputError, match=f"holds the files of --{option}"):
            refuse_inputs(command, folder)
    refuse_inputs(Command(input=str(folder)), folder / "inside")  # which is not read with the images
    refuse_inputs(Command(input=str(clip.video)), clip.video.parent)
    overlay = tmp_path / "overlay.mp4"
    overlay.write_bytes(clip.video.read_bytes())
    assert "would be replaced by the result" in refused(clip.words(tmp_path, video=overlay), capsys)
    assert overlay.read_bytes() == clip.video.read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_refused(clip: ShortClip, tmp_path: Path, capsys):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "choose another output folder" in refused(clip.words(tmp_path / "closed"), capsys)


def test_pipes_and_sockets_among_the_inputs_do_not_stop_the_fit(clip: ShortClip, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # a socket's path has few characters
    os.mkfifo("pipe")
    os.mkfifo("pipe.npz")
    os.mkfifo("pipe.json")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        signal.alarm(60)
        for path in ("pipe", "socket"):
            assert "neither a file nor a folder" in refused(clip.words(Path("out"), video=Path(path)), capsys)
    for path in ("pipe.npz", "pipe.json"):
        assert path in refused(clip.words(Path("out"), keypoints=Path(path)), capsys)
    for option in ("--joints", "--vertices", "--initial", "--config", "--hand-model"):
        assert "pipe.npz" in refused(clip.words(Path("out"), option, "pipe.npz"), capsys), option
    folder = images(tmp_path / "images")
    os.mkfifo(folder / "9.png")
    assert "9.png" in refused([str(folder), "--output", "out", "--quiet"], capsys)
    signal.alarm(0)


def test_two_fits_into_one_folder_refuse_each_other(clip: ShortClip, tmp_path: Path):
    out = tmp_path / "out"
    program = [sys.executable, str(REPOSITORY / "fit_sequence.py")]
    both = [subprocess.Popen([*program, *clip.words(out)], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    if codes != [0, 0]:  # the second one may have begun when the first had ended
        assert sorted(codes) == [0, 2], said
        loser, winner = codes.index(2), codes.index(0)
        assert f"process {both[winner].pid} on {socket.gethostname()} is writing here" in said[loser]
    assert open_result(out).run is not None and not (out / LOCK_FILE).exists()


def test_the_viewer_refuses_what_is_no_result(tmp_path: Path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "loop", tmp_path / os.fsdecode(b"\xff"), tmp_path / ("x" * 300)):
        assert view_command.main([str(path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
