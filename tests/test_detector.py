"""The synthetic detector errs by what it is told to, in the format of every detector."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.hand.mirror import mirror_axis_angle
from fitter.observe.observations import Side
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.detector_errors import measured_model
from priors.synthetic.motion import hand_motion
from priors.synthetic.truth import SyntheticTruth, synthetic_truth
from tests.toy_hand import toy_hand

NO_TILT = SyntheticDetector(measured=1.0, landmark_tilt_deg=0.0)
EXACT = SyntheticDetector(noise_px=0.0, depth_noise=0.0, landmark_noise_m=0.0, landmark_tilt_deg=0.0)


@pytest.fixture(scope="module")
def truth() -> SyntheticTruth:
    shaped = toy_hand().with_shape(torch.zeros(1, dtype=torch.float64))
    motion = hand_motion(np.random.default_rng(0), shaped, np.arange(600) / 30.0)
    camera = Camera(560.0, 560.0, 320.0, 240.0, 640, 480)
    return synthetic_truth(shaped.with_pose(motion.rotations, motion.wrist), camera, "right", 30.0)


def test_without_errors_it_returns_the_truth(truth: SyntheticTruth) -> None:
    hands = EXACT.detect(truth, seed=0)
    assert [len(frame) for frame in hands] == [1] * truth.n_frames
    for t in (0, 250, 599):
        hand = hands[t][0]
        assert hand.side == "right" and (hand.confidence > 0).all()
        assert np.allclose(hand.keypoints_px, truth.keypoints_px[t])
        assert hand.depth_px is not None and hand.landmarks_m is not None
        z = truth.joints_m[t, :, 2]
        assert np.allclose(hand.depth_px, (z - z[0]) * 560.0 / z[0]) and hand.depth_px[0] == 0.0
        assert np.allclose(hand.landmarks_m, truth.joints_m[t] - truth.joints_m[t, 0])


def test_noise_has_the_stated_size_and_persists(truth: SyntheticTruth) -> None:
    hands = SyntheticDetector(noise_px=3.0, correlation=0.8, depth_noise=0.025).detect(truth, seed=1)
    error = np.stack([frame[0].keypoints_px for frame in hands]) - truth.keypoints_px
    assert error.std() == pytest.approx(3.0, rel=0.05)
    assert (error[1:] * error[:-1]).mean() / error.var() == pytest.approx(0.8, abs=0.03)
    depth = np.stack([frame[0].depth_px for frame in hands if frame[0].depth_px is not None])
    exact = (truth.joints_m[..., 2] / truth.joints_m[:, :1, 2] - 1.0) * 560.0
    assert (depth - exact)[:, 1:].std() == pytest.approx(0.025 * 560.0, rel=0.1)
    assert (depth[:, 0] == 0).all()


def test_frames_and_joints_go_missing_in_the_stated_share(truth: SyntheticTruth) -> None:
    hands = SyntheticDetector(missing_frames=0.2, missing_run=4.0, missing_joints=0.1).detect(truth, seed=2)
    missing = np.array([not frame for frame in hands])
    assert missing.mean() == pytest.approx(0.2, abs=0.06)
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(int), [0]]))))[::2]
    assert runs.mean() == pytest.approx(4.0, abs=1.5)
    seen = [frame[0] for frame in hands if frame]
    absent = np.stack([hand.confidence == 0 for hand in seen])
    assert absent.mean() == pytest.approx(0.1, abs=0.02)
    assert (np.stack([hand.keypoints_px for hand in seen])[absent] == 0).all()


def test_sides_are_swapped_and_cues_left_out_on_request(truth: SyntheticTruth) -> None:
    plain = SyntheticDetector(swapped_sides=0.1, depth_noise=None, landmark_noise_m=None).detect(truth, seed=3)
    assert np.mean([frame[0].side == "left" for frame in plain]) == pytest.approx(0.1, abs=0.05)
    assert all(frame[0].depth_px is None and frame[0].landmarks_m is None for frame in plain)


def test_seeds_decide(truth: SyntheticTruth) -> None:
    one, same, other = (SyntheticDetector().detect(truth, seed)[5][0].keypoints_px for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


def test_an_impossible_share_or_size_is_named() -> None:
    with pytest.raises(InputError, match="missing_frames"):
        SyntheticDetector(missing_frames=1.0)
    with pytest.raises(InputError, match="measured"):
        SyntheticDetector(measured=-1.0)


@pytest.mark.parametrize("side", ["right", "left"])
def test_no_measured_errors_at_size_zero(truth: SyntheticTruth, side: Side) -> None:
    mirrored_or_not = truth if side == "right" else mirrored(truth)
    hands = SyntheticDetector(measured=0.0, landmark_tilt_deg=0.0).detect(mirrored_or_not, seed=4)
    joints = mirrored_or_not.joints_m
    for t in (0, 300, 599):
        hand = hands[t][0]
        assert hand.side == side and hand.depth_px is not None and hand.landmarks_m is not None
        assert np.allclose(hand.keypoints_px, mirrored_or_not.keypoints_px[t])
        assert np.allclose(hand.depth_px, (joints[t, :, 2] / joints[t, 0, 2] - 1.0) * 560.0)
        assert np.allclose(hand.landmarks_m, joints[t] - joints[t, 0])


def test_measured_errors_are_drawn_as_measured(truth: SyntheticTruth) -> None:
    hands = [frame[0] for seed in range(12) for frame in NO_TILT.detect(truth, seed)]
    error = np.stack([hand.keypoints_px for hand in hands]) - np.tile(truth.keypoints_px, (12, 1, 1))
    span = np.tile(np.ptp(truth.keypoints_px, axis=1).max(axis=1), 12)
    model = measured_model()
    power = model.mean[:42].square().mean() + model.covariance.diagonal()[:42].mean()
    # 12 clips of 600 frames, whose errors persist for tens of frames and are heavy-tailed.
    assert np.square(error / span[:, None, None]).mean() == pytest.approx(float(power), rel=0.15)
    confidence = np.stack([hand.confidence for hand in hands])
    assert (confidence == confidence[:, :1]).all() and confidence.min() >= float(model.scores.min())


def test_measured_errors_mirror_with_the_hand(truth: SyntheticTruth) -> None:
    right, left = NO_TILT.detect(truth, seed=6)[7][0], NO_TILT.detect(mirrored(truth), seed=6)[7][0]
    assert np.allclose(left.keypoints_px, right.keypoints_px * [-1.0, 1.0] + [640.0, 0.0])
    assert left.landmarks_m is not None and right.landmarks_m is not None
    assert np.allclose(left.landmarks_m, right.landmarks_m * [-1.0, 1.0, 1.0])
    assert np.abs(right.landmarks_m - truth.joints_m[7] + truth.joints_m[7, 0]).max() > 1e-3


def test_measured_errors_follow_the_seed_and_leave_out_what_is_left_out(truth: SyntheticTruth) -> None:
    one, same, other = (NO_TILT.detect(truth, seed)[5][0].keypoints_px for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()
    bare = SyntheticDetector(measured=1.0, depth_noise=None, landmark_noise_m=None, missing_joints=0.2)
    hands = [frame[0] for frame in bare.detect(truth, seed=3) if frame]
    assert all(hand.depth_px is None and hand.landmarks_m is None for hand in hands)
    assert np.mean([hand.confidence == 0.0 for hand in hands]) == pytest.approx(0.2, abs=0.02)


def mirrored(truth: SyntheticTruth) -> SyntheticTruth:
    """The same clip in the mirror, as of a left hand."""
    pose = mirror_axis_angle(torch.from_numpy(truth.pose).unflatten(-1, (16, 3))).flatten(-2).numpy()
    return replace(
        truth,
        side="left",
        camera=truth.camera.mirrored(),
        pose=pose,
        joints_m=truth.joints_m * [-1.0, 1.0, 1.0],
        keypoints_px=truth.keypoints_px * [-1.0, 1.0] + [640.0, 0.0],
    )
