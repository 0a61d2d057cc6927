"""Files of HaMeR's and WiLoR's numbers: npz and json alike, every shape they are saved in, and errors."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.errors import InputError
from fitter.initialise.hamer_file import cam_crop_to_full, read_hamer
from tests.simulated_regressor import hamer_arrays, with_full_camera, write_npz
from tests.toy_problem import CAMERA, random_state, toy_hand

T, SIZE = 6, (CAMERA.width, CAMERA.height)
Arrays = dict[str, np.ndarray]


def arrays() -> Arrays:
    state = random_state(toy_hand(), T, seed=0)
    posed = toy_hand().with_shape(state.betas).with_pose(state.rotations, state.wrist)
    return hamer_arrays(posed, CAMERA)


def test_npz_and_json_are_read_alike(tmp_path: Path) -> None:
    plain = {name: array.tolist() for name, array in arrays().items()}
    nested = {name: plain.pop(name) for name in ("global_orient", "hand_pose", "betas")}
    (tmp_path / "h.json").write_text(json.dumps({**plain, "pred_mano_params": nested}))
    one, other = read_hamer(write_npz(tmp_path / "h.npz", arrays()), T, SIZE), read_hamer(tmp_path / "h.json", T, SIZE)
    assert np.array_equal(one.rotations, other.rotations) and np.allclose(one.translation_m, other.translation_m)
    assert one.sides == {"right"} and one.frame.tolist() == list(range(T))


def test_the_full_camera_is_taken_where_it_is_given(tmp_path: Path) -> None:
    crop = read_hamer(write_npz(tmp_path / "crop.npz", arrays()), T, SIZE)
    full = read_hamer(write_npz(tmp_path / "full.npz", with_full_camera(arrays(), SIZE)), T, SIZE)
    # The same place in the image, and the distance in proportion to the focal length.
    assert np.allclose(crop.translation_m[:, :2], full.translation_m[:, :2])
    assert np.allclose(crop.translation_m[:, 2] / crop.focal_px, full.translation_m[:, 2] / full.focal_px)


def test_a_crop_in_the_middle_of_scale_one() -> None:
    """Half the crop's side over a metre: 50 px per metre, so 1000 px of focal length see it at 20 m."""
    full = cam_crop_to_full(
        np.array([[1.0, 0.1, -0.2]]), np.array([[320.0, 240.0]]), np.array([100.0]), (640, 480), 1e3
    )
    assert np.allclose(full, [[0.1, -0.2, 20.0]])
    aside = cam_crop_to_full(
        np.array([[1.0, 0.1, -0.2]]), np.array([[370.0, 240.0]]), np.array([100.0]), (640, 480), 1e3
    )
    assert np.allclose(aside, [[1.1, -0.2, 20.0]])


def test_rows_name_their_frames_and_batches_keep_their_axes(tmp_path: Path) -> None:
    given = arrays()
    given["global_orient"] = given["global_orient"][:, 0]  # (N, 3, 3)
    given["right"] = given["right"][:, None]
    given["img_size"] = np.tile(given["img_size"], (T, 1))
    given["frame"] = np.array([7, 3, 3, 0, 9, 5])
    given["hand_pose"][4] = np.nan
    found = read_hamer(write_npz(tmp_path / "h.npz", given), 10, SIZE)
    assert found.frame.tolist() == [7, 3, 3, 0, 5]
    assert found.rotations.shape == (5, 16, 3, 3)


def test_rows_of_nothing_are_left_out(tmp_path: Path) -> None:
    given = arrays()
    for name in ("global_orient", "pred_cam"):
        given[name] = given[name].copy()
        given[name][2] = np.nan
    assert read_hamer(write_npz(tmp_path / "h.npz", given), T, SIZE).frame.tolist() == [0, 1, 3, 4, 5]


def changed(**others: np.ndarray) -> Callable[[], Arrays]:
    return lambda: {**arrays(), **others}


def without(name: str) -> Callable[[], Arrays]:
    return lambda: {key: array for key, array in arrays().items() if key != name}


WRONG = {
    "holds no betas": without("betas"),
    "holds no box_size": without("box_size"),
    "holds no img_size": without("img_size"),
    "holds 6 hands and no frame": lambda: arrays(),
    "frame holds numbers other than 0 to 7": changed(frame=np.arange(T) + 5),
    "img_size is 640x480, expected the size of the clip's frames, 1280x720": changed(img_size=np.array([640.0, 480.0])),
    "hand_pose has shape (6, 45), expected (6, 15, 3, 3)": changed(hand_pose=np.zeros((T, 45))),
    "its rotations are no rotation matrices": changed(frame=np.arange(T), hand_pose=np.ones((T, 15, 3, 3))),
    "betas reach 1e+06": changed(frame=np.arange(T), betas=np.full((T, 10), 1e6)),
    "has a hand behind the camera": changed(frame=np.arange(T), pred_cam=np.full((T, 3), -1.0)),
    "holds no hand": changed(frame=np.arange(T), betas=np.full((T, 10), np.nan)),
    "betas is of type <U1": changed(betas=np.full((T, 10), "x")),
    "is not a plain array": changed(betas=np.array([{"a": 1}], dtype=object)),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, sentence: str) -> None:
    file = write_npz(tmp_path / "h.npz", WRONG[sentence]())
    with pytest.raises(InputError) as raised:
        read_hamer(file, 8, SIZE)
    assert sentence in str(raised.value) and str(raised.value).startswith(str(file))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (open, (str(tmp_path / "exploded"), "w"))  # type: ignore[return-value]

    (tmp_path / "hamer.pkl").write_bytes(pickle.dumps({"betas": Bomb()}))
    torch.save({"betas": torch.zeros(1)}, tmp_path / "hamer.pt")
    np.save(tmp_path / "hamer.npy", np.array([{"betas": 1}], dtype=object), allow_pickle=True)
    for name, sentence in (("pkl", "is no .npz file"), ("npy", "is no .npz file"), ("pt", "holds no global_orient")):
        with pytest.raises(InputError, match=sentence):
            read_hamer(tmp_path / f"hamer.{name}", T, SIZE)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2]", "an object of named lists"),
        ("{", "is no valid JSON"),
        ('{"global_orient": [[1, 2], [3]]}', "global_orient is no list of numbers in rows of equal length"),
        ('{"pred_mano_params": {"betas": "many"}}', "betas is no list of numbers"),
    ],
)
def test_json_that_is_none_of_theirs(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_hamer(tmp_path / "h.json", T, SIZE)
