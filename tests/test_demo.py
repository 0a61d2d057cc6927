"""The demo clip is fitted like any other, its truth is kept, and the fit is near it."""

from pathlib import Path

import numpy as np
import pytest

from fitter.app import demo
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import camera_of, load, observe
from fitter.config import Config
from fitter.hand import HandModel
from priors.synthetic.clip import make_demo_clip
from priors.synthetic.truth import SyntheticTruth


def test_without_a_detector_the_truth_is_looked_at_and_that_is_said(
    anny: HandModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    clip = make_demo_clip(anny, seed=3, n_frames=4)
    seen = observe(Command(input="demo"), Config(), clip, Path("unused"), SilentProgress())
    assert [hand.source for hand in seen] == ["truth"]
    assert "mediapipe is not installed" in caplog.text
    errors = np.linalg.norm(seen[0].keypoints_px - clip.truth.keypoints_px, axis=-1)
    assert 0.5 < errors.mean() < 5.0  # px: 2 px of noise in each axis


def test_the_demo_knows_its_camera_unless_told_otherwise(anny: HandModel) -> None:
    clip = make_demo_clip(anny, seed=3, n_frames=2)
    assert camera_of(Command(input="demo"), clip) == clip.truth.camera
    assert camera_of(Command(input="demo", intrinsics="500,500,320,240"), clip).fx == 500


def test_the_demo_is_the_same_every_time() -> None:
    clips = [load(Command(input="demo"))[0] for _ in range(2)]
    np.testing.assert_array_equal(clips[0].still(7), clips[1].still(7))


def test_the_truth_is_kept_beside_the_result(anny: HandModel, tmp_path: Path) -> None:
    clip = make_demo_clip(anny, seed=3, n_frames=2)
    demo.save_truth(clip, tmp_path)
    np.testing.assert_array_equal(SyntheticTruth.load(tmp_path / "truth.npz").joints_m, clip.truth.joints_m)
