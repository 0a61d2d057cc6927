"""Metrics: zero at the truth, values worked out by hand, and the independent scorer's numbers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import roma
import scipy.linalg
import torch

from fitter.evaluate.metrics import (
    acceleration_error,
    align_similarity,
    auc,
    bone_std_percent,
    clip_mpjpe,
    clip_scale,
    f_score,
    f_scores,
    jitter,
    mpjpe,
    pa_errors,
    pa_mpjpe,
    pck,
    scale_between,
    scale_errors,
    tremble,
)

SCORE = Path(__file__).resolve().parents[2] / "shared" / "eval" / "score.py"


def clip(frames: int = 30, seed: int = 0) -> np.ndarray:
    """A wandering cloud of 21 points, about as large as a hand, in metres."""
    rng = np.random.default_rng(seed)
    shape = rng.normal(scale=0.04, size=(1, 21, 3))
    return shape + np.cumsum(rng.normal(scale=0.004, size=(frames, 21, 3)), axis=0) + [0, 0, 0.6]


def rotation(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=3)
    return roma.rotvec_to_rotmat(torch.from_numpy(vector)).numpy()


def test_zero_at_truth():
    truth = clip()
    assert mpjpe(truth, truth) == 0
    assert clip_mpjpe(truth, truth) == 0
    assert acceleration_error(truth, truth) == 0
    assert pa_mpjpe(truth, truth) < 1e-15
    assert f_score(truth[0], truth[0], 1e-9) == 1


def test_what_each_measure_forgives():
    truth = clip()
    moved = truth + [0.3, -0.2, 0.1]
    scaled = truth * 1.7
    turned = truth @ rotation(1).T * 0.6 + [1, 2, 3]
    assert mpjpe(moved, truth) < 1e-15 < 1e-3 < mpjpe(scaled, truth)
    assert clip_mpjpe(scaled + 5, truth) < 1e-14 < 1e-3 < clip_mpjpe(turned, truth)
    assert pa_mpjpe(turned, truth) < 1e-14
    # One scale for the clip: a hand that breathes is not forgiven, while the alignment of each frame is blind to it.
    breathing = truth * np.linspace(0.8, 1.2, len(truth))[:, None, None]
    assert clip_mpjpe(breathing, truth) > 1e-3 > 1e-14 > pa_mpjpe(breathing, truth)


def test_known_errors():
    truth = clip()
    bent = truth.copy()
    bent[:, 5] += [0.003, 0.0, 0.004]
    assert mpjpe(bent, truth) == pytest.approx(0.005 / 21)
    assert clip_scale(truth * 4, truth) == pytest.approx(0.25)
    shaken = truth.copy()
    shaken[::2, 1:, 0] += 0.001  # second difference of a zigzag of height h: 4h/2 peak to peak, that is 2h each
    assert acceleration_error(shaken, truth) == pytest.approx(0.002 * 20 / 21, rel=2e-2)


def test_a_reflection_is_not_forgiven():
    truth = clip()
    mirrored = truth * [-1, 1, 1]
    aligned = align_similarity(mirrored, truth)
    assert np.linalg.norm(aligned - truth, axis=-1).mean() > 0.01
    # The alignment is the best of proper similarities: no small further turn, shift or scale does better.
    best = ((aligned - truth) ** 2).sum()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        turn = roma.rotvec_to_rotmat(torch.from_numpy(rng.normal(scale=1e-2, size=3))).numpy()
        other = (aligned - aligned.mean(1, keepdims=True)) @ turn.T * (1 + rng.normal(scale=1e-2))
        assert ((other + truth.mean(1, keepdims=True) - truth) ** 2).sum() > best


def test_batch_equals_loop_and_points_that_coincide():
    source, target = clip(12, 1), clip(12, 2)
    together = align_similarity(source.reshape(3, 4, 21, 3), target.reshape(3, 4, 21, 3)).reshape(12, 21, 3)
    for i in range(12):
        np.testing.assert_allclose(together[i], align_similarity(source[i], target[i]), atol=1e-14)
    collapsed = align_similarity(np.zeros((21, 3)), target[0])
    np.testing.assert_allclose(collapsed, np.broadcast_to(target[0].mean(0), (21, 3)))


def test_acceleration_skips_absent_frames():
    truth = clip(10)
    fitted = truth + np.random.default_rng(3).normal(scale=0.002, size=truth.shape)
    present = np.ones(10, dtype=bool)
    present[4] = False
    holey = fitted.copy()
    holey[4] = np.nan
    expected_triples = [0, 1, 5, 6, 7]  # those that touch frame 4 are gone
    scale = clip_scale(fitted[present], truth[present])
    second = np.diff(scale * (fitted - fitted[:, :1]), 2, axis=0) - np.diff(truth - truth[:, :1], 2, axis=0)
    expected = np.linalg.norm(second[expected_triples], axis=-1).mean()
    assert acceleration_error(holey, truth, present) == pytest.approx(expected)
    assert np.isnan(acceleration_error(holey[3:6], truth[3:6], present[3:6]))
    assert np.isnan(acceleration_error(truth[:2], truth[:2]))


def test_jitter_sees_trembling_and_not_motion():
    frames = np.arange(60.0)
    line = np.repeat(frames[:, None, None] * [0.5, -0.2], 21, axis=1)
    assert jitter(line) < 1e-12
    zigzag = line + np.where(frames % 2 == 0, 1.0, -1.0)[:, None, None] * [3.0, 4.0]
    # The window of 11 holds 5 frames of the middle's sign and 6 of the other: its mean is -1/11 of the middle.
    assert jitter(zigzag) == pytest.approx(5 * (1 + 1 / 11))
    single = line.copy()
    single[:, 3] += np.where(frames % 2 == 0, 21.0, -21.0)[:, None]  # one of 21 points moves the centroid by 1, 1
    assert jitter(single) == pytest.approx(np.sqrt(2) * 12 / 11)
    assert np.isnan(jitter(line[:10]))
    assert jitter(line[:11]) < 1e-12


def test_bones_that_breathe_together():
    hand = clip(1)
    assert bone_std_percent(np.repeat(hand, 8, axis=0)) < 1e-12
    factors = np.array([0.9, 1.1, 0.9, 1.1])
    assert bone_std_percent(hand * factors[:, None, None]) == pytest.approx(10)


def test_pck_and_area():
    errors = np.array([[1.0, 2.0], [3.0, 10.0]])
    np.testing.assert_allclose(pck(errors, np.array([0.5, 1.0, 2.5, 10.0])), [0, 0.25, 0.5, 1])
    assert auc(np.zeros(5), 0.0, 50.0) == 1
    assert auc(np.full(5, 60.0), 20.0, 50.0) == 0
    # Uniform errors on the range: PCK rises linearly from 0 to 1.
    assert auc(np.linspace(0, 50, 100_001), 0.0, 50.0) == pytest.approx(0.5, abs=1e-4)
    assert auc(np.full(5, 35.0), 20.0, 50.0) == pytest.approx(0.5, abs=0.5 / 99)


def test_f_score():
    truth = np.zeros((4, 3))
    truth[:, 0] = np.arange(4.0)
    fitted = np.concatenate([truth[:2], [[0.0, 9.0, 0.0], [0.0, 9.5, 0.0]]])
    # Half of the fitted ones are right (precision 1/2), half of the true ones are found (recall 1/2).
    assert f_score(fitted, truth, 0.5) == pytest.approx(0.5)
    assert f_score(truth[:1], truth, 0.5) == pytest.approx(2 * 1 * 0.25 / 1.25)
    assert f_score(truth + [0, 0, 7], truth, 0.5) == 0


def test_f_scores_agree_with_every_pair_looked_at():
    rng = np.random.default_rng(4)
    fitted, truth = rng.normal(scale=8, size=(60, 3)), rng.normal(scale=8, size=(50, 3))
    between = np.linalg.norm(fitted[:, None] - truth[None], axis=-1)
    for threshold, score in zip((2.0, 5.0), f_scores(fitted, truth, (2.0, 5.0)), strict=True):
        precision, recall = (between.min(axis=axis) < threshold for axis in (1, 0))
        assert score == pytest.approx(2 / (1 / precision.mean() + 1 / recall.mean()))


def test_the_alignment_of_freihand_and_ho3d():
    """`align_w_scale` of their `eval.py`, which is scipy's orthogonal Procrustes where no reflection is better."""
    truth, fitted = clip(5, 1), clip(5, 1) @ rotation(4).T * 0.8 + np.random.default_rng(1).normal(0, 0.01, (5, 21, 3))
    for known, moved in zip(truth, fitted, strict=True):
        a, b = known - known.mean(0), moved - moved.mean(0)
        turn, s = scipy.linalg.orthogonal_procrustes(a / np.linalg.norm(a), b / np.linalg.norm(b))
        theirs = b / np.linalg.norm(b) @ turn.T * s * np.linalg.norm(a) + known.mean(0)
        np.testing.assert_allclose(align_similarity(moved, known), theirs, atol=1e-12)


