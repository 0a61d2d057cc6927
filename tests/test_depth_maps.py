"""Depth images: cut where the windows look, mirrored for left hands, and refused in one sentence if they do not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.observe.depth_maps import open_depth_folder
from fitter.render.window import Windows

SIZE = (60, 40)
CAMERA = Camera(fx=50.0, fy=50.0, cx=28.0, cy=21.0, width=60, height=40)


def image(frame: int) -> np.ndarray:
    """Every pixel tells its place: 500 mm, a millimetre for each column, a hundred for each row's step of 10."""
    row, column = np.meshgrid(np.arange(40), np.arange(60), indexing="ij")
    return (500 + column + 100 * row + 7 * frame).astype(np.uint16)


def folder_of(folder: Path, *images: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for frame, pixels in enumerate(images):
        # 8, 9, 10: natural order is not that of names.
        assert cv2.imwrite(str(folder / f"depth{frame + 8}.png"), pixels)
    return folder


def windows(origin: tuple[float, float], scale: float, size: int, n_frames: int = 3) -> Windows:
    return Windows(torch.tensor([origin] * n_frames).double(), torch.full((n_frames,), scale).double(), size)


def test_a_window_of_the_images_own_pixels_shows_them_in_metres(tmp_path: Path) -> None:
    folder = open_depth_folder(folder_of(tmp_path / "d", *(image(frame) for frame in range(3))), SIZE, 3)
    maps = folder.cut(windows((10.0, 5.0), 1.0, 16), CAMERA)
    for frame in range(3):
        expected = image(frame)[5:21, 10:26] / 1000.0
        assert np.allclose(maps.depth_m[frame].numpy(), expected)
    assert maps.size == 16 and torch.equal(maps.trust, torch.ones(3).double())
    assert maps.depth_m.dtype == torch.float32


def test_depths_are_taken_from_the_nearest_pixel_and_not_averaged(tmp_path: Path) -> None:
    folder = open_depth_folder(folder_of(tmp_path / "d", image(0)), SIZE, 1)
    fine = folder.cut(windows((10.0, 5.0), 2.0, 8, 1), CAMERA).depth_m[0].numpy()
    assert np.allclose(fine, np.kron(image(0)[5:9, 10:14], np.ones((2, 2))) / 1000.0)
    coarse = folder.cut(windows((0.0, 0.0), 0.25, 8, 1), CAMERA).depth_m[0].numpy()
    assert np.isin(np.round(coarse * 1000), image(0)).all()


def test_outside_of_the_image_and_where_the_camera_says_0_nothing_is_known(tmp_path: Path) -> None:
    pixels = image(0)
    pixels[10:20, 10:20] = 0
    folder = open_depth_folder(folder_of(tmp_path / "d", pixels), SIZE, 1)
    depth = folder.cut(windows((-4.0, -2.0), 1.0, 70, 1), CAMERA).depth_m[0].numpy()
    assert not depth[:2].any() and not depth[:, :4].any() and not depth[42:].any() and not depth[:, 64:].any()
    assert not depth[12:22, 14:24].any() and (depth[22:42, 4:64] > 0).all()


def test_a_left_hands_windows_look_at_the_flipped_image(tmp_path: Path) -> None:
    folder = open_depth_folder(folder_of(tmp_path / "d", image(0)), SIZE, 1)
    flipped = open_depth_folder(folder_of(tmp_path / "f", image(0)[:, ::-1]), SIZE, 1)
    seen = folder.flipped().cut(windows((3.0, 2.0), 1.3, 24, 1), CAMERA.mirrored())
    expected = flipped.cut(windows((3.0, 2.0), 1.3, 24, 1), CAMERA.mirrored())
    assert folder.flipped().flipped() == folder
    assert torch.equal(seen.depth_m, expected.depth_m) and float(seen.depth_m.min()) > 0.0


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_lens_bends_the_window(tmp_path: Path, mirrored: bool) -> None:
    """The window's pixels are undistorted; the images are not. Checked by the camera's own distortion of one pixel."""
    lens = Camera(50.0, 50.0, 28.0, 21.0, 60, 40, distortion=(0.3, 0.0, 0.01, 0.02))
    camera = lens.mirrored() if mirrored else lens
    folder = open_depth_folder(folder_of(tmp_path / "d", image(0)), SIZE, 1)
    seen = folder.flipped() if mirrored else folder
    depth = seen.cut(windows((20.0, 10.0), 1.0, 20, 1), camera).depth_m[0].numpy()
    x, y = camera.distort(np.array([[37.5, 26.5]]))[0]  # column 17, row 16 of the window
    x = 60 - x if mirrored else x
    assert depth[16, 17] == pytest.approx(image(0)[int(y), int(x)] / 1000.0)
    straight = folder.cut(windows((20.0, 10.0), 1.0, 20, 1), CAMERA).depth_m[0].numpy()
    assert not np.array_equal(depth, straight)


def test_another_number_of_images_is_refused(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "d", image(0), image(1))
    with pytest.raises(InputError, match=r"holds 2 PNG files, expected 3"):
        open_depth_folder(path, SIZE, 3)
    with pytest.raises(InputError, match="no folder"):
        open_depth_folder(path / "depth8.png", SIZE, 1)
    with pytest.raises(InputError, match="no folder"):
        open_depth_folder(tmp_path / "nowhere", SIZE, 1)


BAD = {
    "8 bits": (image(0).astype(np.uint8), r"8 bits and 1 channels: expected a 16-bit grey PNG"),
    "colour": (np.stack([image(0)] * 3, axis=-1), r"16 bits and 3 channels"),
    "another size": (image(0)[:30], r"is 60x30, expected 60x40"),
    "nothing known": (np.zeros((40, 60), np.uint16), "every pixel of every image is 0"),
    "metres": (np.full((40, 60), 1, np.uint16), "median depth is 1, expected millimetres"),
    "fifths of a millimetre": (np.full((40, 60), 40000, np.uint16), "median depth is 40000"),
}


@pytest.mark.parametrize("name", BAD)
def test_images_of_another_kind_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    pixels, sentence = BAD[name]
    with pytest.raises(InputError, match=sentence) as error:
        open_depth_folder(folder_of(tmp_path / "d", pixels), SIZE, 1)
    assert "\n" not in str(error.value)


def test_a_damaged_image_is_refused(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "d", image(0))
    for content in (b"", b"no picture"):
        (path / "depth8.png").write_bytes(content)
        with pytest.raises(InputError, match="depth8.png cannot be read"):
            open_depth_folder(path, SIZE, 1)


def test_one_known_frame_is_enough(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "d", np.zeros((40, 60), np.uint16), image(1))
    maps = open_depth_folder(folder, SIZE, 2).cut(windows((0.0, 0.0), 1.0, 8, 2), CAMERA)
    assert not maps.depth_m[0].any() and maps.depth_m[1].all()
