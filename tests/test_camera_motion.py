"""A camera that moves and zooms: pixels there and back, mirrored as a left hand's, and what is no camera."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera, find_motion_problem, in_world

N_FRAMES = 4
PLAIN = Camera(600.0, 610.0, 310.0, 245.0, 640, 480)
BENT = replace(PLAIN, distortion=(0.1, -0.05, 0.002, -0.001))


def zooms() -> np.ndarray:
    matrices = np.tile(np.eye(3), (N_FRAMES, 1, 1))
    for frame, factor in enumerate((0.8, 1.0, 1.3, 1.6)):
        matrices[frame, 0, 0], matrices[frame, 1, 1] = 600.0 * factor, 610.0 * factor
        matrices[frame, :2, 2] = 300.0 + 5.0 * frame, 240.0 - 3.0 * frame
    return matrices


def motion() -> np.ndarray:
    moved = np.tile(np.eye(4), (N_FRAMES, 1, 1))
    for frame in range(N_FRAMES):
        c, s = np.cos(0.2 * frame), np.sin(0.2 * frame)
        moved[frame, :3, :3] = [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]
        moved[frame, :3, 3] = 0.1 * frame, 0.02, -0.05 * frame
    return moved


def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform([-0.1, -0.1, 0.4], [0.1, 0.1, 0.6], (N_FRAMES, 5, 3))


@pytest.mark.parametrize("fixed", [PLAIN, BENT])
def test_a_frames_pixels_become_those_of_one_ideal_camera_and_back(fixed: Camera) -> None:
    camera, seen = MovingCamera.of(fixed, zooms(), None), torch.from_numpy(points())
    filmed = np.stack([camera.at(t).distort(camera.at(t).project(seen[t]).numpy()) for t in range(N_FRAMES)])
    ideal = camera.project(seen).numpy()
    assert np.abs(filmed - ideal).max() > 10.0
    # OpenCV undoes a lens by iteration.
    np.testing.assert_allclose(camera.undistort_frames(filmed), ideal, atol=1e-3)
    np.testing.assert_allclose(camera.distort_frames(ideal), filmed, atol=1e-6)
    chosen = np.array([3, 1])
    np.testing.assert_allclose(camera.distort_frames(ideal[chosen], chosen), filmed[chosen], atol=1e-6)


def test_the_ideal_camera_is_the_frames_median() -> None:
    camera = MovingCamera.of(PLAIN, zooms(), None)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (690.0, 701.5, 307.5, 235.5)
    assert camera.at(3) == replace(PLAIN, fx=960.0, fy=976.0, cx=315.0, cy=231.0)
    np.testing.assert_allclose(camera.enlargement(N_FRAMES)[:, 0], 690.0 / zooms()[:, 0, 0])


def test_without_a_zoom_pixels_are_the_plain_cameras() -> None:
    camera, pixels = MovingCamera.of(BENT, None, motion()), np.full((N_FRAMES, 2, 2), 100.0)
    assert np.array_equal(camera.undistort_frames(pixels), BENT.undistort(pixels))
    assert np.array_equal(camera.distort_frames(pixels), BENT.distort(pixels))
    assert (camera.enlargement(N_FRAMES) == 1.0).all() and camera.at(2) == BENT


def test_the_mirror_shows_the_same_from_the_other_side() -> None:
    camera, seen = MovingCamera.of(BENT, zooms(), motion()), points()
    flipped = seen * [-1.0, 1.0, 1.0]
    pixels = camera.distort_frames(camera.project(torch.from_numpy(seen)).numpy())
    mirrored = camera.mirrored().distort_frames(camera.mirrored().project(torch.from_numpy(flipped)).numpy())
    np.testing.assert_allclose(mirrored, pixels * [-1.0, 1.0] + [camera.width, 0.0], atol=1e-9)
    world = in_world(seen, camera.camera_from_world)
    np.testing.assert_allclose(in_world(flipped, camera.mirrored().camera_from_world), world * [-1.0, 1.0, 1.0])
    again = camera.mirrored().mirrored()
    np.testing.assert_allclose(again.matrices, camera.matrices)
    np.testing.assert_allclose(again.camera_from_world, camera.camera_from_world)


def test_a_point_of_the_world_is_found_again() -> None:
    place, moved = np.array([0.1, -0.2, 1.5]), motion()
    seen = moved[:, :3, :3] @ place + moved[:, :3, 3]
    np.testing.assert_allclose(in_world(seen[:, None], moved)[:, 0], np.tile(place, (N_FRAMES, 1)))


def test_scaling_scales_every_frame() -> None:
    camera = MovingCamera.of(PLAIN, zooms(), motion()).scaled(1.5)
    np.testing.assert_allclose(camera.matrices[:, 0, 0], 1.5 * zooms()[:, 0, 0])
    np.testing.assert_allclose(camera.matrices[:, :2, 2], zooms()[:, :2, 2])
    assert camera.fx == 1.5 * 690.0


def test_a_part_of_the_clip_keeps_its_rows() -> None:
    part = MovingCamera.of(PLAIN, zooms(), motion()).of_frames(slice(1, 3))
    assert part.fx == 690.0 and len(part.matrices) == len(part.camera_from_world) == 2
    assert part.at(0).fx == 600.0


def test_what_is_no_camera_is_named() -> None:
    assert find_motion_problem(zooms(), motion()) is None
    for index, value, words in (
        ((1, 0, 1), 0.5, "K of frame 1 is no camera matrix"),
        ((2, 0, 0), -1.0, "K of frame 2 has focal lengths -1 and 793 px"),
        ((3, 1, 1), np.nan, "K of frame 3 holds what is no number"),
    ):
        matrices = zooms()
        matrices[index] = value
        assert words in (find_motion_problem(matrices, motion()) or "")
    for index, value, words in (
        ((1, 0, 1), 0.5, "camera_from_world of frame 1 does not turn by a rotation matrix"),
        ((2, 3, 0), 0.1, "camera_from_world of frame 2 has a last row"),
        ((0, 1, 3), np.inf, "camera_from_world of frame 0 holds what is no number"),
    ):
        moved = motion()
        moved[index] = value
        assert words in (find_motion_problem(zooms(), moved) or "")
    assert "mirrors" in (find_motion_problem(zooms(), np.tile(np.diag([-1.0, 1.0, 1.0, 1.0]), (4, 1, 1))) or "")