def test_points_that_are_unknown_have_no_part():
    truth, fitted = clip(4, 1), clip(4, 2)
    known = truth.copy()
    known[0, 5:] = np.nan
    known[1, 2:] = np.nan  # two are left: no rotation
    aligned = align_similarity(fitted, known)
    np.testing.assert_allclose(aligned[0, :5], align_similarity(fitted[0, :5], truth[0, :5]), atol=1e-14)
    assert np.isfinite(aligned[0]).all() and np.isnan(aligned[1]).all()
    np.testing.assert_allclose(aligned[2:], align_similarity(fitted[2:], truth[2:]), atol=1e-14)
    assert np.isfinite(pa_errors(fitted, known)).sum(axis=1).tolist() == [5, 0, 21, 21]
    assert scale_between(2 * truth, known) == pytest.approx(0.5)
    assert np.isnan(scale_between(truth, np.full_like(truth, np.nan)))


def test_scale_by_wrist_and_middle_knuckle():
    truth = clip(3)
    assert scale_errors(truth * [[[1.5]], [[0.5]], [[1.0]]] + 4, truth).max() < 1e-14
    longer = truth.copy()
    longer[:, 9] = truth[:, 0] + 2 * (truth[:, 9] - truth[:, 0])  # that bone alone: all else is halved
    halved = np.linalg.norm(truth - truth[:, :1], axis=-1) / 2
    halved[:, 9] = 0
    np.testing.assert_allclose(scale_errors(longer, truth), halved, atol=1e-14)


