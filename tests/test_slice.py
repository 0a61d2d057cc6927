"""Parts of clips: the same frames, times and cues as the whole has there, and only they are read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fitter.clip import open_clip
from fitter.clip.array import clip_of_frames
from fitter.clip.clip import Clip, Frame
from fitter.clip.slice import ClipSlice, frames_between, runs_of
from tests.test_clip import pictures, write_video

CHOSEN = np.array([3, 4, 5, 17, 18, 30])


@pytest.fixture
def film(tmp_path: Path) -> Clip:
    """40 frames with key frames 12 apart and frames between that lean on later ones."""
    write_video(tmp_path / "clip.mp4", pictures(31, 64, 48) + pictures(9, 64, 48), options={"movflags": "faststart"})
    return open_clip(tmp_path / "clip.mp4")


def test_runs() -> None:
    assert runs_of(CHOSEN) == [range(3, 6), range(17, 19), range(30, 31)]
    assert runs_of(np.arange(0)) == []


def test_a_part_has_the_frames_of_the_whole(film: Clip) -> None:
    every = list(film.frames())
    part = ClipSlice(film, CHOSEN)
    assert isinstance(part, Clip) and part.n_frames == 6 and part.files == ()
    np.testing.assert_array_equal(part.time_s, film.time_s[CHOSEN])
    for frame, index in zip(part.frames(), CHOSEN, strict=True):
        np.testing.assert_array_equal(frame, every[index])
    np.testing.assert_array_equal(part.still(3), every[17])


@pytest.mark.parametrize("first", [0, 1, 11, 12, 13, 39, 40])
def test_a_run_of_a_video_is_the_same_from_wherever_it_begins(film: Clip, first: int) -> None:
    every = list(film.frames())
    found = list(frames_between(film, first, 40))
    assert len(found) == 40 - first
    for frame, wanted in zip(found, every[first:], strict=True):
        np.testing.assert_array_equal(frame, wanted)


@pytest.mark.parametrize("name", ["counting_hand/hand.mp4", "graph_cnn_real/fullframe_00065_00108.mp4"])
def test_runs_of_filmed_clips(shared: Path, name: str) -> None:
    clip = open_clip(shared / "data" / name)
    first = clip.n_frames - 10
    wanted = list(clip.frames())[first:]
    for frame, other in zip(frames_between(clip, first, clip.n_frames), wanted, strict=True):
        np.testing.assert_array_equal(frame, other)


def test_a_video_without_stamps_is_counted_from_its_beginning(film: Clip) -> None:
    blind = replace(film, stamps=None)  # type: ignore[type-var]
    np.testing.assert_array_equal(next(frames_between(blind, 20, 21)), film.still(20))


def test_only_the_part_is_read() -> None:
    asked: list[int] = []

    @dataclass(frozen=True)
    class Watched:
        whole: Clip

        def __getattr__(self, name: str) -> object:
            return getattr(self.whole, name)

        def frames(self) -> Iterator[Frame]:
            raise AssertionError("all frames were asked for")

        def still(self, index: int) -> Frame:
            asked.append(index)
            return self.whole.still(index)

    clip = clip_of_frames(np.stack(pictures(31, 8, 6)), 25.0)
    part = ClipSlice(Watched(clip), CHOSEN)  # type: ignore[arg-type]
    assert [int(frame[-1, -1, 0]) for frame in part.frames()] == (8 * CHOSEN).tolist()
    assert asked == CHOSEN.tolist()


def test_frames_that_are_none() -> None:
    clip = clip_of_frames(np.stack(pictures(5, 8, 6)), 25.0)
    with pytest.raises(AssertionError, match="increase"):
        ClipSlice(clip, np.array([2, 1]))
    with pytest.raises(IndexError, match="frames 2 to 5 of a clip of 5 frames"):
        ClipSlice(clip, np.array([2, 5]))
