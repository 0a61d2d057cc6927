"""Hands that the model cannot make: how far beyond it they are, and that what is told of them is true."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from benchmarks.claims import GAP_FRAMES, seconds_to_an_observation, with_gap, without_cues
from benchmarks.strangers import (
    BUMP_M,
    FIRST_SEED,
    bumps,
    random_camera,
    strange_motion,
    stranger,
    with_thrown,
)
from fitter.camera import ASSUMED_FOCAL, ASSUMED_FOCAL_SD
from fitter.observe.evidence import prepare_evidence

if TYPE_CHECKING:
    from fitter.hand import HandModel


def floor_mm(model: "HandModel", other: "HandModel") -> float:
    """Mean distance of the joints from those of the nearest likely shape, both about their centres."""
    basis = model.joints_shape_basis.numpy()
    basis, beyond = basis - basis.mean(axis=0), (other.joints - model.joints).numpy()
    beyond = beyond - beyond.mean(axis=0)
    flat, precision = basis.reshape(63, -1), 0.0015**-2
    betas = np.linalg.solve(precision * flat.T @ flat + np.eye(flat.shape[1]), precision * flat.T @ beyond.ravel())
    return 1000.0 * float(np.linalg.norm(beyond - basis @ betas, axis=-1).mean())


def test_no_shape_of_the_model_is_near(anny: "HandModel") -> None:
    left = [floor_mm(anny, stranger(anny, np.random.default_rng(seed))) for seed in range(200)]
    print(f"mean {np.mean(left):.2f} mm, {np.min(left):.2f} to {np.max(left):.2f}")
    assert np.mean(left) == pytest.approx(2.2, abs=0.15)


def test_the_skin_goes_with_the_bones_and_has_bumps(anny: "HandModel") -> None:
    rng = np.random.default_rng(0)
    other = stranger(anny, rng)
    moved = (other.template - anny.template).norm(dim=-1)
    # A finger's tip goes as far as its bones grow: 5 % of four bones, about 5 mm.
    assert 0.5e-3 < float(moved.mean()) < 8e-3 and float(moved.max()) < 25e-3
    raised = np.linalg.norm(bumps(anny, rng), axis=-1)
    assert np.sqrt(np.square(raised).mean()) == pytest.approx(BUMP_M, rel=0.3)
    torch.testing.assert_close(other.joints_shape_basis, anny.joints_shape_basis)


def test_cameras_scatter_as_the_assumed_one_says() -> None:
    rng = np.random.default_rng(0)
    shares = np.log([random_camera(rng, (640, 480)).fx / 640.0 for _ in range(4000)])
    assert np.exp(shares.mean()) == pytest.approx(ASSUMED_FOCAL, rel=0.02)
    assert shares.std() == pytest.approx(ASSUMED_FOCAL_SD, rel=0.05)


@pytest.mark.parametrize("seed", [FIRST_SEED + 9000, FIRST_SEED + 9001])
def test_detections_are_near_the_truth_of_either_side(anny: "HandModel", seed: int) -> None:
    clip = strange_motion(anny, seed, 12)
    assert clip.seen is not None and clip.seen.side == ("left" if seed % 2 else "right")
    seen, camera = (clip.seen.mirrored(), clip.camera.mirrored()) if seed % 2 else (clip.seen, clip.camera)
    there = seen.confidence > 0
    exact = camera.project(torch.from_numpy(clip.joints_m)).numpy()
    off = np.linalg.norm(seen.keypoints_px - exact, axis=-1)[there]
    span = np.ptp(exact, axis=1).max()
    assert there.any() and 0.01 < np.median(off) / span < 0.15
    again = strange_motion(anny, seed, 12)
    np.testing.assert_array_equal(clip.joints_m, again.joints_m)


def test_what_is_thrown_is_little_and_what_is_lost_is_zero(anny: "HandModel") -> None:
    assert with_thrown([[], []], 0) == [[], []]
    clip = strange_motion(anny, FIRST_SEED + 9002, 30)
    assert clip.seen is not None
    lost = clip.seen.confidence == 0
    assert (clip.seen.keypoints_px[lost] == 0.0).all() and 0.0 < lost.mean() < 0.5


def test_gaps_take_everything_from_every_third_clip(anny: "HandModel") -> None:
    clip = strange_motion(anny, FIRST_SEED + 9002, 30)
    assert clip.seen is not None
    assert with_gap(clip.seen, 1) is clip.seen
    gapped = with_gap(clip.seen, 3)
    lost = clip.seen.observed & ~gapped.observed
    assert 0 < lost.sum() < GAP_FRAMES[1]
    assert gapped.depth_px is not None and (gapped.depth_px[lost] == 0.0).all()
    bare = without_cues(gapped)
    assert bare.depth_px is None and bare.landmarks_m is None
    seconds = seconds_to_an_observation(prepare_evidence(gapped, clip.camera, anny))
    assert (seconds[gapped.observed] == 0.0).all() and (seconds[~gapped.observed] > 0.0).all()
