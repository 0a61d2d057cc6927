"""Images come without waiting, the right one for each frame, small enough for memory; what fails is said."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from fitter.clip import Clip
from fitter.errors import InputError
from fitter.visualize.viewer.kept_images import AHEAD, LONGEST_PX, SHORTEST_PX, kept_images, longest_side

PATIENCE_S = 20.0


@dataclass
class GreyClip:
    """Each frame is grey of its own number; `gate` holds the reading back, `asked` counts the jumps."""

    n_frames: int = 120
    width: int = 64
    height: int = 48
    broken_at: int | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[int] = field(default_factory=list)
    path: Path = Path("grey")
    name: str = "grey"
    fps: float = 30.0
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return np.arange(self.n_frames) / self.fps

    def frames(self) -> Iterator[np.ndarray]:
        for index in range(self.n_frames):
            self.gate.wait(PATIENCE_S)
            if index == self.broken_at:
                raise InputError("grey: damaged")
            yield self.picture(index)

    def still(self, index: int) -> np.ndarray:
        self.asked.append(index)
        return self.picture(index)

    def picture(self, index: int) -> np.ndarray:
        return np.full((self.height, self.width, 3), index, np.uint8)


def until(check: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not check() and time.monotonic() < end:
        time.sleep(0.002)
    return bool(check())


def test_every_frame_comes_and_is_the_right_one() -> None:
    clip = GreyClip()
    clip.gate.set()
    with kept_images(lambda: clip, clip.n_frames) as images:
        for frame in (0, 1, 119, 60, 60):
            image = images.wait(frame)
            assert image is not None and np.abs(image.astype(int) - frame).max() <= 2
        assert images.wait(120) is None and images.wait(-1) is None
    assert images.problem is None


def test_what_is_not_there_yet_is_not_waited_for_but_fetched_next() -> None:
    clip = GreyClip()
    with kept_images(lambda: clip, clip.n_frames) as images:
        began = time.monotonic()
        assert images.latest(100) is None and time.monotonic() - began < 1.0
        clip.gate.set()
        assert until(lambda: images.latest(100) is not None)
        assert images.latest(101) is not None or until(lambda: images.latest(101) is not None)
    assert set(clip.asked) <= {100, 101}


def test_the_pass_from_the_beginning_is_not_overtaken_for_a_small_step() -> None:
    clip = GreyClip()
    clip.gate.set()
    with kept_images(lambda: clip, clip.n_frames) as images:
        assert images.wait(AHEAD // 2) is not None
    assert clip.asked == []


def test_a_damaged_clip_ends_the_waiting_with_a_sentence() -> None:
    clip = GreyClip(broken_at=3)
    clip.gate.set()
    with kept_images(lambda: clip, clip.n_frames) as images:
        assert images.wait(2) is not None
        assert images.wait(30) is None
        assert images.problem == "grey: damaged"
        assert images.latest(1) is not None


def test_a_clip_that_cannot_be_opened_is_said() -> None:
    def missing() -> Clip:
        raise InputError("clip.mp4 does not exist")

    told: list[str] = []
    with kept_images(missing, 5, told.append) as images:
        assert images.wait(0) is None and images.problem == "clip.mp4 does not exist"
    assert told == [images.problem]


def test_a_clip_shorter_than_the_result_is_said() -> None:
    clip = GreyClip(n_frames=4)
    clip.gate.set()
    with kept_images(lambda: clip, 9) as images:
        assert images.wait(8) is None and images.problem is not None and "fewer frames" in images.problem


@pytest.mark.parametrize(
    ("n_frames", "size", "expected"),
    [(1, (1920, 1080), LONGEST_PX), (10**7, (1920, 1080), SHORTEST_PX), (2000, (1920, 1080), 730.0)],
)
def test_all_images_fit_into_memory(n_frames: int, size: tuple[int, int], expected: float) -> None:
    clip = GreyClip(n_frames=n_frames, width=size[0], height=size[1])
    assert longest_side(clip) == pytest.approx(expected, rel=0.01)


def test_large_images_are_kept_small() -> None:
    clip = GreyClip(n_frames=2, width=2000, height=1000)
    clip.gate.set()
    with kept_images(lambda: clip, 2) as images:
        image = images.wait(1)
        assert image is not None and image.shape == (480, 960, 3)
