"""Frames in memory are a clip like any other; what is none is one sentence."""

import numpy as np
import pytest

from fitter.clip import Clip
from fitter.clip.array import clip_of_frames
from fitter.clip.clip import FOLDER_FPS
from fitter.errors import InputError

FRAMES = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)


def test_it_is_a_clip_of_the_array() -> None:
    clip = clip_of_frames(FRAMES, fps=25.0)
    assert isinstance(clip, Clip) and clip.warnings == () and clip.files == ()
    assert (clip.n_frames, clip.width, clip.height, clip.fps) == (5, 6, 4, 25.0)
    np.testing.assert_allclose(clip.time_s, [0.0, 0.04, 0.08, 0.12, 0.16])
    np.testing.assert_array_equal(np.stack(list(clip.frames())), FRAMES)
    np.testing.assert_array_equal(clip.still(3), FRAMES[3])
    assert np.shares_memory(clip.still(3), FRAMES) and len(repr(clip)) < 200


def test_an_assumed_rate_is_said() -> None:
    clip = clip_of_frames(FRAMES)
    assert clip.fps == FOLDER_FPS
    assert clip.warnings == ("no fps given with the frames: 30 frames per second assumed",)


@pytest.mark.parametrize(
    ("frames", "fps", "sentence"),
    [
        (FRAMES[0], None, r"expected an array \(frames, height, width, 3\) of uint8 RGB, got uint8 of \(4, 6, 3\)"),
        (FRAMES[:0], None, r"got uint8 of \(0, 4, 6, 3\)"),
        (FRAMES[..., :1], None, r"got uint8 of \(5, 4, 6, 1\)"),
        (FRAMES / 255.0, None, "got float64 of"),
        (FRAMES, -1.0, "fps: expected frames per second above 0, got -1.0"),
        (FRAMES, float("nan"), "fps: expected frames per second above 0, got nan"),
    ],
)
def test_what_is_no_clip_is_one_sentence(frames: np.ndarray, fps: float | None, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        clip_of_frames(frames, fps)
