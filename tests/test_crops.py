"""Crops follow from their own seeds, show the hands they were asked for, and tell the light that is in them."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.render.shading import SH_CONSTANT, srgb_to_linear
from priors.synthetic import crops as module
from priors.synthetic import film
from priors.synthetic.crops import RenderedCrops, out_of_the_way, render_crops, turned
from priors.synthetic.lamps import Lamps
from tests.small_bank import small_bank, some_hands

N = 12
UNTURNED = np.broadcast_to(np.eye(3), (N, 3, 3))
SEEDS = np.arange(N) + 100


def rendered(part: slice = slice(None)) -> RenderedCrops:
    return render_crops(small_bank(), some_hands(N).part(part), UNTURNED[part], SEEDS[part])


@pytest.fixture(scope="module")
def crops() -> RenderedCrops:
    return rendered()


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the way, no shadow, no motion, no border, a camera that keeps what it sees."""
    monkeypatch.setattr(module, "SHARES", dict.fromkeys(module.SHARES, 0.0))
    monkeypatch.setattr(module, "SHEEN", (0.0, 0.0))
    monkeypatch.setattr(film, "SHARES", dict.fromkeys(film.SHARES, 0.0))
    monkeypatch.setattr(film, "BORDER_SHARE", 0.0)
    monkeypatch.setattr(film, "toned", lambda picture, rng: picture)


def test_shapes_and_types(crops: RenderedCrops) -> None:
    assert crops.pictures.shape == (N, 128, 128, 3) and crops.pictures.dtype == torch.uint8
    assert crops.masks.shape == (N, 128, 128) and crops.masks.dtype == torch.bool
    assert crops.lighting.shape == (N, 9, 3) and crops.lighting.dtype == torch.float32
    torch.testing.assert_close(crops.albedo_of_person, small_bank().albedo[torch.from_numpy(some_hands(N).who)])


@pytest.mark.parametrize("part", [slice(0, 1), slice(3, 8), slice(11, 12)])
def test_a_sample_is_the_same_in_every_batch(crops: RenderedCrops, part: slice) -> None:
    some = rendered(part)
    assert torch.equal(some.pictures, crops.pictures[part])
    assert torch.equal(some.masks, crops.masks[part])
    torch.testing.assert_close(some.lighting, crops.lighting[part], rtol=1e-6, atol=1e-7)


def test_other_seeds_give_other_pictures_of_the_same_hands(crops: RenderedCrops) -> None:
    other = render_crops(small_bank(), some_hands(N), UNTURNED, SEEDS + 1000)
    assert (other.pictures != crops.pictures).flatten(1).any(1).all()
    both = (other.masks & crops.masks).sum((1, 2)) / torch.minimum(other.masks.sum((1, 2)), crops.masks.sum((1, 2)))
    assert both.median() > 0.9


def test_masks_are_the_hands_pixels(easy: None) -> None:
    crops, hands = rendered(), some_hands(N)
    pixels = hands.vertices_m @ hands.cameras.swapaxes(1, 2)
    pixels = pixels[..., :2] / pixels[..., 2:]
    for mask, points in zip(crops.masks.numpy(), pixels, strict=True):
        rows, columns = np.nonzero(mask)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        wanted = [*points.min(0), *points.max(0)]
        np.testing.assert_allclose(seen, wanted, atol=7.0)  # an arm may hide the edge at the wrist
        assert mask.sum() > 300


def test_colours_are_albedo_times_the_light_that_is_told(easy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In even light, where every side of a hand is lit alike, and with one albedo all over."""
    even = np.array([0.5, 0.4, 0.3])
    monkeypatch.setattr(module.Lamps, "random", lambda rng: Lamps(np.eye(3), np.zeros((3, 3)), even))
    people = small_bank()
    people = replace(people, textures=np.full_like(people.textures, 128))
    crops = render_crops(people, some_hands(N), UNTURNED, SEEDS)
    linear = srgb_to_linear(crops.pictures.double() / 255.0)
    tested = 0
    for picture, mask, lighting in zip(linear, crops.masks, crops.lighting.double(), strict=True):
        wanted = (128 / 255) ** 2 * lighting[0] * SH_CONSTANT
        if wanted.max() < 0.95:  # not burnt out
            # The median over the hand: most of it is no hollow. Noise is symmetric, 8 bits are steps of up to 2 %.
            torch.testing.assert_close(picture[mask].median(0).values, wanted, rtol=0.05, atol=0.005)
            tested += 1
    assert tested >= 6


def test_most_of_every_hand_can_be_seen(crops: RenderedCrops) -> None:
    many = render_crops(small_bank(), some_hands(N, 7), UNTURNED, SEEDS)
    visible = torch.cat([many.masks, crops.masks]).sum((1, 2))
    assert (visible > 100).all()


def test_turning_hands_and_axes_together_changes_no_pixel_position() -> None:
    angle = 0.4
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    hands = some_hands(3)
    there = turned(hands, np.stack([turn] * 3))
    back = turned(there, np.stack([turn.T] * 3))
    np.testing.assert_allclose(back.vertices_m, hands.vertices_m, atol=1e-12)
    np.testing.assert_allclose(back.rotation, hands.rotation, atol=1e-12)
    np.testing.assert_allclose(back.wrist_m, hands.wrist_m, atol=1e-12)
    np.testing.assert_allclose(there.wrist_m[0], turn @ hands.wrist_m[0], atol=1e-12)


def test_arms_pass_the_eye() -> None:
    eye = np.array([0.0, 0.0, -1.0])
    across, towards = np.array([1.0, 0.0, 0.0]), np.array([0.1, 0.0, -0.995])
    elbow = np.array([0.0, 0.3, -0.954])
    np.testing.assert_array_equal(out_of_the_way(elbow, across, eye), elbow)
    moved = out_of_the_way(elbow, towards / np.linalg.norm(towards), eye)
    assert abs(moved @ eye) < 1e-12 and np.linalg.norm(moved) == pytest.approx(1.0)
    assert moved[0] > 0.0  # on the side to which it leans


def test_a_hand_outside_the_picture_gives_an_empty_mask() -> None:
    hands = some_hands(1)
    away = replace(hands, vertices_m=hands.vertices_m + [2.0, 0.0, 0.0], wrist_m=hands.wrist_m + [2.0, 0.0, 0.0])
    crops = render_crops(small_bank(), away, UNTURNED[:1], SEEDS[:1])
    assert not crops.masks.any() and crops.pictures.float().std() > 0.0


def test_a_crop_costs_milliseconds() -> None:
    """3.3 ms of processor time here; ten times as much would starve the training."""
    rendered()
    start = time.process_time()
    rendered()
    assert (time.process_time() - start) / N < 0.03
