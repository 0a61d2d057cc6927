"""A zooming, moving camera on its way through the house: evidence, windows, depth, result, pictures, labels."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera
from fitter.errors import InputError
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from fitter.export.result import FitResult, find_problem, save_result
from fitter.hand import HandModel
from fitter.observe.depth_maps import DepthFolder
from fitter.observe.evidence import prepare_evidence
from fitter.observe.footage import Footage
from fitter.observe.observations import Side
from fitter.render.window import Windows
from fitter.visualize.overlay import draw_frame
from fitter.visualize.viewer.frustum import straightened
from tests import test_assemble, test_evidence, test_overlay
from tests.labelled_results import make_result
from tests.short_clip import ShortClip, run
from tests.test_camera_motion import motion, zooms
from tests.toy_hand import toy_hand


def moving(camera: Camera, n_frames: int) -> MovingCamera:
    """`camera` with as many frames of a zoom and a motion."""
    matrices = np.tile(camera.matrix, (n_frames, 1, 1))
    matrices[:, [0, 1], [0, 1]] *= np.linspace(0.8, 1.3, n_frames)[:, None]
    matrices[:, :2, 2] += np.linspace(-6.0, 4.0, n_frames)[:, None]
    return MovingCamera.of(camera, matrices, np.tile(motion(), (2, 1, 1))[:n_frames])


def test_evidence_is_that_of_the_ideal_camera() -> None:
    plain, camera = test_evidence.observed(), moving(test_evidence.CAMERA, test_evidence.T)
    assert plain.depth_px is not None
    ideal = replace(test_evidence.CAMERA, fx=camera.fx, fy=camera.fy, cx=camera.cx, cy=camera.cy)
    own = np.array([camera.at(frame).fx for frame in range(test_evidence.T)])[:, None]
    filmed = replace(
        plain,
        keypoints_px=camera.distort_frames(plain.keypoints_px),
        depth_px=plain.depth_px * own / camera.fx,
    )
    evidence, expected = prepare_evidence(filmed, camera, toy_hand()), prepare_evidence(plain, ideal, toy_hand())
    assert torch.allclose(evidence.keypoints_px, expected.keypoints_px)
    assert torch.allclose(evidence.depth_px, expected.depth_px)
    assert filmed.depth_px is not None and not np.allclose(filmed.depth_px, plain.depth_px)
    assert expected.camera_from_world is None and evidence.camera_from_world is not None
    assert np.array_equal(evidence.camera_from_world.numpy(), camera.camera_from_world)


class Still:
    """A clip of one picture again and again."""

    width, height, n_frames = 640, 480, 4


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_window_looks_where_the_frames_own_camera_sees_it(mirrored: bool) -> None:
    camera = MovingCamera.of(Camera(600.0, 610.0, 310.0, 245.0, 640, 480), zooms(), None)
    seen_as = camera.mirrored() if mirrored else camera
    point = torch.tensor([[0.03, -0.02, 0.5]], dtype=torch.float64)
    flipped = point * torch.tensor([-1.0 if mirrored else 1.0, 1.0, 1.0], dtype=torch.float64)
    middle = seen_as.project(flipped).numpy()[0]
    footage = Footage(Still(), seen_as, mirrored)  # pyright: ignore[reportArgumentType]
    for frame in range(4):
        corners = footage.window_corners(middle - 8.0, 1.0, 16, frame)
        assert corners is not None
        np.testing.assert_allclose(corners[8, 8], camera.at(frame).project(point).numpy()[0])


def test_depth_is_read_where_the_frames_own_camera_sees_it(tmp_path: Path) -> None:
    size, rng = (64, 48), np.random.default_rng(0)
    fixed = Camera(50.0, 50.0, 32.0, 24.0, *size)
    matrices = np.stack([fixed.matrix, fixed.matrix])
    matrices[1, [0, 1], [0, 1]] *= 2.0
    camera = MovingCamera.of(fixed, matrices, None)  # of the median, 75 px
    images = rng.integers(400, 600, (2, 48, 64)).astype(np.uint16)
    files = tuple(tmp_path / f"{frame}.png" for frame in range(2))
    for file, image in zip(files, images, strict=True):
        cv2.imwrite(str(file), image)
    windows = Windows(torch.tensor([[20.0, 14.0]] * 2), torch.ones(2), 20)
    depth = DepthFolder(files, size).cut(windows, camera).depth_m.numpy()
    for frame in range(2):
        x, y = (np.array([27.5, 30.5]) - [32.0, 24.0]) / 75.0 * matrices[frame, 0, 0] + [32.0, 24.0]
        assert depth[frame, 16, 7] == pytest.approx(images[frame, int(y), int(x)] / 1000.0)


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_result_holds_the_path_and_pixels_of_the_frames(side: Side) -> None:
    camera = moving(test_assemble.CAMERA, test_assemble.T)
    ideal = Camera(camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    result = test_assemble.result_of(test_assemble.hand_of(side, camera=camera), camera=camera)
    assert find_problem(result) is None
    assert np.array_equal(result.K, ideal.matrix) and np.array_equal(result.K_frames, camera.matrices)
    for frame in np.flatnonzero(result.present[0]).tolist():
        joints = result.joints_m[0, frame].astype(np.float64)
        own = result.camera.at(frame)
        assert own.matrix.tolist() == camera.matrices[frame].tolist()
        np.testing.assert_allclose(result.keypoints_px[0, frame], own.project(torch.from_numpy(joints)), atol=1e-2)
        transform = camera.camera_from_world[frame]
        again = result.joints_world_m[0, frame] @ transform[:3, :3].T + transform[:3, 3]
        np.testing.assert_allclose(again, joints, atol=1e-9)
    assert np.isnan(result.vertices_world_m[0, ~result.present[0]]).all()


def test_the_path_survives_the_file(tmp_path: Path) -> None:
    camera = moving(test_assemble.CAMERA, test_assemble.T)
    result = test_assemble.result_of(test_assemble.hand_of("right", camera=camera), camera=camera)
    save_result(result, tmp_path)
    loaded = FitResult.load(tmp_path)
    assert np.array_equal(loaded.K_frames, camera.matrices)
    assert np.array_equal(loaded.camera_from_world, camera.camera_from_world)
    assert "expected no rows or one per frame" in (find_problem(replace(result, K_frames=result.K_frames[1:])) or "")
    bent = result.camera_from_world * 1.1
    assert "camera_from_world of frame 0" in (find_problem(replace(result, camera_from_world=bent)) or "")


def test_without_a_path_there_is_no_world() -> None:
    result = test_assemble.result_of(test_assemble.hand_of("right"))
    with pytest.raises(ValueError, match="expected a fit with --cameras"):
        _ = result.joints_world_m


def test_the_overlay_is_drawn_with_the_frames_own_camera() -> None:
    hand, camera = test_overlay.drawn_hand(), moving(test_overlay.CAMERA, test_overlay.FRAMES)
    pictures = [draw_frame(test_overlay.GREY, [hand], t, camera, test_overlay.MESH_ONLY) for t in (0, 2)]
    expected = [draw_frame(test_overlay.GREY, [hand], t, camera.at(t), test_overlay.MESH_ONLY) for t in (0, 2)]
    assert all((a == b).all() for a, b in zip(pictures, expected, strict=True))
    assert (pictures[0] != draw_frame(test_overlay.GREY, [hand], 0, camera.at(2), test_overlay.MESH_ONLY)).any()


def test_the_viewers_image_is_the_ideal_cameras() -> None:
    fixed = Camera(60.0, 60.0, 32.0, 24.0, 64, 48)
    matrices = np.stack([fixed.matrix, fixed.matrix, fixed.matrix])
    matrices[2, [0, 1], [0, 1]] = 30.0
    camera = MovingCamera.of(fixed, matrices, None)
    image = np.zeros((48, 64, 3), np.uint8)
    image[20:28, 28:36] = 200  # about the middle, 8 px wide in the frame of half the focal length
    assert straightened(image, camera, 0) is image
    rows, columns = np.nonzero(straightened(image, camera, 2)[..., 0] > 100)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (16, 16)
    assert rows.mean() == pytest.approx(23.5) and columns.mean() == pytest.approx(31.5)


def test_labels_have_the_frames_own_intrinsics(tmp_path: Path) -> None:
    made = make_result(toy_hand(), sides=("right",))
    camera = moving(made.result.camera, made.result.present.shape[1])
    made = made.with_result(K=camera.matrix, K_frames=camera.matrices)
    export_labels([made.source()], LabelRequest(FORMATS["npz"], images="frames"), tmp_path / "labels")
    with np.load(tmp_path / "labels" / "clip.npz") as labels:
        frames = np.flatnonzero(made.result.present[0])
        np.testing.assert_allclose(labels["intrinsics"], camera.matrices[frames])
    assert not np.allclose(camera.matrices[0], camera.matrices[1])


def test_interhand_has_no_place_for_a_zoom(tmp_path: Path) -> None:
    made = make_result(toy_hand(), sides=("right",))
    camera = moving(made.result.camera, made.result.present.shape[1])
    made = made.with_result(K=camera.matrix, K_frames=camera.matrices)
    with pytest.raises(InputError, match="a capture has one camera"):
        export_labels([made.source()], LabelRequest(FORMATS["interhand"]), tmp_path / "labels")
    assert not (tmp_path / "labels").exists()


def test_the_command_fits_with_a_path(anny: HandModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = ShortClip.make(anny, tmp_path)
    base, frames = clip.truth.camera, clip.truth.n_frames
    # The same frames as if the lens had been longer and longer: nearer hands of the same size would do it, too.
    zoomed = np.tile(base.matrix, (frames, 1, 1))
    zoomed[:, [0, 1], [0, 1]] *= np.linspace(1.0, 1.2, frames)[:, None]
    still = np.tile(np.eye(4), (frames, 1, 1))
    np.savez(tmp_path / "path.npz", K=zoomed, camera_from_world=still)
    assert run(clip.words(tmp_path / "out", "--cameras", str(tmp_path / "path.npz"))) == 0
    result = FitResult.load(tmp_path / "out")
    assert np.array_equal(result.K_frames, zoomed) and result.focal_source == "given" and result.focal_sigma == 0.0
    np.testing.assert_allclose(result.joints_world_m, result.joints_m, atol=1e-6)
    assert np.linalg.norm(result.keypoints_px[0] - clip.truth.keypoints_px, axis=-1).mean() < 3.0
    farther = result.joints_m[0, :, 0, 2] / clip.truth.joints_m[:, 0, 2]
    assert farther[-1] / farther[0] == pytest.approx(1.2, rel=0.05)
    both = clip.words(tmp_path / "out", "--cameras", str(tmp_path / "path.npz"), "--intrinsics", "300,300,160,120")
    assert run(both) == 2
    assert "both give K" in capsys.readouterr().err
