"""Errors of a fit against its truth: zero at the truth, values worked out by hand, what is unknown left out."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.compare import compare
from fitter.evaluate.measures import Scores, mean_of, pooled, scores_of
from fitter.evaluate.truth import Truth
from fitter.export.result import FitResult
from fitter.skeleton import FINGERTIPS, POINT_NAMES
from tests.test_metrics import clip, rotation
from tests.test_result import make_result

FRAMES, MESH = 24, 12
WRIST, KNUCKLE = 0, POINT_NAMES.index("middle_mcp")


def fit_of(joints_m: np.ndarray, vertices_m: np.ndarray | None = None, present: np.ndarray | None = None) -> FitResult:
    """A left hand with these joints; its pixels are x and y in millimetres."""
    n = len(joints_m)
    present = np.ones(n, dtype=bool) if present is None else present
    result = make_result(hands=1, frames=n)
    vertices = np.zeros((n, MESH, 3)) if vertices_m is None else vertices_m

    def rows(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.float32)[None]
        array[:, ~present] = np.nan
        return array

    return replace(
        result,
        present=present[None],
        joints_m=rows(joints_m),
        keypoints_px=rows(joints_m[..., :2] * 1000),
        vertices_m=rows(vertices),
        joints_sigma_mm=rows(np.ones((n, 21))),
        quality=rows(np.ones(n)),
        pose=rows(np.zeros((n, 48))),
        translation_m=rows(np.zeros((n, 3))),
    )


def truth_of(joints_m: np.ndarray, **changed: np.ndarray) -> Truth:
    arrays = {"keypoints_px": joints_m[..., :2] * 1000} | changed
    return Truth("truth", "left", np.arange(len(joints_m)), joints_m, **arrays)


@pytest.fixture
def joints() -> np.ndarray:
    """Of 32 bits, as in results: what is written is then what is compared."""
    return clip(FRAMES).astype(np.float32).astype(float)


def finite(scores: Scores) -> dict[str, float]:
    return {name: value for name, value in vars(scores).items() if np.isfinite(value)}


def test_zero_at_the_truth(joints):
    mesh = np.random.default_rng(0).normal(size=(FRAMES, MESH, 3)).astype(np.float32).astype(float)
    scores = scores_of(compare(fit_of(joints, mesh), truth_of(joints, vertices_m=mesh)))
    assert scores.frames == FRAMES and scores.detected == 1
    for name in ("mpjpe_mm", "absolute_mpjpe_mm", "pa_mpjpe_mm", "clip_mpjpe_mm", "scale_mpjpe_mm", "pa_mpvpe_mm"):
        assert getattr(scores, name) < 1e-9, name
    assert scores.keypoint_px < 1e-4 and scores.acceleration_mm < 1e-9  # pixels were rounded on their own
    for name in ("f_5", "f_15", "pa_f_5", "pa_f_15", "auc_20_50", "root_auc_20_50"):
        assert getattr(scores, name) == 1, name
    assert np.isnan(scores.psnr_db) and np.isnan(scores.ssim)


def test_what_each_measure_forgives(joints):
    def of(fitted: np.ndarray) -> Scores:
        return scores_of(compare(fit_of(fitted), truth_of(joints)))

    moved = of(joints + [0, 0, 0.010])
    assert moved.absolute_mpjpe_mm == pytest.approx(10, rel=1e-5) and moved.mpjpe_mm < 1e-3
    assert moved.absolute_auc_0_50 == pytest.approx(0.8, abs=0.01) and moved.root_auc_0_50 == pytest.approx(1, abs=1e-2)
    larger = of(joints[:, :1] + 1.2 * (joints - joints[:, :1]))
    assert larger.mpjpe_mm > 5 and larger.clip_mpjpe_mm < 1e-3 and larger.scale_mpjpe_mm < 1e-3
    turned = of(joints @ rotation(2).T)
    assert turned.clip_mpjpe_mm > 5 and turned.pa_mpjpe_mm < 1e-3 and turned.auc_0_50 == pytest.approx(1, abs=1e-2)
    shrinking = of(joints * np.linspace(1, 0.8, FRAMES)[:, None, None])
    assert shrinking.clip_mpjpe_mm > 1 and shrinking.scale_mpjpe_mm < 1e-3 and shrinking.bone_std_percent > 3


def test_frames_without_the_hand_count_as_not_detected(joints):
    present = np.ones(FRAMES, dtype=bool)
    present[[0, 7]] = False
    errors = compare(fit_of(joints, present=present), truth_of(joints))
    scores = scores_of(errors)
    assert scores.frames == FRAMES and scores.detected == pytest.approx((FRAMES - 2) / FRAMES)
    assert len(errors.root_mm) == (FRAMES - 2) * 21 and scores.mpjpe_mm < 1e-9
    assert len(errors.acceleration_mm) == (FRAMES - 2 - 1 - 3) * 21
    absent = scores_of(compare(fit_of(joints, present=np.zeros(FRAMES, dtype=bool)), truth_of(joints)))
    assert finite(absent) == {"frames": FRAMES, "detected": 0}
    other = scores_of(compare(fit_of(joints), replace(truth_of(joints), side="right")))
    assert finite(other) == {"frames": FRAMES, "detected": 0}


def test_frames_that_nobody_annotated_count_nowhere(joints):
    known = joints.copy()
    known[5:9] = np.nan
    present = np.arange(FRAMES) != 6
    errors = compare(fit_of(joints + [0, 0, 0.01], present=present), truth_of(known))
    scores = scores_of(errors)
    assert scores.frames == FRAMES - 4 and scores.detected == 1
    assert len(errors.absolute_mm) == (FRAMES - 4) * 21 and scores.absolute_mpjpe_mm == pytest.approx(10, rel=1e-5)


def test_fingertips_alone_are_relative_to_their_centroid(joints):
    known = np.full_like(joints, np.nan)
    known[:, FINGERTIPS] = joints[:, FINGERTIPS]
    known[3, FINGERTIPS[2:]] = np.nan  # two left: too few for anything relative
    known[4, FINGERTIPS[3:]] = np.nan
    fitted = joints + [0.05, 0, 0]
    fitted[:, WRIST] += 1  # nobody knows
    errors = compare(fit_of(fitted), truth_of(known))
    assert truth_of(known).origin == "centroid"
    assert len(errors.root_mm) == (FRAMES - 2) * 5 + 3 and errors.root_mm.max() < 1e-3
    assert len(errors.absolute_mm) == (FRAMES - 2) * 5 + 3 + 2
    assert errors.absolute_mm == pytest.approx(50, rel=1e-4)
    fitted[:, FINGERTIPS[0], 2] += 0.010  # one of five: 8 mm from the centroid, the others 2 mm
    five = compare(fit_of(fitted), truth_of(known)).root_mm[:5]
    assert five == pytest.approx([8, 2, 2, 2, 2], rel=1e-3)


def test_a_palm_in_the_wrists_stead(joints):
    known = joints.copy()
    known[:, WRIST] = np.nan
    palm = (joints[:, WRIST] + joints[:, KNUCKLE]) / 2
    errors = compare(fit_of(joints - [0, 0.2, 0]), truth_of(known, palm_m=palm))
    assert len(errors.root_mm) == FRAMES * 20 and errors.root_mm.max() < 1e-3
    assert len(errors.scaled_mm) == 0  # that needs the wrist
    shifted = compare(fit_of(joints), truth_of(known, palm_m=palm + [0, 0, 0.004]))
    assert shifted.root_mm == pytest.approx(4, rel=1e-3)


def test_a_wrist_alone_tells_the_place_and_nothing_else(joints):
    known = np.full_like(joints, np.nan)
    known[:, WRIST] = joints[:, WRIST]
    scores = scores_of(compare(fit_of(joints + [0, 0, 0.02]), truth_of(known)))
    assert scores.absolute_mpjpe_mm == pytest.approx(20, rel=1e-4)
    assert all(np.isnan([scores.mpjpe_mm, scores.pa_mpjpe_mm, scores.clip_mpjpe_mm, scores.acceleration_mm]))


def test_meshes_that_correspond_and_others(joints):
    grid = np.stack(np.meshgrid([0.0, 0.02, 0.04], [0.0, 0.02], [0.6, 0.63]), axis=-1).reshape(MESH, 3)
    mesh = np.repeat(grid[None], FRAMES, axis=0)
    turned_joints, turned = joints @ rotation(1).T * 1.1, mesh @ rotation(1).T * 1.1
    same = scores_of(compare(fit_of(turned_joints, turned), truth_of(joints, vertices_m=mesh)))
    assert same.pa_mpvpe_mm < 1e-3 and same.pa_f_5 == 1 and same.f_5 < 0.5
    # Half the vertices: aligned by the joints, and no distance between vertices that do not correspond.
    half = scores_of(compare(fit_of(turned_joints, turned[:, ::2]), truth_of(joints, vertices_m=mesh)))
    assert np.isnan(half.pa_mpvpe_mm) and half.pa_f_5 == pytest.approx(2 * 1 * 0.5 / 1.5)


def test_results_and_truth_of_other_lengths(joints):
    with pytest.raises(InputError) as caught:
        compare(fit_of(joints), truth_of(joints[:-1]))
    expected = f"truth: {FRAMES - 1} frames, but the result has {FRAMES}: expected as many (name them by --frames)"
    assert str(caught.value) == expected


def test_pooled_errors_and_mean_rows(joints):
    short, long = joints[:4], joints
    ten = compare(fit_of(short + [0, 0, 0.01]), truth_of(short))
    twenty = compare(fit_of(long + [0, 0, 0.02]), truth_of(long))
    together = scores_of(pooled([ten, twenty]))
    assert together.frames == FRAMES + 4
    assert together.absolute_mpjpe_mm == pytest.approx((10 * 4 + 20 * FRAMES) / (FRAMES + 4), rel=1e-4)
    rows = [scores_of(ten), scores_of(twenty)]
    assert np.isnan(rows[0].jitter_px) and rows[1].jitter_px > 0  # four frames have no window of 11
    mean = mean_of(rows)
    assert mean.absolute_mpjpe_mm == pytest.approx(15, rel=1e-4)
    assert mean.jitter_px == rows[1].jitter_px and mean.frames == FRAMES + 4 and np.isnan(mean.psnr_db)