def test_trembling_between_gaps():
    points = np.repeat(np.arange(40.0)[:, None, None] * [1.0, 0.0], 21, axis=1)
    points[20] = np.nan
    assert len(tremble(points)) == 30 - 11 and tremble(points).max() < 1e-12


def test_without_errors_there_is_no_area():
    assert np.isnan(auc(np.zeros(0), 0.0, 50.0))


def load_score() -> ModuleType:
    if not SCORE.is_file():
        pytest.skip(f"the independent scorer is not here: {SCORE} is missing")
    spec = importlib.util.spec_from_file_location("independent_score", SCORE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:`trapz` is deprecated:DeprecationWarning")  # the scorer's own, under numpy 2
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_independent_scorer(seed):
    score = load_score()
    rng = np.random.default_rng(seed)
    truth = clip(40, seed)
    fitted = 1.3 * truth @ rotation(seed).T + rng.normal(scale=0.01, size=truth.shape)
    present = rng.random(40) > 0.2
    fitted[~present] = np.nan
    pixels = np.zeros((40, 21, 2))
    frames = [
        {"frame": i, "joints_3d_m_cam": truth[i], "keypoints_2d_full_frame": pixels[i]} for i in range(len(truth))
    ]
    result = {"joints_m": fitted[None], "keypoints_px": pixels[None], "present": present[None], "side": ["right"]}
    theirs = score.score(result, {"frames": frames, "hand_side": "right"}, 0, 39)
    ours = {
        "pa_mpjpe_mm": pa_mpjpe(fitted[present], truth[present]) * 1000,
        "clip_mpjpe_mm": clip_mpjpe(fitted[present], truth[present]) * 1000,
        "auc_20_50": auc(pa_errors(fitted[present], truth[present]) * 1000, 20.0, 50.0),
        "auc_0_50": auc(pa_errors(fitted[present], truth[present]) * 1000, 0.0, 50.0),
        "acceleration_mm": acceleration_error(fitted, truth, present) * 1000,
        "bone_std_percent": bone_std_percent(fitted[present]),
    }
    for name, value in ours.items():
        assert value == pytest.approx(theirs[name], rel=0, abs=1e-9), name
    one = align_similarity(fitted[present][0], truth[present][0])
    np.testing.assert_allclose(one, score.similarity_align(fitted[present][0], truth[present][0]), atol=1e-12)
    mirrored = truth[0] * [-1, 1, 1]
    np.testing.assert_allclose(align_similarity(mirrored, truth[0]), score.similarity_align(mirrored, truth[0]))
