"""How good a network is on synthetic hands that nobody trains on, by the engine's own metrics.

figures = validated(network, hands, model)           # {"no_depth/pa_mpjpe_mm": 7.1, ...}
picture = drawn_hands(network, hands[:6], model)     # truth beside guess, from the front and from the side
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from fitter.evaluate.metrics import mpjpe, pa_errors
from fitter.hand import HandModel
from fitter.visualize.skeleton import draw_skeleton
from priors.network.guess import Guess
from priors.network.network import HandNetwork
from priors.network.sight import Sight
from priors.synthetic.hands import RandomHands, Truth

# Far from every seed that training steps derive (`Turn.number`), and the same for every training.
HELD_OUT_SEED = 10**9
MM = 1000.0
PANEL_PX = 160
# A hand's reach from its middle fills this share of half a panel.
FILLS = 0.85


@dataclass(frozen=True)
class HeldOut:
    """Hands that are never trained on, on the network's device."""

    sight: Sight
    truth: Truth

    @staticmethod
    def draw(source: RandomHands, count: int, device: torch.device) -> "HeldOut":
        batch = source.batch(HELD_OUT_SEED, count)
        return HeldOut(batch.sight.to(device), batch.truth.to(device))

    def __getitem__(self, chosen: slice | Tensor) -> "HeldOut":
        return HeldOut(self.sight[chosen], self.truth[chosen])


def validated(network: HandNetwork, hands: HeldOut, model: HandModel) -> dict[str, float]:
    """Errors in millimetres: `mixed` as drawn, `depth` the hands with depth in it, `no_depth` all without any."""
    network.eval()
    has_depth = (hands.sight.depth_weight > 0).any(dim=-1)
    cases = {
        "mixed": hands,
        "depth": hands[has_depth],
        "no_depth": HeldOut(hands.sight.without_depth(), hands.truth),
    }
    figures = {}
    for name, some in cases.items():
        if len(some.sight):
            found = errors_of(guessed(network, some.sight), some.truth, model)
            figures |= {f"{name}/{metric}": value for metric, value in found.items()}
    return figures


def guessed(network: HandNetwork, sight: Sight) -> Guess:
    with torch.no_grad():
        return network(sight)


def errors_of(guess: Guess, truth: Truth, model: HandModel) -> dict[str, float]:
    """Of the hypothesis that the network believes in, and of the one that an oracle would choose."""
    joints, wanted = numpy(guess.posed(model).joints), numpy(truth.joints)
    best = joints[np.arange(len(joints)), guess.best().cpu().numpy()]
    each = np.stack([pa_errors(joints[:, h], wanted).mean(-1) for h in range(joints.shape[1])])
    return {
        "pa_mpjpe_mm": float(each[guess.best().cpu().numpy(), np.arange(len(joints))].mean()) * MM,
        "mpjpe_mm": mpjpe(best, wanted) * MM,
        "oracle_pa_mpjpe_mm": float(each.min(0).mean()) * MM,
    }


def drawn_hands(network: HandNetwork, hands: HeldOut, model: HandModel) -> UInt8[np.ndarray, "height width 3"]:
    """A row per hand: truth and guess as seen, then both from the side; each side by side."""
    guess = guessed(network, hands.sight)
    chosen = torch.arange(len(hands.sight), device=guess.scores.device)
    found, wanted = numpy(guess.posed(model).joints[chosen, guess.best()]), numpy(hands.truth.joints)
    rows = []
    for mine, true in zip(found, wanted, strict=True):
        reach = float(np.abs(true - true.mean(0)).max())
        views = [(points, axes) for axes in ((0, 1), (2, 1)) for points in (true, mine)]
        rows.append(np.concatenate([panel(points[:, axes], reach) for points, axes in views], axis=1))
    return np.concatenate(rows)


def panel(points: Float[np.ndarray, "21 2"], reach: float) -> UInt8[np.ndarray, "side side 3"]:
    """A hand's skeleton on grey, about its middle; `reach` (metres) goes to the margin."""
    picture = np.full((PANEL_PX, PANEL_PX, 3), 48, np.uint8)
    half = PANEL_PX / 2
    draw_skeleton(picture, (points - points.mean(0)) / reach * FILLS * half + half)
    picture[:, -1] = 96
    return picture


def numpy(value: Tensor) -> Float[np.ndarray, "*any"]:
    return value.double().cpu().numpy()
