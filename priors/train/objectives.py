"""From the configuration's objectives to objectives that draw: the one place that knows them all.

objectives = objectives_of(config, Sources.load("anny", device), data=(Path("footage"),))
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from fitter.errors import InputError
from fitter.hand import HandModel, Landmarks
from priors.synthetic.hands import RandomHands
from priors.train.config import Training
from priors.train.objective import Weighted
from priors.train.synthetic import Studio, SyntheticHands, SyntheticPictures


@dataclass(frozen=True)
class Sources:
    """What objectives draw from: random hands (CPU), and their model on the network's device; float32."""

    hands: RandomHands
    model: HandModel

    @staticmethod
    def load(name: str, device: torch.device) -> "Sources":
        """`name` as for `load_hand_model`; landmarks are MediaPipe's."""
        from fitter.hand.load import load_hand_model
        from fitter.observe.landmarks import landmarks_of

        double = load_hand_model(name)
        there, model = landmarks_of(double, "mediapipe"), double.to(dtype=torch.float32)
        landmarks = Landmarks(there.template.float(), there.shape_basis.float())
        return Sources(RandomHands(model, landmarks), model.to(device=device))


def objectives_of(training: Training, sources: Sources, data: tuple[Path, ...]) -> tuple[Weighted, ...]:
    """The objectives that are switched on; raises InputError for data that none of them reads."""
    if data:
        raise InputError(f"--data {data[0]}: no objective of this configuration reads clips")
    found, config = [], training.objectives
    if (hands := config.hands) is not None:
        objective = SyntheticHands(sources.hands, hands.supervision, hands.batch, sources.model)
        found.append(Weighted("hands", objective, hands.share, hands.every))
    if (shown := config.pictures) is not None:
        studio = Studio.open(training.seed, shown.people, sources.hands.model, training.architecture.picture_size)
        pictures = SyntheticPictures(sources.hands, studio, shown.supervision, shown.batch, sources.model)
        found.append(Weighted("pictures", pictures, shown.share, shown.every))
    return tuple(found)
