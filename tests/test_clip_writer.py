"""Windows of a clip become one result: rows in their places, and of each hand what it has but once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.export.clip_writer import FittedClip, written
from fitter.export.diagnostics import Diagnostics
from fitter.export.fitted_hand import FittedHand, FittedWindow
from fitter.export.result import FitResult
from fitter.synthesis.report import PhotometricReport, over_windows
from tests.dressed_hand import appearance
from tests.moving_hands import blank_clip
from tests.test_steps import CAMERA, T, fitted

TERMS = ["keypoints", "shape", "photometric"]


def report(psnr: float, frames: int, iou: float | None, masks: int, of: int) -> PhotometricReport:
    overlaps = np.full(of, np.nan if iou is None else iou)
    return PhotometricReport(psnr, 0.9, psnr - 2.0, 0.8, iou, iou, masks, 1, np.arange(of) < frames, overlaps)


def wearing(hand: FittedHand, gain: float) -> FittedHand:
    worn = replace(appearance(T), gain=torch.full((T, 3), gain))
    return replace(hand, fit=replace(hand.fit, appearance=worn, photometric=report(30.0 + gain, T, 0.9, T, T)))


def test_windows_lie_one_behind_the_other(tmp_path: Path) -> None:
    (left, right), _ = fitted("left", "right")
    later = replace(right, fit=replace(right.fit, status="stopped", start="neutral"))
    windows = [FittedWindow(0, [left, wearing(right, 1.0)]), FittedWindow(T, [wearing(left, 2.0), wearing(later, 3.0)])]
    with written(windows, tmp_path, blank_clip(2 * T), CAMERA, TERMS) as clip:
        assert not (tmp_path / "result.npz").exists()
        check(clip, tmp_path, left)
    result, seen = FitResult.load(tmp_path), Diagnostics.load(tmp_path)
    assert result.status == "1 of 2 windows: right hand: stopped"
    assert seen.terms == tuple(TERMS) and seen.energies.shape == (2, 3, 2 * T)
    assert np.isnan(seen.energies[:, 2]).all() and np.isfinite(seen.energies[:, 0]).all()
    assert {path.name for path in tmp_path.iterdir()} == {"result.npz", "diagnostics.npz"}


def check(clip: FittedClip, folder: Path, left: FittedHand) -> None:
    result = clip.result
    assert result.present.shape == (2, 2 * T)
    assert np.array_equal(result.joints_m[:, :T], result.joints_m[:, T:])
    assert np.array_equal(result.betas[0], left.fit.state.betas.numpy().astype(np.float32))
    one, other = clip.hands
    assert (one.side, other.side, other.start) == ("left", "right", f"{left.fit.start} and neutral")
    assert one.appearance is not None and one.appearance.gain[:, 0].tolist() == [1.0] * T + [2.0] * T
    assert other.appearance is not None and other.appearance.gain[:, 0].tolist() == [1.0] * T + [3.0] * T
    assert other.photometric is not None and other.photometric.psnr_db == pytest.approx(32.0)
    assert one.photometric is not None and one.photometric.frames_used == T
    assert len(one.photometric.frame_iou) == 2 * T and np.isnan(one.photometric.frame_iou[:T]).all()


def test_nothing_is_left_of_a_clip_that_is_not_finished(tmp_path: Path) -> None:
    hands, _ = fitted("right")
    with (
        pytest.raises(RuntimeError, match="drawing"),
        written([FittedWindow(0, hands)], tmp_path, blank_clip(T), CAMERA, TERMS),
    ):
        raise RuntimeError("drawing failed")
    assert list(tmp_path.iterdir()) == []


def test_figures_of_windows_count_by_their_frames() -> None:
    reports = [report(30.0, 10, 0.9, 4, 12), None, report(36.0, 20, None, 0, 20)]
    whole = over_windows(reports, [12, 5, 20])
    assert whole is not None
    assert (whole.psnr_db, whole.psnr_before_db) == pytest.approx((34.0, 32.0))
    assert (whole.iou, whole.masks_used, whole.masks_dropped, whole.frames_used) == (0.9, 4, 2, 30)
    assert np.isfinite(whole.frame_iou).tolist() == [True] * 12 + [False] * 25
    assert over_windows([None, None], [3, 3]) is None and over_windows(reports[:1], [12]) is reports[0]
