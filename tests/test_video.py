"""Videos are read back with the decoder; failures leave nothing behind and say one sentence."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fitter.errors import HandfitError, InputError
from fitter.export.video import VideoWriter

COLOURS = np.array([[200, 40, 40], [40, 180, 60], [50, 60, 210], [230, 190, 160]], dtype=np.uint8)


def bars(height: int, width: int, shift: int = 0) -> np.ndarray:
    """Four vertical bars of flat colour, each a quarter of the width."""
    columns = np.minimum(np.arange(width) * 4 // width, 3)
    return np.ascontiguousarray(np.broadcast_to(COLOURS[(columns + shift) % 4], (height, width, 3)))


def read(path: Path) -> tuple[list[np.ndarray], list[Fraction]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        times = [f.pts * f.time_base for f in frames if f.pts is not None and f.time_base is not None]
        return [f.to_ndarray(format="rgb24") for f in frames], times


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 12.5])
def test_frames_come_back_in_number_size_time_and_colour(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "bars.mp4"
    with VideoWriter(path, fps, (96, 64)) as video:
        for k in range(9):
            video.write(bars(64, 96, k))
    frames, times = read(path)
    assert len(frames) == 9 and all(frame.shape == (64, 96, 3) for frame in frames)
    assert np.allclose([float(t) for t in times], np.arange(9) / fps, atol=1e-4)
    for k, frame in enumerate(frames):
        for bar in range(4):
            seen = frame[20:44, bar * 24 + 6 : bar * 24 + 18].reshape(-1, 3).mean(0)
            assert np.abs(seen - COLOURS[(bar + k) % 4]).max() < 8  # 8-bit limited range and the encoder's own loss


def test_a_browser_can_play_it(tmp_path: Path) -> None:
    """H.264, 4:2:0, colours labelled, and the index before the pictures."""
    path = tmp_path / "bars.mp4"
    with VideoWriter(path, 30.0, (64, 64)) as video:
        video.write(bars(64, 64))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
    content = path.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")


def test_an_odd_size_is_padded_by_its_own_last_row_and_column(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4", 30.0, (63, 41)) as video:
        video.write(bars(41, 63))
    frame = read(tmp_path / "odd.mp4")[0][0]
    assert frame.shape == (42, 64, 3)
    assert np.abs(frame[10:, 63].mean(0) - COLOURS[3]).max() < 12


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "bars.mp4"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), VideoWriter(path, 30.0, (64, 64)) as video:
        video.write(bars(64, 64))
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["bars.mp4"] and path.read_bytes() == b"old"


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """The kernel refuses to write files beyond `limit` bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with file_size_limit(100_000), pytest.raises(HandfitError, match="full"):
        with VideoWriter(tmp_path / "noise.mp4", 30.0, (128, 128)) as video:
            for _ in range(60):
                video.write(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_at_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(HandfitError, match="full"), VideoWriter(tmp_path / "bars.mp4", 30.0, (64, 64)) as video:
        video.write(bars(64, 64))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("fps", "size", "frame", "message"),
    [
        (0.0, (64, 64), bars(64, 64), "frame rate 0.0"),
        (float("nan"), (64, 64), bars(64, 64), "frame rate nan"),
        (30.0, (0, 64), bars(64, 64), "frame size 0x64"),
        (30.0, (64, 64), bars(64, 32), "frame 0 is uint8"),
        (30.0, (64, 64), bars(64, 64).astype(np.float64), "frame 0 is float64"),
    ],
)
def test_impossible_input_is_named(
    tmp_path: Path, fps: float, size: tuple[int, int], frame: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message), VideoWriter(tmp_path / "bars.mp4", fps, size) as video:
        video.write(frame)
    assert os.listdir(tmp_path) == []


def test_no_frames_and_no_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame"), VideoWriter(tmp_path / "bars.mp4", 30.0, (64, 64)):
        pass
    assert os.listdir(tmp_path) == []
    with pytest.raises(InputError, match="folder"), VideoWriter(tmp_path / "missing" / "bars.mp4", 30.0, (64, 64)):
        pass
