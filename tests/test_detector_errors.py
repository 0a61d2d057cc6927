"""MediaPipe's measured errors: the stored ones are plausible, and the measurement sees what a made detector does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.clip import Clip
from fitter.errors import InputError
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection, Side
from fitter.observe.source import OnFrame
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.detector_errors import (
    ERRORS_FILE,
    difficulty_of,
    look_at,
    measure,
    measured_model,
    sample_errors,
    side_of,
)
from priors.synthetic.error_axes import span_px
from priors.synthetic.error_model import fit_errors
from tests.toy_hand import toy_hand

PLAIN = range(2000, 2020, 4)  # clips without blur and things in the way are drawn fastest


class MadeDetector(MediaPipe):
    """Sees what a synthetic detector says instead of looking at pixels."""

    made = SyntheticDetector(noise_px=2.0, missing_frames=0.2, swapped_sides=0.1, depth_noise=0.0, landmark_noise_m=0.0)

    def detect(self, clip: Clip, on_frame: OnFrame | None = None) -> list[list[Detection]]:
        assert isinstance(clip, DemoClip)
        return self.made.detect(clip.truth, seed=1)


def test_the_stored_errors_are_those_of_a_good_detector() -> None:
    model = measured_model()
    errors = sample_errors(torch.Generator().manual_seed(0), 4000)
    radial = 100.0 * errors.pixels.norm(dim=-1)
    assert errors.pixels.shape == (4000, 21, 2) and errors.tilt.shape == (4000, 20, 3)
    # A hand of 200 pixels is seen within 4 to 16 pixels, its bones within 5 to 25 degrees.
    assert 2.0 < float(radial.median()) < 8.0
    assert 5.0 < float(errors.tilt.norm(dim=-1).rad2deg().median()) < 25.0
    assert (model.component_lag > 0.3).all() and 0.5 < float(model.scores.mean()) < 1.0
    assert ERRORS_FILE.stat().st_size < 200_000
    with np.load(ERRORS_FILE, allow_pickle=False) as stored:
        assert "python -m priors.synthetic.detector_errors" in str(stored["command"])
        assert "frames" in str(stored["command"])


def test_equal_seeds_draw_equal_errors() -> None:
    one, same, other = (sample_errors(torch.Generator().manual_seed(seed), 3).tilt for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert sample_errors(torch.Generator().manual_seed(1), 3, scale=0.0, bias=0.0).pixels.abs().max() == 0.0


@pytest.mark.parametrize("side", ["right", "left"])
def test_looking_at_a_clip_finds_the_made_errors(side: Side) -> None:
    model = toy_hand()
    clip = make_demo_clip(model, 0, 60, (480, 360), side)
    found = look_at(clip, model, MadeDetector())
    missing = [not hands for hands in MadeDetector().detect(clip)]
    assert found.frame.tolist() == [t for t in range(60) if not missing[t]] and 0 < sum(missing) < 60
    assert 0 < found.wrong_side < 30
    error = found.seen.pixels - found.exact.pixels
    assert float(error.square().mean().sqrt()) == pytest.approx(2.0, rel=0.1)
    assert torch.allclose(found.seen.depth_px, found.exact.depth_px, atol=1e-9)
    # Only the palm's own shape, which differs from the model's, turns the made landmarks.
    turned = (found.seen.directions * found.exact.directions).sum(-1).clamp(-1.0, 1.0).acos().rad2deg()
    assert float(turned.max()) < 5.0


def test_measuring_counts_and_fits() -> None:
    model = toy_hand()
    measured, counts = measure(model, MadeDetector(), PLAIN)
    frames = len(measured.score)
    assert f"in {frames} of 300 frames" in counts and "seeds 2000 to 2016" in counts
    assert measured.follows.sum() <= frames - 5 and not measured.follows[0]
    fitted = fit_errors(measured)
    spans = []
    for seed in PLAIN:
        clip = make_demo_clip(model, seed, 60, (480, 360), side_of(seed), difficulty_of(seed))
        spans.append(span_px(torch.from_numpy(clip.truth.keypoints_px)))
    expected = 2.0 * float(torch.cat(spans).reciprocal().square().mean().sqrt())
    assert float(fitted.covariance.diagonal()[:42].mean().sqrt()) == pytest.approx(expected, rel=0.15)
    assert torch.allclose(fitted.depth_gain, torch.ones(21).double(), atol=1e-6)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(InputError, match="give more --clips"):
        measure(toy_hand(), MadeDetector(), PLAIN[:1])


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("priors.synthetic.detector_errors.ERRORS_FILE", tmp_path / "errors.npz")
    measured_model.cache_clear()
    try:
        with pytest.raises(InputError, match=r"errors\.npz cannot be read"):
            sample_errors(torch.Generator().manual_seed(0), 1)
    finally:
        measured_model.cache_clear()
