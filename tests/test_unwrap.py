"""UVs by xatlas: every face keeps its corners, nothing overlaps or is mirrored; the cache is used only if it fits."""

import logging
import os

import numpy as np
import pytest

from fitter.hand import unwrap as module
from fitter.hand.cache import default_folder
from fitter.hand.unwrap import unwrap
from tests.synthetic_mano import synthetic_mano


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def signed_areas(points: np.ndarray) -> np.ndarray:
    a, b = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def test_corners_areas_and_orientation():
    hand = synthetic_mano("right")
    uv, uv_faces = unwrap(hand.v_template, hand.f)
    assert uv.dtype == np.float64 and uv_faces.dtype == np.int64 and uv_faces.shape == (1538, 3)
    assert 0 <= uv.min() and uv.max() <= 1
    # A corner belongs to one vertex only: its faces never disagree about which.
    vertex = np.full(len(uv), -1)
    vertex[uv_faces.ravel()] = hand.f.ravel()
    np.testing.assert_array_equal(vertex[uv_faces], hand.f)
    areas = signed_areas(uv[uv_faces])
    assert (areas > 0).all()
    corners = hand.v_template[hand.f]
    surface = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    ratio = areas / surface
    assert np.percentile(ratio, 99) / np.percentile(ratio, 1) < 1.5  # texels are spread evenly over the skin
    assert 0.5 < areas.sum() < 1


def test_no_two_faces_share_a_texel():
    hand = synthetic_mano("right")
    uv, uv_faces = unwrap(hand.v_template, hand.f)
    texels = (np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1).reshape(-1, 2) + 0.5) / 256
    count = np.zeros(len(texels), dtype=int)
    for corners in uv[uv_faces]:
        box = ((texels >= corners.min(0)) & (texels <= corners.max(0))).all(axis=1)
        inside = np.ones(box.sum(), dtype=bool)
        for i in range(3):
            edge, to_texel = corners[(i + 1) % 3] - corners[i], texels[box] - corners[i]
            inside &= edge[0] * to_texel[:, 1] - edge[1] * to_texel[:, 0] > 1e-12
        count[box] += inside
    assert count.max() == 1 and (count == 1).mean() > 0.5


def test_the_second_call_reads_the_cache(monkeypatch):
    hand = synthetic_mano("right")
    first = unwrap(hand.v_template, hand.f)
    assert len(list(default_folder().iterdir())) == 1
    monkeypatch.setattr(module, "_parametrize", lambda *_: pytest.fail("unwrapped again"))
    second = unwrap(hand.v_template, hand.f)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_another_mesh_has_another_entry():
    hand = synthetic_mano("right")
    unwrap(hand.v_template, hand.f)
    unwrap(hand.v_template * 1.1, hand.f)
    unwrap(hand.v_template, np.roll(hand.f, 1, axis=0))
    assert len(list(default_folder().iterdir())) == 3


@pytest.mark.parametrize("damage", ["text", "truncated", "other keys", "other mesh", "indices", "pickled"])
def test_a_damaged_cache_is_replaced(damage, caplog):
    hand = synthetic_mano("right")
    uv, uv_faces = unwrap(hand.v_template, hand.f)
    (path,) = default_folder().iterdir()
    content = {
        "other keys": {"a": uv},
        "other mesh": {"uv": uv, "uv_faces": uv_faces[:-1]},
        "indices": {"uv": uv, "uv_faces": uv_faces + len(uv)},
        "pickled": {"uv": uv.astype(object), "uv_faces": uv_faces},
    }
    if damage in content:
        with path.open("wb") as handle:
            np.savez(handle, **content[damage])
    else:
        path.write_bytes(b"no zip" if damage == "text" else path.read_bytes()[:500])
    with caplog.at_level(logging.WARNING):
        again = unwrap(hand.v_template, hand.f)
    assert "unwrapped again" in caplog.text
    np.testing.assert_array_equal(again[1], uv_faces)
    caplog.clear()
    unwrap(hand.v_template, hand.f)
    assert not caplog.records


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    hand = synthetic_mano("right")
    with caplog.at_level(logging.WARNING):
        assert unwrap(hand.v_template, hand.f)[1].shape == (1538, 3)
    assert "cannot be written" in caplog.text


def test_a_full_disk_leaves_no_file(monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    hand = synthetic_mano("right")
    with caplog.at_level(logging.WARNING):
        unwrap(hand.v_template, hand.f)
    assert "No space left" in caplog.text
    assert list(default_folder().iterdir()) == []


def test_the_default_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".cache" / "handfit"
