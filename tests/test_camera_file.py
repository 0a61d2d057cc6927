"""Files of `--cameras`: what is read, and one sentence for what does not fit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from fitter.camera import Camera, assumed_camera
from fitter.camera_motion import MovingCamera
from fitter.errors import InputError
from fitter.observe.camera_file import read_cameras

SIZE, N_FRAMES = (640, 480), 3


def matrices() -> np.ndarray:
    rows = np.tile(np.array([[500.0, 0.0, 320.0], [0.0, 505.0, 240.0], [0.0, 0.0, 1.0]]), (N_FRAMES, 1, 1))
    rows[:, 0, 0] += [0.0, 10.0, 20.0]
    return rows


def motion() -> np.ndarray:
    rows = np.tile(np.eye(4), (N_FRAMES, 1, 1))
    rows[1, :3, :3] = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    rows[:, :3, 3] = [[0.0, 0.0, 0.0], [0.1, 0.2, 0.3], [0.2, 0.2, 0.2]]
    return rows


def written(path: Path, **arrays: object) -> Path:
    """An .npz or .json file of the arrays."""
    if path.suffix == ".npz":
        np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})  # pyright: ignore
    else:
        path.write_text(json.dumps({name: np.asarray(array).tolist() for name, array in arrays.items()}))
    return path


@pytest.mark.parametrize("name", ["cameras.npz", "cameras.json"])
def test_both_formats_give_a_moving_camera(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, K=matrices(), camera_from_world=motion(), distortion=[0.1, 0.0, 0.0, 0.0])
    camera = read_cameras(path, SIZE, N_FRAMES).of(assumed_camera(SIZE))
    assert isinstance(camera, MovingCamera) and camera.known
    assert (camera.fx, camera.distortion) == (510.0, (0.1, 0.0, 0.0, 0.0))
    assert np.array_equal(camera.matrices, matrices()) and np.array_equal(camera.camera_from_world, motion())
    assert camera.at(2) == Camera(520.0, 505.0, 320.0, 240.0, *SIZE, (0.1, 0.0, 0.0, 0.0))


def test_one_matrix_for_all_frames_is_a_plain_camera(tmp_path: Path) -> None:
    path = written(tmp_path / "cameras.npz", K=matrices()[0])
    camera = read_cameras(path, SIZE, N_FRAMES).of(assumed_camera(SIZE))
    assert type(camera) is Camera and camera == Camera(500.0, 505.0, 320.0, 240.0, *SIZE)


def test_motion_alone_leaves_the_focal_length_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "cameras.json", camera_from_world=motion())
    camera = read_cameras(path, SIZE, N_FRAMES).of(assumed_camera(SIZE))
    assert isinstance(camera, MovingCamera) and not camera.known and len(camera.matrices) == 0
    assert camera.fx == assumed_camera(SIZE).fx


FAULTS = {
    "holds neither K nor camera_from_world": {"other": [1.0]},
    "K has shape (2, 3, 3), expected (3, 3, 3) or (3, 3)": {"K": matrices()[:2]},
    "camera_from_world has shape (3, 3, 4), expected (3, 4, 4)": {"camera_from_world": motion()[:, :3]},
    "K of frame 0 is no camera matrix": {"K": matrices() @ np.diag([1.0, 1.0, 2.0])},
    "camera_from_world of frame 0 does not turn by a rotation": {
        "camera_from_world": motion() * [[[1.0], [2.0], [1.0], [1.0]]]
    },
    "camera_from_world of frame 2 does not turn by a rotation": {
        "camera_from_world": motion() + np.pad([[[1e308]]], [(2, 0), (0, 3), (0, 3)])
    },
    "the principal point (900, 240) of frame 0 lies outside the 640x480 frames": {
        "K": matrices() + np.array([[0.0, 0.0, 580.0], [0.0] * 3, [0.0] * 3])
    },
    "holds distortion without K": {"camera_from_world": motion(), "distortion": [0.0] * 4},
    "expected distortion as 4 or 5 finite numbers": {"K": matrices(), "distortion": [0.0] * 3},
}


@pytest.mark.parametrize("words", FAULTS)
@pytest.mark.parametrize("name", ["cameras.npz", "cameras.json"])
def test_what_does_not_fit_is_said_in_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    path = written(tmp_path / name, **FAULTS[words])
    with pytest.raises(InputError) as caught:
        read_cameras(path, SIZE, N_FRAMES)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text("fx")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "broken.json").write_text('{"K": [[1, "x"], [2]]}')
    (tmp_path / "list.json").write_text("[1, 2]")
    np.savez(tmp_path / "text.npz", K=np.array(["a"]))
    np.savez(tmp_path / "objects.npz", K=np.array([{}], dtype=object), allow_pickle=True)  # pyright: ignore
    for name, words in (
        ("cameras.txt", "of an unknown kind"),
        ("absent.npz", "does not exist"),
        ("broken.npz", "no .npz file"),
        ("broken.json", "K is no list of matrices"),
        ("list.json", "expected a JSON object"),
        ("text.npz", "K is of type <U1, expected numbers"),
        ("objects.npz", "not a plain array"),
    ):
        with pytest.raises(InputError, match=words):
            read_cameras(tmp_path / name, SIZE, N_FRAMES)


def colmap(folder: Path, cameras: str, images: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cameras.txt").write_text(cameras)
    (folder / "images.txt").write_text(images)
    return folder


LENSES = "# Camera list\n1 SIMPLE_RADIAL 640 480 500 320 240 0.05\n"
HALF = np.sqrt(0.5)
IMAGES = f"""# Image list
7 1 0 0 0 0 0 0 1 frame10.png

