"""Objectives whose truth is known: synthetic hands.

objective = SyntheticHands(RandomHands(model, landmarks), Supervision(), 512, model.to(device=device))
objective.draw(Turn(seed=0, step=12)).parts(network)
"""

from dataclasses import dataclass

from fitter.hand import HandModel
from priors.network.network import HandNetwork
from priors.network.sight import Sight
from priors.synthetic.hands import RandomHands, Truth
from priors.train.objective import Parts, Turn
from priors.train.supervised import Supervision


@dataclass(frozen=True)
class SyntheticLesson:
    """Hands as they are seen, with or without pictures, and as they are; `model` on the network's device."""

    sight: Sight
    truth: Truth
    supervision: Supervision
    model: HandModel

    def parts(self, network: HandNetwork) -> Parts:
        device = network.mean_pose.device
        sight, truth = self.sight.to(device), self.truth.to(device)
        return self.supervision.parts(network(sight), truth, sight, self.model)


@dataclass(frozen=True)
class SyntheticHands:
    """Random hands seen by their keypoints alone; `batch` of them per step, of all processes together.

    `model` is the source's, float32, on the network's device.
    """

    source: RandomHands
    supervision: Supervision
    batch: int
    model: HandModel

    def draw(self, turn: Turn) -> SyntheticLesson:
        batch, mine = self.source.batch(turn.number("hands"), self.batch), turn.mine(self.batch)
        return SyntheticLesson(batch.sight[mine], batch.truth[mine], self.supervision, self.model)
