"""Cached detections: used again for the same pixels and settings only, never half written, never trusted blindly."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from fitter.clip import Clip
from fitter.clip.video import VideoClip
from fitter.observe import cache
from fitter.observe.cache import BLOCK_BYTES, FILE_NAME, cached_detections, content_hash
from fitter.observe.observations import Detection
from fitter.observe.source import OnFrame
from tests.moving_hands import blank_clip, seen_at

N_FRAMES = 4


@dataclass(frozen=True)
class Counting:
    """A source that knows its answer and counts how often it is asked."""

    calls: list[str] = field(default_factory=list)
    settings: str = "a"
    name: str = "counting"

    @property
    def fingerprint(self) -> str:
        return self.settings

    def detect(self, clip: Clip, on_frame: OnFrame | None = None) -> list[list[Detection]]:
        self.calls.append(self.settings)
        return [[], [seen_at(100, 200)], [seen_at(90, 200, "left"), seen_at(300, 200, None, cues=False)], []]


@pytest.fixture
def clip(tmp_path: Path) -> VideoClip:
    (tmp_path / "clip.mp4").write_bytes(b"pixels" * 1000)
    return replace(blank_clip(N_FRAMES), path=tmp_path / "clip.mp4")


def assert_same(frames: Sequence[list[Detection]], others: Sequence[list[Detection]]) -> None:
    assert [len(found) for found in frames] == [len(found) for found in others]
    for found, other in zip(frames, others, strict=True):
        for hand, twin in zip(found, other, strict=True):
            assert (hand.side, hand.side_score) == (twin.side, twin.side_score)
            for name in ("keypoints_px", "confidence", "depth_px", "landmarks_m"):
                value, same = getattr(hand, name), getattr(twin, name)
                assert (value is None) == (same is None)
                np.testing.assert_array_equal(value, same)


def test_the_second_fit_does_not_detect(tmp_path: Path, clip: VideoClip):
    source = Counting()
    first = cached_detections(tmp_path / "out", source, clip)
    second = cached_detections(tmp_path / "out", source, clip)
    assert source.calls == ["a"]
    assert_same(first, source.detect(clip))
    assert_same(second, first)
    assert os.listdir(tmp_path / "out") == [FILE_NAME]


def test_other_settings_or_pixels_detect_again(tmp_path: Path, clip: VideoClip):
    source = Counting()
    cached_detections(tmp_path, source, clip)
    cached_detections(tmp_path, replace(source, settings="b"), clip)
    assert source.calls == ["a", "b"]
    clip.path.write_bytes(b"Pixels" + b"pixels" * 999)
    cached_detections(tmp_path, replace(source, settings="b"), clip)
    assert source.calls == ["a", "b", "b"]
    moved = replace(clip, path=clip.path.rename(tmp_path / "moved.mp4"))
    cached_detections(tmp_path, replace(source, settings="b"), moved)
    assert source.calls == ["a", "b", "b"]


def test_no_hands_are_cached_too(tmp_path: Path, clip: VideoClip, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Counting, "detect", lambda self, clip, on_frame: [[] for _ in range(N_FRAMES)])
    assert list(cached_detections(tmp_path, Counting(), clip)) == [[]] * N_FRAMES
    monkeypatch.setattr(Counting, "detect", lambda self, clip, on_frame: pytest.fail("detected again"))
    assert list(cached_detections(tmp_path, Counting(), clip)) == [[]] * N_FRAMES


@pytest.mark.parametrize("damage", ["text", "half", "flip", "foreign", "nan", "frame"])
def test_a_damaged_file_is_ignored_and_replaced(
    tmp_path: Path, clip: VideoClip, damage: str, caplog: pytest.LogCaptureFixture
):
    source, path = Counting(), tmp_path / FILE_NAME
    first = cached_detections(tmp_path, source, clip)
    content = path.read_bytes()
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    if damage == "nan":
        arrays["confidence"][0, 0] = np.nan
        np.savez(path, **arrays)
    elif damage == "frame":
        np.savez(path, **{**arrays, "frame": np.array([0, 1, 99])})
    elif damage == "foreign":
        np.savez(path, something=np.zeros(3))
    else:
        half = len(content) // 2
        flipped = content[:half] + bytes([content[half] ^ 255]) + content[half + 1 :]
        path.write_bytes({"text": b"no archive", "half": content[:half], "flip": flipped}[damage])
    with caplog.at_level(logging.WARNING):
        again = cached_detections(tmp_path, source, clip)
    assert source.calls == ["a", "a"] and f"{FILE_NAME} is damaged" in caplog.text
    assert_same(again, first)
    cached_detections(tmp_path, source, clip)
    assert source.calls == ["a", "a"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, clip: VideoClip, monkeypatch: pytest.MonkeyPatch):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np.lib.format, "write_array", full)
    frames = cached_detections(tmp_path / "out", Counting(), clip)
    assert_same(frames, Counting().detect(clip))
    assert os.listdir(tmp_path / "out") == []


def test_a_folder_that_is_a_file_costs_a_warning(tmp_path: Path, clip: VideoClip, caplog: pytest.LogCaptureFixture):
    (tmp_path / "out").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert len(cached_detections(tmp_path / "out", Counting(), clip)) == N_FRAMES
    assert "detections are not kept" in caplog.text


def test_hash_sees_head_tail_and_size(tmp_path: Path):
    content = np.random.default_rng(0).integers(0, 256, 100 * BLOCK_BYTES, dtype=np.uint8).tobytes()
    changed = {
        "same": content,
        "head": b"x" + content[1:],
        "tail": content[:-1] + bytes([content[-1] ^ 1]),
        "longer": content + b"x",
        "middle": content[: len(content) // 2]
        + bytes(2 * BLOCK_BYTES)
        + content[len(content) // 2 + 2 * BLOCK_BYTES :],
    }
    hashes = {}
    for name, data in changed.items():
        (tmp_path / name).write_bytes(data)
        hashes[name] = content_hash([tmp_path / name])
    (tmp_path / "copy").write_bytes(content)
    assert content_hash([tmp_path / "copy"]) == hashes["same"]
    assert len(set(hashes.values())) == len(hashes)
    (tmp_path / "empty").touch()
    assert content_hash([tmp_path / "empty"]) != content_hash([])
