"""Textures are written as people see them, and lie right on a left hand's mesh too."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.export.meshes import HandMesh, Suffix, write_mesh
from fitter.export.texture import levels, texture_of, write_png, write_texture
from fitter.render.rasterizer import to_screen
from fitter.render.shading import srgb_to_linear
from fitter.render.textured import TexturedMesh, paint_textured
from tests.dressed_hand import TEXELS, appearance, coloured_hand

CAMERA = Camera(fx=400.0, fy=400.0, cx=160.0, cy=120.0, width=320, height=240)
VIEW = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))  # the files are y-up, seen along -z


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_levels_are_the_nearest_and_stay_in_range() -> None:
    values = torch.tensor([-0.5, 0.0, 0.499 / 255, 0.501 / 255, 0.5, 1.0, 3.0])
    assert levels(values).tolist() == [0, 0, 0, 1, 128, 255, 255]


def test_the_albedo_is_written_in_srgb_and_the_coverage_in_grey(tmp_path: Path) -> None:
    worn = appearance()
    write_texture(tmp_path, "left", worn)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coverage_left.png", "texture_left.png"]
    texture, coverage = read(tmp_path / "texture_left.png"), read(tmp_path / "coverage_left.png")
    assert texture.shape == (TEXELS, TEXELS, 3) and coverage.shape == (TEXELS, TEXELS)
    back = srgb_to_linear(torch.from_numpy(texture / 255.0))
    # Half a level of 255 is at most 0.0045 of linear light, where the curve is steepest (at white).
    assert torch.allclose(back, worn.albedo.double(), atol=0.0046)
    assert (coverage[: TEXELS // 2] == 255).all() and (coverage[TEXELS // 2 :] == 0).all()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(InputError, match="taken.png"):
        write_png(tmp_path / "taken.png", np.zeros((2, 2, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def rendered(path: Path) -> np.ndarray:
    """The mesh file as another program draws it: its own vertices, faces, UVs and picture, seen from +z."""
    loaded = trimesh.load(path, process=False)
    mesh: Any = next(iter(loaded.geometry.values())) if isinstance(loaded, trimesh.Scene) else loaded
    material = mesh.visual.material
    picture = material.baseColorTexture if path.suffix == ".glb" else material.image
    albedo = srgb_to_linear(torch.from_numpy(np.asarray(picture.convert("RGB")) / 255.0)).numpy()
    textured = TexturedMesh.of(len(mesh.vertices), mesh.faces, mesh.visual.uv, mesh.faces, albedo)
    vertices = torch.from_numpy(np.array(mesh.vertices)) @ VIEW + torch.tensor([0.0, 0.0, 0.5], dtype=torch.float64)
    vertices[:, :2] -= (vertices[:, :2].amin(0) + vertices[:, :2].amax(0)) / 2
    return paint_textured(to_screen(CAMERA, vertices), textured, torch.ones(len(vertices), 3), (320, 240))


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_the_texture_lies_on_a_left_mesh_as_on_the_right_one_in_the_mirror(tmp_path: Path, suffix: Suffix) -> None:
    model, texture = coloured_hand(), texture_of(appearance())
    faces, uv, uv_faces = model.faces.numpy(), model.uv.numpy(), model.uv_faces.numpy()
    # Tilted about the fingers' axis, so that the picture shows some of the back and of the thumb's side.
    rest = model.template.numpy() @ np.array([[1.0, 0, 0], [0, 0.6, 0.8], [0, -0.8, 0.6]])
    for side, flip in (("right", 1.0), ("left", -1.0)):
        mesh = HandMesh(side, rest * [flip, 1, 1], faces, uv, uv_faces, "rest")  # type: ignore[arg-type]
        write_mesh(tmp_path / f"{side}{suffix}", mesh, texture)
    right, left = rendered(tmp_path / f"right{suffix}"), rendered(tmp_path / f"left{suffix}")
    assert (right[..., 3] > 0).mean() > 0.05
    colours = right[right[..., 3] == 1.0][:, :3]
    assert (np.ptp(colours, axis=0) > 0.2).all()  # the picture does tell the sides of the hand apart
    difference = np.abs(left[:, ::-1] - right)
    assert (difference < 0.01).all(axis=-1).mean() > 0.998  # samples on an edge fall to the other side
    assert (np.abs(left - right) < 0.01).all(axis=-1).mean() < 0.95