3 {HALF} 0 0 {HALF} 0.1 0.2 0.3 1 frame2.png
10 20 -1 30 40 5
9 2 0 0 0 0.5 0 0 1 frame11.png

"""


def test_colmaps_images_are_the_frames_in_natural_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = read_cameras(colmap(tmp_path / "sparse", LENSES, IMAGES), SIZE, N_FRAMES)
    assert given.matrices is not None and given.camera_from_world is not None
    assert given.distortion == (0.05, 0.0, 0.0, 0.0)
    assert given.of(assumed_camera(SIZE)).matrix.tolist() == [[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]]
    # A quarter turn about z, then the shift.
    np.testing.assert_allclose(given.camera_from_world[0] @ [1.0, 0.0, 0.0, 1.0], [0.1, 1.2, 0.3, 1.0], atol=1e-12)
    np.testing.assert_allclose(given.camera_from_world[1], np.eye(4))
    np.testing.assert_allclose(given.camera_from_world[2][:3, 3], [0.5, 0.0, 0.0])
    assert "taken as a metre" in caplog.text


@pytest.mark.parametrize(
    ("cameras", "images", "words"),
    [
        (LENSES, IMAGES.rsplit("9 2", 1)[0], "registers 2 images, expected 3"),
        (LENSES.replace("SIMPLE_RADIAL", "FISHEYE"), IMAGES, "expected a camera of model SIMPLE_PINHOLE, "),
        (LENSES.replace("640 480", "320 240"), IMAGES, "is of 320x240 images, expected 640x480"),
        (LENSES.replace(" 0.05", ""), IMAGES, "has 3 parameters, not SIMPLE_RADIAL's"),
        (LENSES.replace("500", "f"), IMAGES, "are no numbers"),
        (LENSES, IMAGES.replace("0 0 1 frame10", "0 0 2 frame10"), "is by camera 2, which cameras.txt does not hold"),
        (LENSES, IMAGES.replace("frame11", "frame10"), "image frame10.png is there twice"),
        (LENSES, IMAGES.replace("9 2 0", "9 0 0"), "image frame11.png has no rotation"),
        (LENSES, IMAGES.replace(" 1 frame10.png", ""), "found 8 words"),
        (
            LENSES + "2 SIMPLE_RADIAL 640 480 500 320 240 0.1\n",
            IMAGES.replace("0 0 1 frame10", "0 0 2 frame10"),
            "different lens distortions",
        ),
    ],
)
def test_a_colmap_model_that_does_not_fit(tmp_path: Path, cameras: str, images: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cameras(colmap(tmp_path / "sparse", cameras, images), SIZE, N_FRAMES)
    assert words in str(caught.value)


def test_an_absent_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_cameras(tmp_path, SIZE, N_FRAMES)


@pytest.mark.parametrize(
    ("cameras", "images"),
    [
        ("]" * 100_000, IMAGES),
        (f"1 {'x' * 100_000} 640 480 1", IMAGES),
        (f"1 PINHOLE 640 {'4' * 100_000} 500 500 320 240", IMAGES),
        (f"{'1' * 100_000} PINHOLE 640 480 500 500 320", IMAGES),
        (LENSES, IMAGES.replace("9 2 0", "9 0 0").replace("frame11", "f" * 100_000)),
        (LENSES, IMAGES.replace("1 frame11", "1" * 100_000 + " frame11")),
        (LENSES, IMAGES.replace("9 2 0 0 0", "9 1e308 1e308 1e308 1e308")),
    ],
)
def test_a_hostile_colmap_model_is_quoted_in_few_words(tmp_path: Path, cameras: str, images: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cameras(colmap(tmp_path / "model", cameras, images), SIZE, N_FRAMES)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 300


def test_a_pipe_in_the_place_of_colmaps_text_is_not_waited_for(tmp_path: Path) -> None:
    folder = colmap(tmp_path / "model", LENSES, IMAGES)
    (folder / "images.txt").unlink()
    os.mkfifo(folder / "images.txt")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_cameras(folder, SIZE, N_FRAMES)
