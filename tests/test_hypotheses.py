"""The clip-wide choice among hypotheses: the best path, as brute force finds it."""

from itertools import product

import torch

from priors.network.hypotheses import MOST_JUMPS, best_path, pairwise_cost, unary_cost


def test_best_path_is_that_of_brute_force() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        unary, pairwise = torch.rand(5, 3, generator=generator), torch.rand(4, 3, 3, generator=generator)

        def cost(path: tuple[int, ...], unary: torch.Tensor = unary, pairwise: torch.Tensor = pairwise) -> float:
            own = sum(float(unary[t, i]) for t, i in enumerate(path))
            return own + sum(float(pairwise[t, path[t], path[t + 1]]) for t in range(4))

        best = min(product(range(3), repeat=5), key=cost)
        assert tuple(best_path(unary, pairwise).tolist()) == best


def test_one_frame_takes_the_cheapest() -> None:
    assert best_path(torch.tensor([[2.0, 1.0, 3.0]]), torch.zeros(0, 3, 3)).tolist() == [1]


def test_a_flipped_hypothesis_loses_to_its_neighbours() -> None:
    """The scores prefer a mirrored hand in one frame; its neighbours know better."""
    hand = 0.1 * torch.randn(21, 3, generator=torch.Generator().manual_seed(0))
    flipped = hand * torch.tensor([1.0, 1.0, -1.0])
    joints = torch.stack([hand, flipped]).expand(7, 2, 21, 3)
    scores = torch.tensor([[2.0, 0.0]]).repeat(7, 1)
    scores[3] = torch.tensor([0.0, 1.0])
    flat = torch.zeros(7, 2, 21, 2)
    unary = unary_cost(scores, flat, torch.zeros(7, 21, 2), torch.ones(7, 21))
    assert int(unary[3].argmin()) == 1
    pairwise = pairwise_cost(joints)
    assert torch.equal(pairwise[:, 0, 0], torch.zeros(6)) and float(pairwise.max()) <= MOST_JUMPS
    assert best_path(unary, pairwise).tolist() == [0] * 7


def test_unexplained_keypoints_cost_and_unseen_ones_do_not() -> None:
    flat = torch.zeros(1, 2, 21, 2)
    flat[0, 1, 4] = 0.5
    scores, keypoints, confidence = torch.zeros(1, 2), torch.zeros(1, 21, 2), torch.ones(1, 21)
    cost = unary_cost(scores, flat, keypoints, confidence)
    assert float(cost[0, 1]) > float(cost[0, 0])
    confidence[0, 4] = 0.0
    cost = unary_cost(scores, flat, keypoints, confidence)
    assert float(cost[0, 1]) == float(cost[0, 0])
