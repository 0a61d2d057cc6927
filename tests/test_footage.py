"""Windows cut out of clips: where each pixel comes from, light, borders, mirrors, lenses, and what images hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.clip import Frame, open_clip
from fitter.errors import InputError
from fitter.observe.footage import LEAST_LEVEL, Cut, Footage, pictures_of
from fitter.observe.masks import MaskFolder
from fitter.render.shading import linear_to_srgb, srgb_to_linear
from fitter.render.window import Windows

WIDTH, HEIGHT = 64, 48
CAMERA = Camera(60.0, 60.0, 30.0, 25.0, WIDTH, HEIGHT)


@dataclass(frozen=True)
class Frames:
    """A clip in memory; `damaged` is the frame at which reading fails."""

    pictures: tuple[Frame, ...]
    damaged: int | None = None
    path: Path = Path("memory")
    name: str = "memory"
    fps: float = 30.0
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def width(self) -> int:
        return self.pictures[0].shape[1]

    @property
    def height(self) -> int:
        return self.pictures[0].shape[0]

    @property
    def n_frames(self) -> int:
        return len(self.pictures)

    @property
    def time_s(self) -> np.ndarray:
        return np.arange(self.n_frames) / self.fps

    def frames(self) -> Iterator[Frame]:
        for index, picture in enumerate(self.pictures):
            if index == self.damaged:
                raise InputError("frame cannot be read: expected an intact file")
            yield picture

    def still(self, index: int) -> Frame:
        return self.pictures[index]


def noise(n_frames: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Frames:
    pictures = np.random.default_rng(0).integers(0, 256, (n_frames, size[1], size[0], 3), dtype=np.uint8)
    return Frames(tuple(pictures))


def windows(size: int, *squares: tuple[float, float, float]) -> Windows:
    """One window per (x, y, side) in image pixels."""
    table = torch.tensor(squares, dtype=torch.float64)
    return Windows(table[:, :2], size / table[:, 2], size)


def smooth(size: tuple[int, int] = (WIDTH, HEIGHT)) -> Frame:
    """A picture without fine detail, so that sampling it between its pixels loses nothing."""
    x, y = np.meshgrid(np.arange(size[0]) / size[0], np.arange(size[1]) / size[1])
    waves = [np.sin(3.0 * x + 2.0 * y), np.cos(4.0 * y), np.sin(2.5 * x * y + 1.0)]
    return (128 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def test_a_window_on_whole_pixels_is_the_picture_itself() -> None:
    clip = noise(2)
    cut = Footage(clip, CAMERA).cut(windows(16, (8, 4, 16), (40, 32, 16)))
    assert torch.equal(cut.rgb[0], torch.from_numpy(clip.pictures[0][4:20, 8:24]))
    assert torch.equal(cut.rgb[1], torch.from_numpy(clip.pictures[1][32:48, 40:56]))
    assert cut.inside.all() and cut.masks is None


def test_a_point_of_the_image_lies_where_windows_say() -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[20:23, 30:33] = 255
    square = windows(40, (24.3, 15.1, 15.0))
    light = srgb_to_linear(Footage(Frames((picture,)), CAMERA).cut(square).rgb[0].double().mean(-1) / 255)
    centres = torch.arange(40) + 0.5
    found = torch.stack([(light.sum(0) * centres).sum(), (light.sum(1) * centres).sum()]) / light.sum()
    expected = square.of_image(torch.tensor([[[31.5, 21.5]]], dtype=torch.float64))[0, 0]
    assert torch.allclose(found, expected, atol=0.1)  # half an image pixel would be 1.3


def test_shrinking_keeps_the_mean_light_and_does_not_alias() -> None:
    """Stripes of one pixel become one grey: that of half the light, not of half the sRGB value."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, ::2] = 255
    cut = Footage(Frames((picture,)), CAMERA).cut(windows(8, (8, 8, 32)))
    assert set(cut.rgb.unique().tolist()) == {188}  # sRGB of 0.5
    uneven = Footage(Frames((picture,)), CAMERA).cut(windows(10, (7.3, 8, 33)))
    assert int(uneven.rgb.max()) - int(uneven.rgb.min()) < 40  # nearest pixels would give 255


def test_noise_loses_contrast_as_its_mean_does() -> None:
    clip = noise(1, (256, 256))
    camera = Camera(200.0, 200.0, 128.0, 128.0, 256, 256)
    cut = Footage(clip, camera).cut(windows(32, (0, 0, 256)))
    light = srgb_to_linear(torch.from_numpy(clip.pictures[0]).double() / 255)
    exact = light.reshape(32, 8, 32, 8, 3).mean(dim=(1, 3))
    assert (srgb_to_linear(cut.rgb[0].double() / 255) - exact).abs().max() < 0.005  # a step of 8 bits is 0.004 there


