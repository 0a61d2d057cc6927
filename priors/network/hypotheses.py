"""One hypothesis per frame, chosen over the whole clip: likely, true to the keypoints, and like its neighbours.

chosen = best_path(unary, pairwise)       # (frames,), dynamic programming (Viterbi 1967)
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.skeleton import POINT_PARENTS

# A hand's points move by about this from frame to frame, over the hand's size; more speaks against a pair of
# hypotheses, up to MOST_JUMPS of it: hands do move fast, and clips have cuts.
TYPICAL_JUMP, MOST_JUMPS = 0.08, 4.0
# Keypoints lie about this far (crop units) from a good hypothesis; an outlier does not count more than MOST_MISSES.
TYPICAL_MISS, MOST_MISSES = 0.04, 3.0
# A second opinion is one whose points lie further than this from the first one's, over the hand's size.
SAME_HAND, REPETITION = 0.08, 10.0


def best_path(unary: Float[Tensor, "frames h"], pairwise: Float[Tensor, "intervals h h"]) -> Int[Tensor, "frames"]:
    """The cheapest choice; `pairwise[t, i, j]` is what j in frame t + 1 costs after i in frame t."""
    cost, came_from = unary[0], []
    for own, step in zip(unary[1:], pairwise, strict=True):
        least, where = (cost[:, None] + step).min(dim=0)
        came_from.append(where)
        cost = own + least
    path = [int(cost.argmin())]
    for where in reversed(came_from):
        path.append(int(where[path[-1]]))
    return torch.tensor(path[::-1])


def unary_cost(
    scores: Float[Tensor, "frames h"],
    flat: Float[Tensor, "frames h 21 2"],
    keypoints: Float[Tensor, "frames 21 2"],
    confidence: Float[Tensor, "frames 21"],
) -> Float[Tensor, "frames h"]:
    """How unlikely each hypothesis is: by the network's own word, and by the keypoints (crop units) it misses."""
    miss = (flat - keypoints[:, None]).norm(dim=-1) / TYPICAL_MISS
    weight = confidence[:, None] / confidence.sum(-1).clamp_min(1e-6)[:, None, None]
    return (miss.clamp_max(MOST_MISSES) * weight).sum(-1) - scores.log_softmax(dim=-1)


def repetition_cost(joints: Float[Tensor, "frames h 21 3"], chosen: Int[Tensor, "frames"]) -> Float[Tensor, "frames h"]:
    """What it costs a second opinion to be like the first, `chosen` one: a bump around it."""
    relative = joints - joints[..., :1, :]
    first = relative[torch.arange(len(chosen)), chosen]
    away = (relative - first[:, None]).norm(dim=-1).mean(-1) / hand_size(joints)
    return REPETITION * (-(away / SAME_HAND).square()).exp()


def hand_size(joints: Float[Tensor, "frames h 21 3"]) -> Float[Tensor, ""]:
    """Four bones of mean length: about from the wrist to a fingertip."""
    return (joints[..., 1:, :] - joints[..., POINT_PARENTS[1:], :]).norm(dim=-1).mean() * 4.0


def pairwise_cost(joints: Float[Tensor, "frames h 21 3"]) -> Float[Tensor, "intervals h h"]:
    """How far consecutive hypotheses are apart: mean distance of the wrist-relative points, by hand size."""
    relative = joints - joints[..., :1, :]
    jump = (relative[:-1, :, None] - relative[1:, None]).norm(dim=-1).mean(-1) / (TYPICAL_JUMP * hand_size(joints))
    return jump.clamp_max(MOST_JUMPS)
