"""From a keypoint fit to one that depth corrects: windows that hold the hand, and the distance the images measure."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.observe.depth_maps import DepthFolder, DepthMaps, open_depth_folder
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from fitter.scene import Scene
from fitter.synthesis.depth import WINDOW_PX, at_measured_distance, with_depth
from tests.mesh_scene import mesh_scene
from tests.toy_problem import CAMERA, evidence_of


def filmed(scene: Scene, folder: Path, behind_mm: int = 900) -> DepthFolder:
    """What a depth camera writes of a scene, to the millimetre."""
    folder.mkdir()
    size = (CAMERA.width, CAMERA.height)
    seen = ZBuffer().rasterize(to_screen(CAMERA, scene.vertices), scene.model.faces, size)
    for frame, (covered, depth) in enumerate(zip(seen.covered.numpy(), seen.depth.numpy(), strict=True)):
        image = np.where(covered, np.round(depth * 1000.0), behind_mm).astype(np.uint16)
        assert cv2.imwrite(str(folder / f"{frame}.png"), image)
    return open_depth_folder(folder, size, len(seen.depth))


def without_windows(scene: Scene) -> Scene:
    return scene.seen_through(None)


def farther(scene: Scene, factor: float) -> Scene:
    trajectory = scene.state.trajectory + torch.tensor([0.0, 0.0, factor]).double().log().nan_to_num(0.0, 0.0, 0.0)
    return scene.with_state(replace(scene.state, trajectory=trajectory))


def test_the_maps_are_what_the_windows_see(tmp_path: Path) -> None:
    truth = mesh_scene(2)
    scene, evidence = with_depth(without_windows(truth), evidence_of(truth, seed=0), filmed(truth, tmp_path / "depth"))
    maps = evidence.depth_maps
    assert maps is not None and maps.size == WINDOW_PX == scene.fragments.depth.shape[-1]
    covered = scene.fragments.covered & (maps.depth_m < 0.8)
    assert float(covered.double().mean()) > 0.05
    error = (maps.depth_m - scene.fragments.depth)[covered].abs()
    assert float(error.median()) < 0.001  # images of whole millimetres
    # Nearest neighbours: the outline is off by up to half an image pixel.
    assert float((scene.fragments.covered == (maps.depth_m < 0.8)).double().mean()) > 0.99


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_a_hand_at_the_wrong_distance_is_moved_to_the_measured_one(tmp_path: Path, factor: float) -> None:
    """Its place in the image stays: x/z and y/z of the wrist do."""
    truth = mesh_scene(3)
    folder = filmed(truth, tmp_path / "depth")
    start = without_windows(farther(truth, factor))
    scene, _ = with_depth(start, evidence_of(truth, seed=0), folder)
    assert float((scene.state.wrist[:, 2] / truth.state.wrist[:, 2] - 1.0).abs().max()) < 0.02
    assert torch.equal(scene.state.trajectory[:, :2], start.state.trajectory[:, :2])


def test_without_known_pixels_nothing_moves() -> None:
    scene = mesh_scene(2)
    blind = DepthMaps(torch.zeros(2, 64, 64), torch.ones(2).double())
    assert at_measured_distance(scene, blind) is scene
    seen = DepthMaps(scene.fragments.depth * 2.0, torch.zeros(2).double())
    assert at_measured_distance(scene, seen) is scene


def test_frames_without_keypoints_are_not_trusted(tmp_path: Path) -> None:
    truth = mesh_scene(3)
    evidence = evidence_of(truth, seed=0, missing=0.0)
    unseen = evidence.confidence.clone()
    unseen[1] = 0.0
    evidence = replace(evidence, confidence=unseen)
    _, evidence = with_depth(without_windows(truth), evidence, filmed(truth, tmp_path / "depth"))
    assert evidence.depth_maps is not None and evidence.depth_maps.trust.tolist() == [1.0, 0.0, 1.0]