@pytest.mark.parametrize("side", [10.0, 23.7, 100.0])
def test_left_hands_see_the_flipped_frames(side: float) -> None:
    clip = noise(1)
    flipped = Frames((np.ascontiguousarray(clip.pictures[0][:, ::-1]),))
    square = windows(24, (13.6, 9.2, side))
    seen, expected = (
        Footage(clip, CAMERA.mirrored(), mirrored=True).cut(square),
        Footage(flipped, CAMERA.mirrored()).cut(square),
    )
    assert (seen.rgb.int() - expected.rgb.int()).abs().max() <= 1  # rounding
    assert torch.equal(seen.inside, expected.inside)


LENS = Camera(60.0, 60.0, 30.0, 25.0, WIDTH, HEIGHT, distortion=(-0.5, 0.1, 0.01, -0.02))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_window_shows_the_frame_without_distortion(mirrored: bool) -> None:
    picture = smooth()
    camera = LENS.mirrored() if mirrored else LENS
    frame = np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture
    # OpenCV counts from the centre of the first pixel.
    matrix = camera.matrix - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
    straight = cv2.undistort(frame, matrix, np.array(camera.distortion))
    cut = Footage(Frames((picture,)), camera, mirrored).cut(windows(24, (38, 22, 24)))
    difference = cut.rgb[0].numpy().astype(int) - straight[22:46, 38:62]
    assert np.abs(difference).max() <= 2  # interpolated in light here, in sRGB there
    without = Footage(Frames((frame,)), CAMERA).cut(windows(24, (38, 22, 24)))
    assert np.abs(without.rgb[0].numpy().astype(int) - straight[22:46, 38:62]).max() > 5


def test_a_hand_partly_outside_the_image() -> None:
    picture = smooth()
    cut = Footage(Frames((picture,)), CAMERA).cut(windows(20, (-8, 38, 20)))
    inside = torch.zeros(20, 20, dtype=torch.bool)
    inside[:10, 8:] = True  # 48 - 38 rows, and from the image's left border on
    assert torch.equal(cut.inside[0], inside)
    assert torch.equal(cut.rgb[0, :10, :8], cut.rgb[0, :10, 8:9].expand(10, 8, 3))  # the border goes on
    pictures = pictures_of(cut, torch.ones(1, 20, 20, dtype=torch.bool), torch.ones(1))
    assert torch.equal(pictures.weight[0] > 0, inside)


@pytest.mark.parametrize("square", [(500.0, 500.0, 20.0), (1e9, 0.0, 20.0), (0.0, 0.0, 1e9), (float("nan"), 0.0, 20.0)])
def test_a_window_that_has_lost_its_hand_shows_nothing(square: tuple[float, float, float]) -> None:
    cut = Footage(noise(), CAMERA).cut(windows(8, square))
    assert not cut.inside.any()


