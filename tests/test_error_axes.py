"""Errors in a hand's own units and axes: known values, and the way there and back."""

import math

import torch

from fitter.skeleton import BONES, POINT_PARENTS
from priors.synthetic.error_axes import CueErrors, HandCues, bone_axes, errors_between, flexion_axes, with_errors
from tests.toy_hand import toy_hand


def made_cues(seed: int, *batch: int) -> HandCues:
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(*batch, 20, 3, generator=draw, dtype=torch.float64)
    return HandCues(
        pixels=100.0 * torch.randn(*batch, 21, 2, generator=draw, dtype=torch.float64),
        depth_px=50.0 * torch.randn(*batch, 21, generator=draw, dtype=torch.float64),
        directions=torch.nn.functional.normalize(directions, dim=-1),
    )


def test_there_and_back() -> None:
    flexion = flexion_axes(toy_hand())
    for batch in ((), (1,), (3, 2)):
        exact, seen = made_cues(0, *batch), made_cues(1, *batch)
        again = with_errors(exact, errors_between(exact, seen, flexion))
        assert torch.allclose(again.pixels, seen.pixels) and torch.allclose(again.depth_px, seen.depth_px)
        assert torch.allclose(again.directions, seen.directions)


def test_no_error_is_zero() -> None:
    exact = made_cues(2, 4)
    errors = errors_between(exact, exact, flexion_axes(toy_hand()))
    assert errors.pixels.abs().max() == 0.0 and errors.depth.abs().max() == 0.0 and errors.tilt.abs().max() < 1e-12


def test_errors_turn_and_grow_with_the_hand() -> None:
    exact = made_cues(3)
    seen = HandCues(exact.pixels + torch.randn(21, 2).double(), exact.depth_px + 7.0, exact.directions)
    one = errors_between(exact, seen, flexion_axes(toy_hand()))
    turn = torch.tensor([[0.0, -3.0], [3.0, 0.0]], dtype=torch.float64)  # a quarter turn keeps the bounding box's sides
    turned_exact = HandCues(exact.pixels @ turn.mT + 40.0, 3.0 * exact.depth_px, exact.directions)
    turned_seen = HandCues(seen.pixels @ turn.mT + 40.0, 3.0 * seen.depth_px, seen.directions)
    other = errors_between(turned_exact, turned_seen, flexion_axes(toy_hand()))
    assert torch.allclose(one.pixels, other.pixels) and torch.allclose(one.depth, other.depth)


def test_x_points_from_the_wrist_to_the_middle_knuckle() -> None:
    exact = made_cues(4)
    along = exact.pixels[9] - exact.pixels[0]
    moved = exact.pixels.clone()
    moved[5] += along
    errors = errors_between(exact, HandCues(moved, exact.depth_px, exact.directions), flexion_axes(toy_hand()))
    span = float((exact.pixels.amax(0) - exact.pixels.amin(0)).max())
    assert torch.allclose(errors.pixels[5], torch.tensor([float(along.norm()) / span, 0.0]).double())
    assert errors.pixels[6].abs().max() == 0.0


def test_flexion_closes_the_hand() -> None:
    model = toy_hand()
    bones = model.joints[BONES] - model.joints[POINT_PARENTS[BONES]]
    directions = torch.nn.functional.normalize(bones, dim=-1)
    flexion = flexion_axes(model)
    tilt = torch.zeros(20, 3, dtype=torch.float64)
    tilt[6, 1] = math.radians(30.0)  # the index finger's second bone; the palm faces -y
    flat = HandCues(torch.randn(21, 2).double(), torch.zeros(21).double(), directions)
    errors = CueErrors(torch.zeros(21, 2).double(), torch.zeros(21).double(), tilt, torch.ones(21).double(), flexion)
    bent = with_errors(flat, errors).directions
    assert math.isclose(math.degrees(math.acos(float(bent[6] @ directions[6]))), 30.0, rel_tol=1e-9)
    assert bent[6, 1] < directions[6, 1] - 0.4
    assert torch.allclose(bent[:6], directions[:6])
    axes = bone_axes(directions, flexion)
    assert torch.allclose(axes @ axes.mT, torch.eye(3).double().expand(20, 3, 3), atol=1e-12)


def test_a_gain_flattens_depth_alone() -> None:
    exact, flexion = made_cues(5), flexion_axes(toy_hand())
    none = errors_between(exact, exact, flexion)
    half = CueErrors(none.pixels, none.depth, none.tilt, torch.full((21,), 0.5).double(), flexion)
    seen = with_errors(exact, half)
    assert torch.allclose(seen.depth_px, 0.5 * exact.depth_px) and torch.equal(seen.pixels, exact.pixels)
