"""The packed surface, unpacked as a browser does, is the result's to a fraction of a step."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from fitter.visualize.report.motion import STEP_M, PackedMotion, byte_planes, nearest_joints, pack_motion
from tests.report_folder import ABSENT, make_result


def array(motion: PackedMotion, name: str) -> np.ndarray:
    place = motion.layout[name]
    return np.frombuffer(gzip.decompress(motion.blob), f"<{place.kind}", place.length, place.offset)


def steps_of(planes: np.ndarray, frames: int, vertices: int) -> np.ndarray:
    """Sums of 16 bits, that wrap around, of the zigzag changes."""
    low, high = planes.astype(np.uint16).reshape(2, -1)
    zigzag = low | high << 8
    changes = ((zigzag >> 1) ^ (~(zigzag & 1) + 1)).astype(np.uint16).view(np.int16)
    return np.cumsum(changes.reshape(3, frames, vertices), axis=1, dtype=np.int16).transpose(1, 2, 0)


def test_vertices_come_back_to_half_a_step() -> None:
    result = make_result()
    motion = pack_motion(result, result.joints_sigma_mm)
    for hand in range(2):
        joints = array(motion, f"joints_{hand}").reshape(-1, 21, 3)
        steps = steps_of(array(motion, f"motion_{hand}"), len(joints), motion.vertices)
        shown = result.present[hand]
        found = steps[shown] * motion.step_m[hand] + joints[shown][:, :1]
        np.testing.assert_allclose(found, result.vertices_m[hand][shown], atol=0.51 * STEP_M)
        np.testing.assert_array_equal(joints[shown], result.joints_m[hand][shown])
    assert motion.step_m == (STEP_M, STEP_M)


def test_missing_frames_repeat_the_last_one_and_cost_nothing() -> None:
    result = make_result(hands=1)
    motion = pack_motion(result, result.joints_sigma_mm)
    steps = steps_of(array(motion, "motion_0"), result.present.shape[1], motion.vertices)
    np.testing.assert_array_equal(steps[ABSENT], steps[ABSENT - 1])
    assert np.isfinite(array(motion, "sigma_0")).all()


def test_jumps_from_end_to_end_wrap_around_and_come_back() -> None:
    steps = np.array([[[-30000, 0, 1]], [[30000, -1, 2]], [[-30000, 1, 30000]]], dtype=np.int32)
    np.testing.assert_array_equal(steps_of(byte_planes(steps), 3, 1), steps)


def test_a_giant_gets_longer_steps() -> None:
    result = make_result(hands=1)
    giant = replace(result, vertices_m=result.vertices_m * 100, joints_m=result.joints_m * 100)
    motion = pack_motion(giant, result.joints_sigma_mm)
    steps = steps_of(array(motion, "motion_0"), result.present.shape[1], motion.vertices)
    wrists = giant.joints_m[0, :, :1]
    found = (steps * motion.step_m[0] + wrists)[:ABSENT]
    assert motion.step_m[0] > STEP_M
    np.testing.assert_allclose(found, giant.vertices_m[0, :ABSENT], atol=0.51 * motion.step_m[0])


def test_corners_are_the_faces_with_their_texture() -> None:
    result = make_result()
    motion = pack_motion(result, result.joints_sigma_mm)
    triangle = array(motion, "triangle").reshape(-1, 3)
    np.testing.assert_array_equal(array(motion, "corner")[triangle], result.faces)
    uv = array(motion, "uv").reshape(-1, 2)[triangle] / 65535.0
    np.testing.assert_allclose(uv, result.uv[result.uv_faces], atol=1e-5)


def test_a_vertex_follows_the_joint_it_lies_on() -> None:
    result = make_result()
    near, share = nearest_joints(result.vertices_m[1], result.joints_m[1])
    np.testing.assert_array_equal(near[:, 0], np.repeat(np.arange(21), 6))
    assert (share > 170).all()


@pytest.mark.parametrize("frames", [1, 2])
def test_short_clips(frames: int) -> None:
    result = make_result(hands=1, frames=frames)
    motion = pack_motion(result, result.joints_sigma_mm)
    steps = steps_of(array(motion, "motion_0"), frames, motion.vertices)
    found = steps * STEP_M + result.joints_m[0, :, :1]
    np.testing.assert_allclose(found, result.vertices_m[0], atol=0.51 * STEP_M)
