"""Vertices show the sigma of the joints that they lie at, and the scale covers what there is, on round numbers."""

import numpy as np
import pytest

from fitter.skeleton import POINT_NAMES
from fitter.visualize.viewer.uncertainty import COLOURS, SigmaScale, distances, joint_shares, sigma_scale
from tests.viewed_result import viewed_result


def test_shares_sum_to_one_and_follow_the_fingers() -> None:
    result = viewed_result()
    vertices, joints = result.vertices_m[0], result.joints_m[0]
    shares = joint_shares(vertices, joints, result.faces)
    assert np.allclose(shares.sum(axis=1), 1.0) and shares.min() >= 0.0
    for tip in ("thumb_tip", "index_tip", "pinky_tip"):
        point = POINT_NAMES.index(tip)
        nearest = np.linalg.norm(vertices[0] - joints[0, point], axis=1).argmin()
        finger = slice(1 + 4 * ((point - 1) // 4), 5 + 4 * ((point - 1) // 4))
        assert shares[nearest, finger].sum() > 0.95 and shares[nearest].argmax() in (point, point - 1)


def test_touching_fingers_keep_their_own_sigma() -> None:
    """Two fingers in one place in one pose: the pose in which they are apart decides, whichever comes first."""
    result = viewed_result()
    vertices, joints = result.vertices_m[0, :2].copy(), result.joints_m[0, :2].copy()
    joints[1, 5:9] = joints[1, 9:13]  # the index finger's joints in the middle finger
    joints[1, 17:21] = joints[1, 13:17]  # the little finger's in the ring finger
    shares = joint_shares(vertices, joints, result.faces)
    for tip in (12, 16):
        nearest = np.linalg.norm(vertices[0] - joints[0, tip], axis=1).argmin()
        assert shares[nearest, tip - 3 : tip + 1].sum() > 0.9


def test_distances_to_bones() -> None:
    joints = np.zeros((21, 3))
    joints[1] = [1.0, 0.0, 0.0]
    distance, place = distances(np.array([[0.25, 0.5, 0.0], [3.0, 0.0, 0.0]]), joints)
    assert distance[0, 0] == pytest.approx(0.5) and place[0, 0] == pytest.approx(0.25)
    assert distance[1, 0] == pytest.approx(2.0) and place[1, 0] == 1.0


@pytest.mark.parametrize(("low", "high"), [(3.7, 5.9), (0.1, 0.3), (8.4, 10.8), (0.0, 47.0), (9.0, 9.0), (1.0, 5000.0)])
def test_the_scale_covers_the_clip_on_round_numbers(low: float, high: float) -> None:
    scale = sigma_scale([np.linspace(low, high, 2100).reshape(-1, 21)])
    ticks = np.array(scale.ticks_mm)
    assert 2 <= len(ticks) <= 6 and (np.diff(ticks) > 0).all()
    assert scale.low_mm <= low + 0.02 * (high - low) and scale.high_mm >= high - 0.02 * (high - low)
    step = ticks[1] - ticks[0]
    assert float(f"{step:.0e}") == pytest.approx(step) and f"{step:.0e}"[0] in "125"


def test_nothing_to_cover_gives_a_scale_all_the_same() -> None:
    assert sigma_scale([]).ticks_mm == (0.0, 5.0, 10.0)
    assert sigma_scale([np.full((3, 21), np.nan)]) == sigma_scale([])


def test_colours_run_from_the_first_to_the_last() -> None:
    scale = SigmaScale((2.0, 4.0, 6.0))
    colours = scale.colours(np.array([-1.0, 2.0, 4.0, 6.0, 99.0]))
    assert np.allclose(colours[[0, 1]], COLOURS[0]) and np.allclose(colours[[3, 4]], COLOURS[-1])
    assert np.allclose(colours[2], COLOURS[2])
