"""The tables: what the segments between joints are made of, and how they vary together."""

import numpy as np
import pytest

from fitter.hand.anthropometry import (
    CARPUS_MM,
    HEAD_RADIUS_MM,
    PULP_MM,
    SIZE_DEVIATION,
    XRAY_MEAN_MM,
    bone_deviations,
    bone_lengths,
    girth_covariance,
    length_covariance,
    mean_hand_length,
)
from fitter.skeleton import BONES


def test_segments_run_between_joint_centres():
    lengths_mm = 1000 * bone_lengths()
    assert lengths_mm[0] == 0
    # Middle finger: each head before a joint is added and the own head lost; the pulp ends it.
    assert lengths_mm[9:13] == pytest.approx(
        [27.0 + 64.60 - 6.5, 44.63 + 6.5 - 4.0, 26.33 + 4.0 - 2.7, 17.40 + 2.7 + 4.0]
    )
    # Thumb: carpus, metacarpal, and two phalanges.
    assert lengths_mm[1:5] == pytest.approx([25.0, 46.22 - 6.5, 31.57 + 6.5 - 4.0, 21.67 + 4.0 + 5.7])


def test_heads_move_joints_and_leave_the_whole_finger():
    total_mm = 1000 * bone_lengths()[1:].reshape(5, 4).sum(axis=1)
    np.testing.assert_allclose(total_mm, CARPUS_MM + np.nansum(XRAY_MEAN_MM, axis=1) + PULP_MM)
    assert len(HEAD_RADIUS_MM) == 3


def test_the_mean_hand_is_as_long_as_peoples():
    """Men and women of ANSUR II, DIN 33402 and the like have means between 171 and 193 mm."""
    assert 0.178 < mean_hand_length() < 0.189


def test_with_the_size_every_bone_has_its_measured_deviation():
    covariance = length_covariance()
    np.testing.assert_allclose(np.sqrt(covariance.diagonal() + SIZE_DEVIATION**2), bone_deviations()[BONES])
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_neighbours_of_a_row_vary_together():
    full = length_covariance() + SIZE_DEVIATION**2
    correlation = full / np.sqrt(np.outer(full.diagonal(), full.diagonal()))
    index, middle = np.flatnonzero(BONES == 6)[0], np.flatnonzero(BONES == 10)[0]  # proximal phalanges
    distal = np.flatnonzero(BONES == 12)[0]
    assert correlation[index, middle] > 0.8 > correlation[middle, distal] > 0.1


def test_girths_correlate():
    covariance = girth_covariance()
    assert np.linalg.eigvalsh(covariance).min() > 0
    np.testing.assert_allclose(np.diag(covariance), covariance[0, 0])
