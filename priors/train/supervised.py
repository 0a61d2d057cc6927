"""What a network is told of synthetic hands, whose truth is known.

parts = Supervision().parts(guess, batch.truth, sight, model)     # unit-free means over the batch, by name
loss = sum(parts.values())

The first hypothesis learns from every hand: it is the best single guess. Of the others the best one learns, the rest a
little (relaxed winner takes all, Rupprecht et al. 2017). The scores learn how good each one is among the others.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.hand.model import compose_chains
from fitter.observe.evidence import directions_in_palm
from priors.network.guess import Guess, place_of
from priors.network.sight import Sight
from priors.synthetic.hands import Truth

JOINT_UNIT_M = 0.01  # joints count in centimetres
LOSERS_SHARE = 0.1
# Hypotheses whose costs differ by less are about as good.
SAME_COST = 0.3


@dataclass(frozen=True)
class Supervision:
    """Weights of the parts; each part is of the order of 1 for a network that knows the mean hand."""

    joints: float = 1.0
    rotations: float = 0.5
    place: float = 1.0
    keypoints: float = 3.0
    betas: float = 0.05
    scores: float = 0.1
    sigmas: float = 0.02
    image_keypoints: float = 3.0
    albedo: float = 0.05
    lighting: float = 0.2

    def parts(self, guess: Guess, truth: Truth, sight: Sight, model: HandModel) -> dict[str, Float[Tensor, ""]]:
        """Weighted means over the batch; differentiable. The last three only of sights with pictures."""
        joints = guess.posed(model).joints
        relative, wanted = joints - joints[..., :1, :], (truth.joints - truth.joints[:, :1])[:, None]
        away = (relative - wanted).norm(dim=-1).mean(-1) / JOINT_UNIT_M
        turns = compose_chains(guess.rotations) - compose_chains(truth.rotations)[:, None]
        turned = turns.square().sum((-1, -2)).add(1e-6).sqrt().mean(-1)
        half = sight.half[:, None].expand(guess.scores.shape)
        placed = (place_of(guess.wrist, half) - place_of(truth.wrist, sight.half)[:, None]).abs().sum(-1)
        flat = joints[..., :2] / joints[..., 2:].clamp_min(1e-3) / half[..., None, None]
        clean = (truth.joints[..., :2] / truth.joints[..., 2:] / sight.half[:, None, None])[:, None]
        seen = (flat - clean).norm(dim=-1).mean(-1)
        cost = self.joints * away + self.rotations * turned + self.place * placed + self.keypoints * seen
        share, believed = shares(cost.detach()), guess.best()

        def mean(part: Float[Tensor, "n h"]) -> Float[Tensor, ""]:
            return (share * part).sum(-1).mean()

        return {
            "joints": self.joints * mean(away),
            "rotations": self.rotations * mean(turned),
            "place": self.place * mean(placed),
            "keypoints": self.keypoints * mean(seen),
            "betas": self.betas * (guess.betas - truth.betas).square().sum(-1).mean(),
            "scores": self.scores
            * torch.nn.functional.cross_entropy(guess.scores, (-cost.detach() / SAME_COST).softmax(-1)),
            "sigmas": self.sigmas
            * sigmas_likelihood(guess, truth, sight, joints.detach()[torch.arange(len(believed)), believed]),
            **self.looks(guess, truth, clean[:, 0]),
        }

    def looks(self, guess: Guess, truth: Truth, clean: Float[Tensor, "n 21 2"]) -> dict[str, Float[Tensor, ""]]:
        """What pictures tell: the keypoints in them (crop units), the skin, and the light; {} without pictures."""
        parts = {}
        if guess.image_keypoints is not None:
            inside = clean.abs().amax(-1) < 1.0  # heat maps end where the picture does
            away = (guess.image_keypoints - clean).norm(dim=-1) * inside
            parts["image_keypoints"] = self.image_keypoints * away.mean()
        if guess.albedo is not None and truth.albedo is not None:
            parts["albedo"] = self.albedo * (guess.albedo - truth.albedo).square().sum(-1).mean()
        if guess.lighting is not None and truth.lighting is not None:
            parts["lighting"] = self.lighting * (guess.lighting - truth.lighting).abs().sum((-1, -2)).mean()
        return parts


def shares(cost: Float[Tensor, "n h"]) -> Float[Tensor, "n h"]:
    """How much each hypothesis learns from a hand: the first fully, of the others the best, the rest a little."""
    share = torch.full_like(cost, LOSERS_SHARE / cost.shape[-1])
    share[:, 0] = 1.0
    if cost.shape[-1] > 1:
        share.scatter_(-1, 1 + cost[:, 1:].argmin(dim=-1, keepdim=True), 1.0)
    return share


def sigmas_likelihood(guess: Guess, truth: Truth, sight: Sight, joints: Float[Tensor, "n 21 3"]) -> Float[Tensor, ""]:
    """Negative log likelihood (Laplace) of the errors of depth and of bones under the guessed deviations; per hand.

    `joints` are those of the hypothesis that the network believes in most: its errors are to be expected.
    """
    half = sight.half[:, None]
    depth = (joints[..., 2] / joints[:, :1, 2] - truth.joints[..., 2] / truth.joints[:, :1, 2]).abs() / half
    palm = guess.rotations.detach()[torch.arange(len(joints)), guess.best(), 0]
    bones = (directions_in_palm(joints, palm) - directions_in_palm(truth.joints, truth.rotations[:, 0])).norm(dim=-1)
    likelihood = (depth[:, 1:] / guess.depth_sigma[:, 1:] + guess.depth_sigma[:, 1:].log()).sum(-1)
    return (likelihood + (bones / guess.bone_sigma + guess.bone_sigma.log()).sum(-1)).mean()
