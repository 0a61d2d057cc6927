"""The crops' pixels: where the homography says, of left hands mirrored, black where there is nothing to see."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from fitter.camera import Camera
from fitter.clip.images import ImageClip
from fitter.observe.footage import Footage
from priors.network.crop import Crops, crops_around
from priors.network.crop_pictures import crop_pictures

CAMERA = Camera(fx=300.0, fy=310.0, cx=150.0, cy=110.0, width=320, height=240)
SIZE = 64


@dataclass(frozen=True)
class Shown(ImageClip):
    """A clip of one picture."""

    picture: np.ndarray = field(kw_only=True)

    def still(self, index: int) -> np.ndarray:
        return self.picture


def clip_of(picture: np.ndarray) -> Shown:
    height, width = picture.shape[:2]
    return Shown(Path("x"), "x", width, height, 30.0, np.zeros(1), (Path("x"),), picture=picture)


def dotted() -> np.ndarray:
    """Grey with a bright dot at pixel (200, 130) and a dark one at (170, 90)."""
    picture = np.full((240, 320, 3), 128, np.uint8)
    picture[128:133, 198:203] = 255
    picture[88:93, 168:173] = 0
    return picture


def crops_of_hand(camera: Camera) -> Crops:
    points = torch.tensor([[[150.0, 60.0], [230.0, 160.0], [160.0, 150.0], [200.0, 80.0]]]).double()
    hand = points.repeat(1, 6, 1)[:, :21]
    return crops_around(camera.rays(hand)[..., :2], torch.ones(1, 21, dtype=torch.bool))


def centre_of(picture: torch.Tensor, bright: bool) -> torch.Tensor:
    """The middle of the brightest or darkest pixels."""
    grey = picture.float().mean(0) - 128.0
    weight = (grey if bright else -grey).clamp_min(60.0) - 60.0
    place = torch.arange(SIZE) + 0.5
    return torch.stack([(weight.sum(0) * place).sum(), (weight.sum(1) * place).sum()]) / weight.sum()


def test_a_place_of_the_frame_is_where_the_homography_takes_it() -> None:
    crops = crops_of_hand(CAMERA)
    picture = crop_pictures(Footage(clip_of(dotted()), CAMERA), crops, SIZE)[0]
    assert picture.shape == (3, SIZE, SIZE)
    for place, bright in (((200.5, 130.5), True), ((170.5, 90.5), False)):
        point = crops.homography(CAMERA, SIZE)[0] @ torch.tensor([*place, 1.0]).double()
        assert torch.allclose(centre_of(picture, bright).double(), point[:2] / point[2], atol=0.3), place


def test_a_left_hands_crop_is_cut_from_the_mirrored_frame() -> None:
    mirrored = CAMERA.mirrored()
    crops = crops_of_hand(mirrored)
    flipped = crop_pictures(Footage(clip_of(dotted()[:, ::-1].copy()), mirrored), crops, SIZE)
    as_left = crop_pictures(Footage(clip_of(dotted()), mirrored, mirrored=True), crops, SIZE)
    assert int((flipped.int() - as_left.int()).abs().max()) <= 1
    assert int(flipped.max()) > 200


def test_a_crop_that_looks_away_is_black() -> None:
    crops = crops_of_hand(CAMERA)
    sideways = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).double()
    away = replace(crops, rotation_crop_camera=(sideways @ crops.rotation_crop_camera))
    assert int(crop_pictures(Footage(clip_of(dotted()), CAMERA), away, SIZE).max()) == 0
