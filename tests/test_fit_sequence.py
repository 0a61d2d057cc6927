"""The command as a user meets it: every unusable input is one sentence on stderr and its status, before any fit."""

import os
import pickle
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

import fit_sequence
from fitter.app.command import run_command

SIZE = (96, 64)
FRAMES = 6


def write_clip(path: Path, n_frames: int = FRAMES) -> Path:
    """A grey video without any hand."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(n_frames):
            picture = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_keypoints(path: Path, change: Callable[[dict[str, np.ndarray]], None] = lambda arrays: None) -> Path:
    """21 points in the middle of each frame, then changed."""
    rng = np.random.default_rng(0)
    arrays = {
        "keypoints_px": np.array(SIZE) / 2 + rng.uniform(-20, 20, (1, FRAMES, 21, 2)),
        "confidence": np.ones((1, FRAMES, 21)),
        "side": np.array(["right"]),
    }
    change(arrays)
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return path


def write_images(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    from PIL import Image

    folder.mkdir()
    for number, size in enumerate(sizes):
        Image.new("RGB", size, (128, 128, 128)).save(folder / f"{number:03d}.png")
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit status and the one line on stderr."""
    status = run_command(fit_sequence.fit_sequence, [*map(str, words), "--quiet"])
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("handfit: ")]
    assert len(lines) == 1 and "fault in handfit" not in lines[0], captured.err
    return status, lines[0].removeprefix("handfit: ")


def bad_input(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "input.mp4"
    match kind:
        case "absent":
            pass
        case "empty":
            path.touch()
        case "truncated":
            write_clip(path)
            path.write_bytes(path.read_bytes()[:400])
        case "audio":
            with wave.open(str(path), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(8000)
                sound.writeframes(bytes(16000))
        case "text":
            path.write_text("no video")
        case "folder without images":
            path.mkdir()
            (path / "notes.txt").write_text("")
        case "images of different sizes":
            write_images(path, [(64, 48), (32, 48)])
        case _:
            raise AssertionError(kind)
    return path


@pytest.mark.parametrize(
    "kind",
    ["absent", "empty", "truncated", "audio", "text", "folder without images", "images of different sizes"],
)
def test_an_input_that_is_no_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = bad_input(tmp_path, kind)
    status, sentence = run(capsys, path, "--output", tmp_path / "out")
    assert status == 2
    assert str(path) in sentence and "expected" in sentence
    assert not (tmp_path / "out" / "result.npz").exists()


def _nan(arrays: dict[str, np.ndarray]) -> None:
    arrays["confidence"][0, 0, 0] = np.nan


def _negative(arrays: dict[str, np.ndarray]) -> None:
    arrays["confidence"][0, 0, 0] = -0.5


def _twenty_joints(arrays: dict[str, np.ndarray]) -> None:
    arrays["keypoints_px"] = arrays["keypoints_px"][:, :, :20]


def _too_few_frames(arrays: dict[str, np.ndarray]) -> None:
    arrays["keypoints_px"] = arrays["keypoints_px"][:, :3]


@pytest.mark.parametrize("change", [_nan, _negative, _twenty_joints, _too_few_frames])
def test_keypoints_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    clip, keypoints = write_clip(tmp_path / "a.mp4"), write_keypoints(tmp_path / "bad.npz", change)
    status, sentence = run(capsys, clip, "--keypoints", keypoints, "--output", tmp_path / "out")
    assert status == 2
    assert "bad.npz" in sentence and "expected" in sentence


def _unseen(arrays: dict[str, np.ndarray]) -> None:
    arrays["confidence"][:] = 0


def _no_hands(arrays: dict[str, np.ndarray]) -> None:
    for name in arrays:
        arrays[name] = arrays[name][:0]


@pytest.mark.parametrize("change", [_unseen, _no_hands])
def test_no_hand_is_its_own_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    clip, keypoints = write_clip(tmp_path / "a.mp4"), write_keypoints(tmp_path / "none.npz", change)
    status, sentence = run(capsys, clip, "--keypoints", keypoints, "--output", tmp_path / "out")
    assert status == 3
    assert "hand" in sentence


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--intrinsics", "900,900,640,360"], "96x64"),  # those of 1280x720 frames
        (["--intrinsics", "900,900,48"], "expected FX,FY,CX,CY"),
        (["--hand-model", "absent/MANO_RIGHT.pkl"], "absent/MANO_RIGHT.pkl"),
        (["--keypoints", "absent.npz"], "absent.npz does not exist"),
        (["--config", "absent.yaml"], "absent.yaml: cannot be read (No such file or directory)"),
        (["--energy.keypoints.sigma-pxx", "3"], "energy.keypoints.sigma_pxx: unknown key, did you mean sigma_px?"),
        (["--energy.keypoints.sigma-px", "four"], "(pixels), got 'four'"),
    ],
)
def test_options_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    clip = write_clip(tmp_path / "a.mp4")
    status, sentence = run(capsys, clip, "--output", tmp_path / "out", *words)
    assert status == 2
    assert expected in sentence


class _Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.target),))


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, target = write_clip(tmp_path / "a.mp4"), tmp_path / "executed"
    mano = tmp_path / "MANO_RIGHT.pkl"
    mano.write_bytes(pickle.dumps(_Hostile(target), protocol=2))
    status, sentence = run(capsys, clip, "--hand-model", mano, "--output", tmp_path / "out")
    assert status == 2 and str(mano) in sentence
    assert not target.exists()


def test_an_output_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file is in the way")
    status, sentence = run(capsys, tmp_path / "absent.mp4", "--output", tmp_path / "out")
    assert status == 2
    assert sentence.startswith(f"{tmp_path / 'out'}: cannot be written")
