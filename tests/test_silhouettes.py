"""Distances and outline points of masks: where geometry puts them, and none where a mask is cut off."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter.observe.pictures import Silhouettes
from fitter.observe.silhouettes import BOUND, silhouettes_of

SIZE = 96


def pixels() -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(*[torch.arange(SIZE, dtype=torch.float64) + 0.5] * 2, indexing="ij")
    return x, y


def disc(cx: float, cy: float, radius: float) -> Tensor:
    x, y = pixels()
    return torch.hypot(x - cx, y - cy) < radius


def of(masks: Tensor, inside: Tensor | None = None, points: int = 512) -> Silhouettes:
    masks = masks if masks.dim() == 3 else masks.unsqueeze(0)
    inside = torch.ones(masks.shape, dtype=torch.bool) if inside is None else inside.expand(masks.shape)
    return silhouettes_of(masks, inside, torch.full((len(masks),), 0.7, dtype=torch.float64), points)


def points_of(silhouettes: Silhouettes, t: int = 0) -> Tensor:
    return silhouettes.outline[t, : int(silhouettes.count[t])].double()


def test_a_disc_has_its_distance_and_outline() -> None:
    """Measured with `pytest tests/test_silhouettes.py -k disc -s` over 20 discs: points off by 0.13 px (bias -0.03),
    normals by 3.9 degrees, distances by 0.14 px within a pixel of the outline: the steps of the pixels.
    """
    rng = np.random.default_rng(0)
    off, turned, height = [], [], []
    for _ in range(20):
        cx, cy, radius = *rng.uniform(40, 56, 2), rng.uniform(8, 32)
        silhouettes = of(disc(cx, cy, radius))
        points = points_of(silhouettes)
        away = points[:, :2] - torch.tensor([cx, cy])
        off.append(away.norm(dim=1) - radius)
        turned.append(torch.rad2deg(torch.acos((away * points[:, 2:]).sum(1).div(away.norm(dim=1)).clamp(-1, 1))))
        x, y = pixels()
        truth = torch.hypot(x - cx, y - cy) - radius
        near = truth.abs() < 1.0
        height.append((silhouettes.distance[0].double() - truth)[near])
    errors, angles, heights = torch.cat(off), torch.cat(turned), torch.cat(height)
    rms = [float(each.square().mean().sqrt()) for each in (errors, angles, heights)]
    print(
        f"points {rms[0]:.3f} px, bias {float(errors.mean()):.3f}, normals {rms[1]:.2f} deg, distance {rms[2]:.3f} px"
    )
    assert rms[0] < 0.16 and abs(float(errors.mean())) < 0.05
    assert rms[1] < 4.5
    assert rms[2] < 0.2


def test_a_straight_border_is_exact() -> None:
    """Between columns 39 and 40, so at x = 40: known distances, and outward normals along x."""
    x, _ = pixels()
    silhouettes = of(x < 40)
    assert torch.allclose(silhouettes.distance[0, :, 20:60].double(), (x - 40.0)[:, 20:60], atol=1e-5)
    points = points_of(silhouettes)
    assert torch.allclose(points[:, 0], torch.tensor(40.0).double(), atol=1e-5)
    assert torch.allclose(points[:, 2:], torch.tensor([1.0, 0.0]).double().expand(len(points), 2), atol=1e-5)
    # Rows 1 to 94: not where the window ends.
    assert len(points) == SIZE - 2
    assert float(silhouettes.distance.max()) == BOUND * SIZE == -float(silhouettes.distance.min())


def test_points_are_at_most_so_many_and_evenly_spread() -> None:
    silhouettes = of(disc(48.2, 47.7, 30.0), points=64)
    points = points_of(silhouettes)
    assert silhouettes.outline.shape == (1, 64, 4) and int(silhouettes.count[0]) == 64
    angle = torch.atan2(points[:, 1] - 47.7, points[:, 0] - 48.2).sort().values
    gaps = torch.cat([angle, angle[:1] + 2 * np.pi]).diff()
    assert float(gaps.max()) < 2.0 * 2 * np.pi / 64


def test_a_mask_cut_by_the_image_has_no_outline_there() -> None:
    """A bar that runs out of the image on the right: only its two sides are outline, and it is deepest in its
    middle.
    """
    x, y = pixels()
    inside = x < 70
    bar = (y > 40) & (y < 52) & (x > 20)
    for mask in (bar, bar & inside):  # whatever a mask says outside of the image
        silhouettes = of(mask, inside)
        points = points_of(silhouettes)
        assert float(points[:, 0].max()) < 70
        assert float(points[points[:, 0] > 30, 2].abs().max()) < 1e-3
        middle = silhouettes.distance[0, 46, 40:69]
        assert torch.allclose(middle, middle[:1].expand_as(middle), atol=0.05)  # the blur reaches over the border
        assert torch.equal(silhouettes.inside[0], inside)
    everywhere = of(bar & inside)
    assert float(points_of(everywhere)[:, 0].max()) > 69.9  # where the image goes on, the bar's end is one


def test_a_mask_cut_by_the_window_has_no_outline_there() -> None:
    x, y = pixels()
    silhouettes = of((y > 40) & (y < 52) & (x > 20))
    points = points_of(silhouettes)
    assert float(points[points[:, 0] > 30, 2].abs().max()) < 1e-3
    middle = silhouettes.distance[0, 46, 40:]
    assert torch.allclose(middle, middle[:1].expand_as(middle), atol=1e-3)


def test_a_hole_is_outlined_too() -> None:
    silhouettes = of(disc(48, 48, 30) & ~disc(48, 48, 10))
    points = points_of(silhouettes)
    away = points[:, :2] - 48.0
    inner = away.norm(dim=1) < 20
    assert int(inner.sum()) > 40
    outward = (away * points[:, 2:]).sum(1)
    assert bool((outward[inner] < 0).all()) and bool((outward[~inner] > 0).all())
    # The blur takes its mean distance, sqrt(pi / 2), off the distance's tip in the middle.
    assert float(silhouettes.distance[0, 48, 48]) == pytest.approx(9.5 - 1.25, abs=0.1)


def test_masks_without_hand_or_ground_and_frames_without_trust_say_nothing() -> None:
    hand = disc(48, 48, 20)
    empty, full = torch.zeros_like(hand), torch.ones_like(hand)
    masks = torch.stack([hand, empty, full, hand])
    trust = torch.tensor([1.0, 1.0, 1.0, 0.0]).double()
    silhouettes = silhouettes_of(masks, torch.ones_like(masks), trust)
    assert silhouettes.trust.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert (silhouettes.count > 0).tolist() == [True, False, False, False]
    assert trust.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert bool(torch.isfinite(silhouettes.distance).all()) and bool(torch.isfinite(silhouettes.outline).all())
    # Full as far as the image reaches: nothing outside of it makes an outline.
    x, _ = pixels()
    assert of(x < 50, x < 50).trust.tolist() == [0.0]


def test_grey_masks_are_hand_from_the_middle_up() -> None:
    hand = disc(48, 48, 20)
    grey = torch.where(hand, 128, 127).to(torch.uint8)
    assert torch.equal(of(grey).distance, of(hand).distance)
    assert torch.equal(of(hand.to(torch.uint8) * 255).outline, of(hand).outline)


def test_specks_and_lines_do_no_harm() -> None:
    speck = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    speck[40, 40] = True
    line = torch.zeros_like(speck)
    line[:, 30] = True
    silhouettes = of(torch.stack([speck, line, ~speck]))
    assert bool(torch.isfinite(silhouettes.distance).all()) and bool(torch.isfinite(silhouettes.outline).all())
    lengths = torch.cat([points_of(silhouettes, t)[:, 2:].norm(dim=1) for t in range(3)])
    assert torch.allclose(lengths, torch.ones(1).double(), atol=1e-5)