def test_progress_counts_the_frames() -> None:
    told: list[int] = []
    Footage(noise(7), CAMERA).cut(windows(8, *[(0.0, 0.0, 8.0)] * 7), told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_a_frame_that_cannot_be_read_ends_the_cut() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Footage(Frames(noise(3).pictures, damaged=2), CAMERA).cut(windows(8, *[(0.0, 0.0, 8.0)] * 3))


def test_windows_must_be_of_the_clip() -> None:
    with pytest.raises(AssertionError, match="1 windows for 2 frames of a clip"):
        Footage(noise(2), CAMERA).cut(windows(8, (0, 0, 8)))


def written(folder: Path, *images: np.ndarray) -> Path:
    for index, image in enumerate(images):
        assert cv2.imwrite(str(folder / f"{index}.png"), image)
    return folder


def with_alpha(picture: np.ndarray) -> np.ndarray:
    alpha = np.random.default_rng(1).integers(0, 256, picture.shape[:2], dtype=np.uint8)
    return np.dstack([picture, alpha])


STORED = {
    "grey": lambda bgr: bgr[..., 1],
    "16-bit": lambda bgr: bgr.astype(np.uint16) * 257,
    "16-bit grey": lambda bgr: bgr[..., 1].astype(np.uint16) * 257,
    "RGBA": with_alpha,
}


@pytest.mark.parametrize("kind", STORED)
def test_every_kind_of_image_is_cut_alike(kind: str, tmp_path: Path) -> None:
    rgb = smooth()
    clip = open_clip(written(tmp_path, STORED[kind](np.ascontiguousarray(rgb[..., ::-1]))))
    expected = np.repeat(rgb[..., 1:2], 3, axis=2) if "grey" in kind else rgb
    cut = Footage(clip, CAMERA).cut(windows(16, (10, 10, 16)))
    assert torch.equal(cut.rgb[0], torch.from_numpy(expected[10:26, 10:26]))


def test_a_clip_of_one_frame() -> None:
    cut = Footage(noise(1), CAMERA).cut(windows(8, (0, 0, 32)))
    assert cut.n_frames == 1 and cut.resized(4).size == 4


def test_masks_follow_the_frames(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 5:25] = 255
    masks = MaskFolder.open(written(tmp_path, mask), (WIDTH, HEIGHT), 1)
    cut = Footage(noise(1), CAMERA, masks=masks).cut(windows(48, (0, 0, 48)))
    assert cut.masks is not None
    assert torch.equal(cut.masks[0], torch.from_numpy(mask[:, :48]))
    flipped = Footage(noise(1), CAMERA.mirrored(), mirrored=True, masks=masks).cut(windows(48, (0, 0, 48)))
    assert flipped.masks is not None
    assert torch.equal(flipped.masks[0], torch.from_numpy(mask[:, ::-1][:, :48].copy()))


def test_a_border_pixel_of_a_shrunk_mask_is_partly_hand(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :10] = 255
    masks = MaskFolder.open(written(tmp_path, mask), (WIDTH, HEIGHT), 1)
    cut = Footage(noise(1), CAMERA, masks=masks).cut(windows(12, (0, 0, 48)))  # 4 image pixels per window pixel
    assert cut.masks is not None
    assert cut.masks[0, 0].tolist() == [255, 255, 128, *[0] * 9]


def test_half_the_size_is_the_mean_light_of_two_by_two() -> None:
    cut = Footage(noise(2), CAMERA).cut(windows(16, (0, 0, 16), (-4, 20, 16)))
    half = cut.resized(8)
    light = srgb_to_linear(cut.rgb.double() / 255).reshape(2, 8, 2, 8, 2, 3).mean(dim=(2, 4))
    assert torch.equal(half.rgb, (linear_to_srgb(light) * 255).round().to(torch.uint8))
    assert torch.equal(half.inside, cut.inside.reshape(2, 8, 2, 8, 2).all(dim=4).all(dim=2))
    assert cut.resized(16) is cut


def test_resizing_keeps_inside_only_where_all_of_it_was() -> None:
    inside = torch.ones(1, 6, 6, dtype=torch.bool)
    inside[0, 0, 0] = False
    small = Cut(torch.zeros(1, 6, 6, 3, dtype=torch.uint8), inside).resized(4)
    expected = torch.ones(4, 4, dtype=torch.bool)
    expected[0, 0] = False
    assert torch.equal(small.inside[0], expected)


def flat_cut(value: int, masks: torch.Tensor | None = None) -> Cut:
    return Cut(torch.full((2, 4, 4, 3), value, dtype=torch.uint8), torch.ones(2, 4, 4, dtype=torch.bool), masks)


def test_level_is_the_light_under_the_mesh_in_trusted_frames() -> None:
    cut = flat_cut(0)
    cut.rgb[0, :2] = 188
    cut.rgb[1] = 255
    covered = torch.zeros(2, 4, 4, dtype=torch.bool)
    covered[:, :2] = True
    pictures = pictures_of(cut, covered, torch.tensor([0.5, 0.0], dtype=torch.float64))
    assert pictures.level.item() == pytest.approx(0.503, abs=1e-3)  # light of sRGB 188
    assert pictures.rgb is cut.rgb and pictures.weight.dtype == torch.float32


@pytest.mark.parametrize("trust", [0.0, 1.0])
def test_level_of_darkness_or_of_nothing_can_be_divided_by(trust: float) -> None:
    pictures = pictures_of(flat_cut(0), torch.ones(2, 4, 4, dtype=torch.bool), torch.full((2,), trust))
    assert pictures.level.item() == pytest.approx(LEAST_LEVEL)


def test_masks_take_weight_only_where_they_are_believed() -> None:
    masks = torch.zeros(2, 4, 4, dtype=torch.uint8)
    masks[:, 0] = 200
    covered, trust = torch.ones(2, 4, 4, dtype=torch.bool), torch.ones(2)
    weight = pictures_of(flat_cut(90, masks), covered, trust, torch.tensor([True, False])).weight
    assert weight[0].sum() == 4 and weight[0, 0].all() and weight[1].all()
    assert pictures_of(flat_cut(90, masks), covered, trust).weight.all()
