"""Virtual cameras turned to a hand: rotations that keep perspective, upright, the same for a hand anywhere."""

import cv2
import numpy as np
import torch

from fitter.camera import Camera
from fitter.rotation import exp
from priors.network.crop import KEYPOINTS_REACH, SMALLEST, crops_around, turned

CAMERA = Camera(600.0, 610.0, 320.0, 240.0, 640, 480)
EVERY = torch.ones(21, dtype=torch.bool)


def random_flat(count: int = 5) -> torch.Tensor:
    points = 0.05 * torch.randn(count, 21, 3, dtype=torch.float64) + torch.randn(count, 1, 3).double() * 0.2
    points[..., 2] += 0.9
    return points[..., :2] / points[..., 2:]


def test_into_and_out_of_are_inverse() -> None:
    flat = random_flat()
    crops = crops_around(flat, EVERY.expand(5, 21))
    assert torch.allclose(crops.out_of(crops.into(flat)), flat, atol=1e-12)


def test_keypoints_fill_the_crop_and_the_knuckles_are_above_the_wrist() -> None:
    flat = random_flat()
    crops = crops_around(flat, EVERY.expand(5, 21))
    units = crops.into(flat)
    assert torch.allclose(units.abs().amax((1, 2)), torch.full((5,), KEYPOINTS_REACH, dtype=torch.float64))
    way = crops.into(flat)[:, [5, 9, 13, 17]].mean(1) - units[:, 0]
    assert torch.allclose(way[:, 0] / way.norm(dim=-1), torch.zeros(5, dtype=torch.float64), atol=0.05)
    assert bool((way[:, 1] < 0).all())


def test_a_crop_is_a_rotated_camera() -> None:
    crops = crops_around(random_flat(), EVERY.expand(5, 21))
    axes = crops.rotation_crop_camera
    identity = torch.eye(3, dtype=torch.float64).expand(5, 3, 3)
    assert torch.allclose(axes @ axes.mT, identity, atol=1e-12)
    assert torch.allclose(torch.linalg.det(axes), torch.ones(5, dtype=torch.float64))


def test_a_hand_looks_the_same_wherever_it_is_in_the_picture() -> None:
    flat = random_flat(1)
    elsewhere = turned(exp(torch.tensor([[0.2, -0.3, 0.7]], dtype=torch.float64)), flat)
    here, there = (crops_around(each, EVERY.expand(1, 21)) for each in (flat, elsewhere))
    # The middle of a bounding box moves a little with the axes it is taken in: hence not exactly.
    assert float((here.into(flat) - there.into(elsewhere)).abs().max()) < 0.12


def test_homography_takes_pixels_where_rays_go() -> None:
    flat = random_flat()
    crops = crops_around(flat, EVERY.expand(5, 21))
    pixels = flat.numpy() * [CAMERA.fx, CAMERA.fy] + [CAMERA.cx, CAMERA.cy]
    mapped = np.stack(
        [
            cv2.perspectiveTransform(p[None], h.numpy())[0]
            for p, h in zip(pixels, crops.homography(CAMERA, 128), strict=True)
        ]
    )
    assert np.allclose(mapped, 64.0 + 64.0 * crops.into(flat).numpy(), atol=1e-6)


def test_depth_turns_with_the_axes() -> None:
    points = 0.05 * torch.randn(3, 21, 3, dtype=torch.float64) + torch.tensor([0.3, -0.2, 0.8])
    flat, depth = points[..., :2] / points[..., 2:], points[..., 2] / points[:, :1, 2] - 1.0
    crops = crops_around(flat, EVERY.expand(3, 21))
    z = (points @ crops.rotation_crop_camera.mT)[..., 2]
    assert torch.allclose(crops.depth_into(flat, depth) * crops.half[:, None], z / z[:, :1] - 1.0, atol=1e-12)


def test_unseen_points_do_not_count() -> None:
    flat = random_flat(1)
    seen = EVERY.clone()[None]
    seen[0, 7] = False
    moved = flat.clone()
    moved[0, 7] = 50.0
    crop, other = crops_around(flat, seen), crops_around(moved, seen)
    assert torch.equal(crop.rotation_crop_camera, other.rotation_crop_camera)
    assert torch.equal(crop.half, other.half)


def test_frames_without_points_look_ahead() -> None:
    crops = crops_around(torch.zeros(2, 21, 2, dtype=torch.float64), torch.zeros(2, 21, dtype=torch.bool))
    assert torch.equal(crops.rotation_crop_camera, torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    assert torch.equal(crops.half, torch.full((2,), SMALLEST, dtype=torch.float64))
