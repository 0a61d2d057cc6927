"""Meshes are read back by trimesh: closed, outward, in the file's axes, with their seams."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from fitter.errors import InputError
from fitter.export.meshes import HandMesh, Suffix, split_seams, write_frame_meshes, write_glb, write_mesh, write_obj
from tests.toy_hand import toy_hand

TURN = np.array([1.0, -1.0, -1.0])
SUFFIXES: tuple[Suffix, ...] = (".glb", ".obj")


def right_hand() -> HandMesh:
    model = toy_hand()
    vertices = model.template.numpy() + [0.1, 0.05, 0.5]
    return HandMesh("right", vertices, model.faces.numpy(), model.uv.numpy(), model.uv_faces.numpy())


def left_hand() -> HandMesh:
    right = right_hand()
    return replace(right, side="left", vertices_m=right.vertices_m * [-1.0, 1.0, 1.0])


def load(path: Path) -> Any:
    """The file's only mesh, unmerged; its `visual` has a type that depends on the file."""
    loaded = trimesh.load(path, process=False)
    mesh = next(iter(loaded.geometry.values())) if isinstance(loaded, trimesh.Scene) else loaded
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("mesh", [right_hand(), left_hand()], ids=["right", "left"])
def test_a_mesh_comes_back_closed_outward_and_in_the_files_axes(tmp_path: Path, mesh: HandMesh, suffix: Suffix) -> None:
    path = tmp_path / f"hand{suffix}"
    write_mesh(path, mesh)
    loaded = load(path)
    corners = loaded.vertices[loaded.faces]
    expected = (mesh.vertices_m * TURN)[mesh.outward(mesh.faces)]
    assert np.allclose(corners, expected, atol=1e-6)
    welded = trimesh.Trimesh(loaded.vertices, loaded.faces, process=True)
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    assert welded.is_watertight and welded.volume == pytest.approx(trimesh.Trimesh(*_plain(right_hand())).volume)
    stored = loaded.vertex_normals[loaded.faces]
    assert np.allclose(np.linalg.norm(stored, axis=-1), 1.0, atol=1e-3)
    assert ((stored * loaded.face_normals[:, None]).sum(-1) > 0).all()


def _plain(mesh: HandMesh) -> tuple[np.ndarray, np.ndarray]:
    return mesh.vertices_m, mesh.faces


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_uv_of_every_face_corner_survives(tmp_path: Path, suffix: Suffix) -> None:
    mesh = left_hand()
    assert mesh.uv is not None and mesh.uv_faces is not None
    path = tmp_path / f"hand{suffix}"
    write_mesh(path, mesh, np.full((8, 8, 3), 200, np.uint8))
    loaded = load(path)
    assert np.allclose(loaded.visual.uv[loaded.faces], mesh.uv[mesh.outward(mesh.uv_faces)], atol=1e-5)
    assert len(loaded.vertices) == len(mesh.uv) > len(mesh.vertices_m)


def test_the_texture_travels(tmp_path: Path) -> None:
    texture = np.zeros((16, 16, 3), np.uint8)
    texture[:8, :, 0] = 250
    write_glb(tmp_path / "hand.glb", right_hand(), texture)
    write_obj(tmp_path / "hand.obj", right_hand(), texture)
    assert sorted(os.listdir(tmp_path)) == ["hand.glb", "hand.mtl", "hand.obj", "hand.png"]
    inside = load(tmp_path / "hand.glb").visual.material.baseColorTexture
    beside = load(tmp_path / "hand.obj").visual.material.image
    assert (np.asarray(inside.convert("RGB")) == texture).all()
    assert (np.asarray(beside.convert("RGB")) == texture).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rest_axes_are_written_as_they_are_and_a_model_without_uv_has_none(tmp_path: Path, suffix: Suffix) -> None:
    mesh = replace(right_hand(), axes="rest", uv=None, uv_faces=None)
    write_mesh(tmp_path / f"rest{suffix}", mesh)
    loaded = load(tmp_path / f"rest{suffix}")
    assert len(loaded.vertices) == len(mesh.vertices_m)
    assert np.allclose(loaded.vertices[loaded.faces], mesh.vertices_m[mesh.faces], atol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_file_per_frame_with_a_hand(tmp_path: Path, suffix: Suffix) -> None:
    mesh = right_hand()
    frames = np.stack([mesh.vertices_m + [0.01 * t, 0, 0] for t in range(3)])
    frames[1] = np.nan
    assert write_frame_meshes(tmp_path / "frames", mesh, frames, suffix) == 2
    written = sorted(path.name for path in (tmp_path / "frames").glob(f"*{suffix}"))
    assert written == [f"frame_000000{suffix}", f"frame_000002{suffix}"]
    last = load(tmp_path / "frames" / written[1])
    assert np.allclose(last.vertices[last.faces], (frames[2] * TURN)[mesh.faces], atol=1e-6)


def test_seams_are_split_and_nothing_else() -> None:
    faces, uv_faces = np.array([[0, 1, 2], [2, 1, 3]]), np.array([[0, 1, 2], [2, 4, 3]])
    source, split, uv = split_seams(np.arange(10.0).reshape(5, 2), faces, uv_faces)
    assert sorted(source.tolist()) == [0, 1, 1, 2, 3]  # vertex 1 has two UVs
    assert (source[split] == faces).all() and (uv[split] == np.arange(10.0).reshape(5, 2)[uv_faces]).all()


def test_a_failure_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hand.glb"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match="hand.glb"):
        write_glb(path, right_hand())
    assert os.listdir(tmp_path) == ["hand.glb"] and path.read_bytes() == b"old"
