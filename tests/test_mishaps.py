"""Mishaps happen as often as told, in runs, and leave missing points at zero."""

import pytest
import torch

from fitter.errors import InputError
from priors.synthetic.error_axes import HandCues
from priors.synthetic.mishaps import FINGER_OF_POINT, THROWN_SPANS, THROWN_TRUST, Mishaps, with_mishaps

NONE = Mishaps(missing_joints=0.0, missing_fingers=0.0, thrown_joints=0.0, swapped_fingers=0.0)


def made_cues(*batch: int) -> HandCues:
    draw = torch.Generator().manual_seed(0)
    return HandCues(
        pixels=100.0 * torch.rand(*batch, 21, 2, generator=draw, dtype=torch.float64) + 10.0,
        depth_px=torch.rand(*batch, 21, generator=draw, dtype=torch.float64) + 1.0,
        directions=torch.rand(*batch, 20, 3, generator=draw, dtype=torch.float64),
    )


def test_nothing_happens_by_itself() -> None:
    cues, confidence = made_cues(4, 3), torch.full((4, 3, 21), 0.9, dtype=torch.float64)
    seen, trust = with_mishaps(cues, confidence, NONE.sample(torch.Generator().manual_seed(0), 4, 3))
    assert torch.equal(seen.pixels, cues.pixels) and torch.equal(seen.depth_px, cues.depth_px)
    assert torch.equal(trust, confidence)


def test_joints_and_fingers_go_missing_in_runs() -> None:
    joints = Mishaps(0.1, 0.0, 0.0, 0.0).sample(torch.Generator().manual_seed(1), 4000, 6).trust == 0.0
    assert float(joints.double().mean()) == pytest.approx(0.1, abs=0.005)
    again = float((joints[:, 1:] & joints[:, :-1]).double().sum() / joints[:, :-1].double().sum())
    assert again > 0.5  # by chance alone: 0.1
    fingers = Mishaps(0.0, 0.05, 0.0, 0.0).sample(torch.Generator().manual_seed(1), 4000, 6).trust == 0.0
    assert not fingers[..., 0].any()
    assert float(fingers[..., 1:].double().mean()) == pytest.approx(0.05, abs=0.004)
    by_finger = fingers[..., 1:].unflatten(-1, (5, 4))
    assert torch.equal(by_finger.all(-1), by_finger.any(-1))


def test_joints_are_thrown_by_a_share_of_the_span_and_often_known_to_be() -> None:
    drawn = Mishaps(0.0, 0.0, 0.05, 0.0).sample(torch.Generator().manual_seed(2), 4000, 6)
    distance = drawn.thrown.norm(dim=-1)
    thrown = distance > 0.0
    assert float(thrown.double().mean()) == pytest.approx(0.05, abs=0.004)
    assert float(distance[thrown].min()) >= THROWN_SPANS[0] and float(distance.max()) <= THROWN_SPANS[1]
    assert (drawn.trust[~thrown] == 1.0).all() and float(drawn.trust[thrown].min()) >= THROWN_TRUST
    cues = made_cues(4000, 6)
    seen, _ = with_mishaps(cues, torch.ones(4000, 6, 21).double(), drawn)
    span = (cues.pixels.amax(-2) - cues.pixels.amin(-2)).amax(-1)[..., None]
    assert torch.allclose((seen.pixels - cues.pixels).norm(dim=-1), distance * span)


def test_neighbouring_fingers_are_exchanged() -> None:
    drawn = Mishaps(0.0, 0.0, 0.0, 0.1).sample(torch.Generator().manual_seed(3), 4000, 2)
    moved = drawn.order != torch.arange(21)
    assert float(moved.any(-1).double().mean()) == pytest.approx(0.1, abs=0.015)
    assert torch.equal(drawn.order.sort(-1).values, torch.arange(21).expand(4000, 2, 21))
    fingers = FINGER_OF_POINT[drawn.order]
    assert (moved.sum(-1)[moved.any(-1)] == 8).all() and not moved[..., :5].any()
    assert ((fingers - FINGER_OF_POINT).abs() <= 1).all()


def test_missing_points_are_zero() -> None:
    drawn = Mishaps(missing_joints=0.5).sample(torch.Generator().manual_seed(4), 50, 2)
    seen, trust = with_mishaps(made_cues(50, 2), torch.ones(50, 2, 21).double(), drawn)
    missing = trust == 0.0
    assert missing.any() and (seen.pixels[missing] == 0.0).all() and (seen.depth_px[missing] == 0.0).all()
    assert (seen.depth_px[~missing] != 0.0).all()


def test_seeds_decide() -> None:
    one, same, other = (Mishaps().sample(torch.Generator().manual_seed(seed), 50, 2).thrown for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_an_impossible_share_is_named() -> None:
    with pytest.raises(InputError, match=r"thrown_joints is 1\.5"):
        Mishaps(thrown_joints=1.5)
