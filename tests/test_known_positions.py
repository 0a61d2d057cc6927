"""Files of known joints and vertices: what is unknown has no weight, and what cannot be a hand is one sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.errors import InputError
from fitter.observe.known_positions import read_known_joints, read_known_vertices

T = 4


def joints() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(-0.08, 0.08, (T, 21, 3)) + [0.0, 0.0, 0.5]


def write(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "known.npz"
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return path


def test_nan_is_unknown_and_all_others_are_kept(tmp_path: Path) -> None:
    places = joints()
    places[1, 3, 2] = np.nan
    places[2] = np.nan
    known = read_known_joints(write(tmp_path, joints_m=places.astype(np.float32)), T)
    expected = np.ones((T, 21))
    expected[1, 3] = 0.0
    expected[2] = 0.0
    assert np.array_equal(known.weight.numpy(), expected)
    kept = known.weight.numpy() > 0
    assert np.allclose(known.positions_m.numpy()[kept], places[kept], atol=1e-7)
    assert not known.positions_m.numpy()[~kept].any() and known.positions_m.dtype == torch.float64


@pytest.mark.parametrize("per_point", [True, False])
def test_a_weight_is_per_point_or_per_frame(tmp_path: Path, per_point: bool) -> None:
    weight = np.linspace(0.0, 1.0, T * 21).reshape(T, 21) if per_point else np.linspace(0.0, 1.0, T)
    places = joints()
    places[0, 0] = np.nan
    known = read_known_joints(write(tmp_path, joints_m=places, weight=weight), T)
    expected = (weight if per_point else np.repeat(weight[:, None], 21, axis=1)).copy()
    expected[0, 0] = 0.0
    assert np.allclose(known.weight.numpy(), expected)


def test_vertices_are_read_alike(tmp_path: Path) -> None:
    places = np.random.default_rng(1).uniform(-0.08, 0.08, (T, 50, 3)) + [0.0, 0.0, 0.5]
    known = read_known_vertices(write(tmp_path, vertices_m=places), T, 50)
    assert np.allclose(known.positions_m.numpy(), places)


def test_the_mirror_negates_x(tmp_path: Path) -> None:
    known = read_known_joints(write(tmp_path, joints_m=joints()), T)
    mirrored = known.mirrored()
    assert torch.equal(mirrored.positions_m[..., 0], -known.positions_m[..., 0])
    assert torch.equal(mirrored.positions_m[..., 1:], known.positions_m[..., 1:])
    assert torch.equal(mirrored.mirrored().positions_m, known.positions_m)


def changed(**changes: object) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {"joints_m": joints(), **{name: np.asarray(value) for name, value in changes.items()}}


def at(frame: int, point: int, value: float) -> np.ndarray:
    places = joints()
    places[frame, point, 2] = value
    return places


BAD = {
    "another number of frames": (changed(joints_m=joints()[:3]), r"shape \(3, 21, 3\).*\(4, 21, 3\).*4 frames"),
    "hands in front": (changed(joints_m=joints()[None]), r"shape \(1, 4, 21, 3\)"),
    "words": (changed(joints_m=np.full((T, 21, 3), "x")), "type <U1, expected numbers"),
    "nothing known": (changed(joints_m=np.full((T, 21, 3), np.nan)), "every point of joints_m is unknown"),
    "no weight at all": (changed(weight=np.zeros((T, 21))), "every point of joints_m is unknown"),
    "weights beyond 1": (changed(weight=np.full(T, 2.0)), "weight holds numbers that are not from 0 to 1"),
    "weights that are none": (changed(weight=np.full(T, np.nan)), "not from 0 to 1"),
    "a weight for each hand": (changed(weight=np.ones((T, 20))), r"weight has shape \(4, 20\).*or \(4,\)"),
    "infinity": (changed(joints_m=at(2, 5, np.inf)), "frame 2, point 5 is infinite"),
    "behind the camera": (changed(joints_m=at(1, 7, -0.1)), "frame 1, point 7 lies behind the camera"),
    "relative to the wrist": (changed(joints_m=joints() - joints()[:, :1]), "not relative to the wrist"),
    "millimetres": (changed(joints_m=1000.0 * joints()), "expected metres"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_a_hand_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, sentence = BAD[name]
    with pytest.raises(InputError, match=sentence) as error:
        read_known_joints(write(tmp_path, **make()), T)
    assert "known.npz" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_holds_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_known_joints(tmp_path / "none.npz", T)
    with pytest.raises(InputError, match="holds no vertices_m: expected an array"):
        read_known_vertices(write(tmp_path, joints_m=joints()), T, 778)
    with pytest.raises(InputError, match="the hand model's 778 vertices"):
        read_known_vertices(write(tmp_path, vertices_m=joints()), T, 778)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(InputError, match="no .npz file"):
        read_known_joints(broken, T)


class Trap:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("trap-was-sprung"),))


def test_pickled_objects_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "objects.npz"
    np.savez(path, joints_m=np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="plain array"):
        read_known_joints(path, T)
    assert not (tmp_path / "trap-was-sprung").exists()
