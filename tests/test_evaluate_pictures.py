"""PSNR and SSIM out of a result folder: a clip that the result itself would render is alike, any other less."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from fitter.clip import Clip
from fitter.evaluate.compare import nothing_measured
from fitter.evaluate.pictures import compare_pictures
from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.export.texture import write_png
from fitter.hand import HandModel
from fitter.render.appearance import Appearance
from fitter.render.shading import directional_light, srgb_to_linear
from fitter.render.textured import blend_light
from fitter.visualize.dressed import DressedHand, draw_dressed, dressed_mesh
from fitter.visualize.overlay import DrawnHand
from tests.test_result import make_result

SIZE, FRAMES, TEXTURE = (200, 160), 3, 64
GAINS = (0.7, 1.0, 1.2)


@pytest.fixture(scope="module")
def made(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultFolder, list[np.ndarray]]:
    """A hand at rest that moves sideways, its result folder, and its pictures with another exposure in each frame."""
    folder = tmp_path_factory.mktemp("result")
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0.25, 0.8, size=(8, 8, 3))
    texture = (np.kron(coarse, np.ones((TEXTURE // 8, TEXTURE // 8, 1))) * 255).astype(np.uint8)
    write_png(folder / "texture_left.png", texture)
    lamp = torch.nn.functional.normalize(torch.tensor([0.3, -0.5, -0.8], dtype=torch.float64), dim=0)
    lighting = directional_light(lamp, torch.full((3,), 0.5).double(), torch.full((3,), 0.4).double()).float()
    rest = anny.template.numpy() * [-1, 1, 1]
    vertices = np.stack([rest - rest.mean(0) + [0.02 * frame, 0.0, 0.45] for frame in range(FRAMES)]).astype(np.float32)
    base = make_result(hands=1, frames=FRAMES)
    result = replace(
        base,
        side=("left",),
        present=np.ones((1, FRAMES), dtype=bool),
        vertices_m=vertices[None],
        joints_m=np.zeros((1, FRAMES, 21, 3), dtype=np.float32),
        faces=anny.faces.numpy().astype(np.int32),
        uv=anny.uv.numpy().astype(np.float32),
        uv_faces=anny.uv_faces.numpy().astype(np.int32),
        lighting=lighting.numpy()[None, None],
        K=np.array([[260.0, 0, 100], [0, 260, 80], [0, 0, 1]]),
        distortion=np.zeros(0),
        image_size=SIZE,
    )
    albedo = srgb_to_linear(torch.from_numpy(texture.astype(np.float32) / 255))
    gain = torch.tensor(GAINS)[:, None].expand(FRAMES, 3)
    appearance = Appearance(albedo, torch.ones(TEXTURE, TEXTURE), lighting, gain)
    present = result.present[0]
    drawn = DrawnHand("left", vertices, result.joints_m[0], result.faces, present, present)
    hand = DressedHand(drawn, appearance, result.uv, result.uv_faces)
    pictures = []
    for frame in range(FRAMES):
        picture = np.full((SIZE[1], SIZE[0], 3), 90, dtype=np.uint8)
        found = draw_dressed([hand], dressed_mesh([hand]), frame, result.camera)
        assert found is not None
        layer, (left, top, right, bottom) = found
        blend_light(picture[top:bottom, left:right], layer)
        pictures.append(picture)
    return ResultFolder(folder, result), pictures


def clip_of(pictures: list[np.ndarray]) -> Clip:
    return cast(Clip, SimpleNamespace(frames=lambda: iter(pictures)))


def test_the_results_own_rendering_is_alike_at_any_exposure(made):
    folder, pictures = made
    errors = compare_pictures(nothing_measured(), folder, 0, clip_of(pictures))
    assert errors.psnr_db.shape == errors.ssim.shape == (FRAMES,)
    assert (errors.psnr_db > 45).all() and (errors.ssim > 0.99).all()  # 8-bit levels


def test_noise_and_shifts_are_seen(made):
    folder, pictures = made
    noise = np.random.default_rng(1).normal(scale=8.0, size=pictures[0].shape)
    noisy = [np.clip(picture + noise, 0, 255).astype(np.uint8) for picture in pictures]
    errors = compare_pictures(nothing_measured(), folder, 0, clip_of(noisy))
    assert errors.psnr_db == pytest.approx(20 * np.log10(255 / 8), abs=0.5)
    shifted = compare_pictures(nothing_measured(), folder, 0, clip_of([np.roll(p, 4, axis=1) for p in pictures]))
    assert (shifted.psnr_db < 30).all() and (shifted.ssim < 0.95).all()


def test_frames_without_the_hand_and_hands_without_texture(made, tmp_path):
    folder, pictures = made
    present = np.array([[True, False, True]])
    some = replace(folder, result=replace(folder.result, present=present))
    assert len(compare_pictures(nothing_measured(), some, 0, clip_of(pictures)).psnr_db) == 2
    bare = ResultFolder(Path(tmp_path), folder.result)
    assert len(compare_pictures(nothing_measured(), bare, 0, clip_of(pictures)).psnr_db) == 0
    dark = replace(folder, result=replace(folder.result, lighting=np.full((1, 1, 9, 3), np.nan, dtype=np.float32)))
    assert len(compare_pictures(nothing_measured(), dark, 0, clip_of(pictures)).psnr_db) == 0


def test_where_the_other_hand_is_nothing_is_compared(made, tmp_path):
    """A right hand stands over a part of the left one, and the picture there is spoilt."""
    folder, pictures = made
    for side in ("left", "right"):
        (tmp_path / f"texture_{side}.png").write_bytes((folder.path / "texture_left.png").read_bytes())
    result = folder.result
    middle = result.vertices_m.mean(axis=2, keepdims=True)
    other = (
        (result.vertices_m - middle) * np.array([-1, 1, 1], np.float32)
        + middle
        + np.array([0.05, 0.0, 0.0], np.float32)
    )
    doubled = {
        name: np.concatenate([getattr(result, name)] * 2) for name in ("present", "observed", "joints_m", "lighting")
    }
    both = replace(result, side=("left", "right"), vertices_m=np.concatenate([result.vertices_m, other]), **doubled)
    spoilt = [picture.copy() for picture in pictures]
    for frame, picture in enumerate(spoilt):
        picture[draw_right_hand(both, frame)] = 0
    alone = compare_pictures(nothing_measured(), ResultFolder(tmp_path, result), 0, clip_of(spoilt)).psnr_db
    beside = compare_pictures(nothing_measured(), ResultFolder(tmp_path, both), 0, clip_of(spoilt)).psnr_db
    assert (alone < 25).all() and (beside > 45).all()


def draw_right_hand(result: FitResult, frame: int) -> np.ndarray:
    """Where the second hand of the result covers a pixel or a part of it."""
    rows = (result.vertices_m[1], result.joints_m[1], result.faces, result.present[1], result.observed[1])
    appearance = Appearance(
        torch.ones(TEXTURE, TEXTURE, 3), torch.ones(TEXTURE, TEXTURE), torch.ones(9, 3), torch.ones(FRAMES, 3)
    )
    hand = DressedHand(DrawnHand("right", *rows), appearance, result.uv, result.uv_faces)
    found = draw_dressed([hand], dressed_mesh([hand]), frame, result.camera)
    assert found is not None
    layer, (left, top, right, bottom) = found
    covered = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    covered[top:bottom, left:right] = layer[..., 3] > 0
    return covered
