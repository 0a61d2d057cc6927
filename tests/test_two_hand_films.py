"""Films of two hands: drawn where the truth is, the nearer hand in front, detections known by what they lie near."""

import numpy as np
import pytest
import torch

from benchmarks.two_hand_clips import TwoHandClip, two_hand_clip
from benchmarks.two_hand_films import LOST, Film, filmed, nearest_side
from fitter.hand import HandModel
from fitter.observe.observations import Detection

N_FRAMES = 5


@pytest.fixture(scope="module")
def clip(anny: HandModel) -> TwoHandClip:
    return two_hand_clip(anny, seed=1, kind="contact", n_frames=N_FRAMES)


@pytest.fixture(scope="module")
def film(clip: TwoHandClip, anny: HandModel) -> Film:
    return filmed(clip, anny.to(dtype=torch.float64))


def test_hands_are_filmed_where_they_are(clip: TwoHandClip, film: Film) -> None:
    for side, hand in zip(("right", "left"), film.hands, strict=True):
        truth = clip.vertices_m[side]
        np.testing.assert_allclose(hand.vertices_m[:, : truth.shape[1]], truth, atol=1e-6)
    empty = film.sensor.expose(film.background, np.random.default_rng(0)).astype(int)
    picture = film.still(0)
    assert picture.shape == (clip.camera.height, clip.camera.width, 3) and film.n_frames == N_FRAMES
    for truth in clip.truths.values():
        x, y = truth.keypoints_px[0, 9].astype(int)  # a knuckle, well inside the hand
        assert np.abs(picture[y, x] - empty[y, x]).max() > 20


def test_a_detection_is_of_the_hand_that_it_lies_near(clip: TwoHandClip) -> None:
    for side, truth in clip.truths.items():
        found = Detection(truth.keypoints_px[0] + 3.0, np.ones(21))
        assert nearest_side(found, clip, 0)[0] == side and nearest_side(found, clip, 0)[1] < 0.05
        away = Detection(truth.keypoints_px[0] + 600.0, np.ones(21))
        assert nearest_side(away, clip, 0)[1] > LOST
