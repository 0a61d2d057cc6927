"""A joint that its detector doubts now is worth no more a moment later."""

import pytest
import torch

from fitter.observe.lasting import lasting, least_near
from tests.toy_problem import evidence_of, toy_scene

TIME_S = torch.tensor([0.0, 0.1, 0.2, 0.5, 0.6], dtype=torch.float64)


def test_the_least_weight_within_a_time_counts() -> None:
    weight = torch.tensor([[0.9, 0.2, 0.8, 0.7, 1.0], [1.0, 1.0, 0.0, 0.3, 1.0]]).double().T
    least = least_near(weight, TIME_S, 0.15)
    assert least[:, 0].tolist() == pytest.approx([0.2, 0.2, 0.2, 0.7, 0.7])
    assert least[:, 1].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.3, 0.3])  # unseen: 0, and no reason for doubt


def test_it_is_what_a_loop_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    time_s = torch.rand(40, generator=generator).double().sort().values
    weight = torch.rand(40, 21, generator=generator).double() * (torch.rand(40, 21, generator=generator) > 0.3)
    expected = torch.zeros_like(weight)
    for frame, now in enumerate(time_s):
        for point in range(21):
            near = weight[(time_s - now).abs() <= 0.2, point]
            expected[frame, point] = near[near > 0].min() if weight[frame, point] > 0 else 0.0
    torch.testing.assert_close(least_near(weight, time_s, 0.2), expected)


def test_no_time_changes_nothing() -> None:
    evidence = evidence_of(toy_scene(4), seed=0)
    same = lasting(evidence, 0.0)
    for name in ("confidence", "depth_weight", "bone_weight"):
        torch.testing.assert_close(getattr(same, name), getattr(evidence, name))
