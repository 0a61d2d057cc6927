"""Objectives whose truth is known: synthetic hands, by their keypoints alone and with pictures of them.

objective = SyntheticHands(RandomHands(model, landmarks), Supervision(), 512, model.to(device=device))
objective.draw(Turn(seed=0, step=12)).parts(network)
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from priors.network.guess import in_camera
from priors.network.network import HandNetwork
from priors.network.sight import Sight
from priors.synthetic.crops import render_crops
from priors.synthetic.hands import Batch, RandomHands, Truth
from priors.synthetic.people import HandsInView, People
from priors.synthetic.skin_space import WEIGHTS, SkinSpace
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


@dataclass(frozen=True)
class Studio:
    """People and their skins' coefficients, of whom pictures of `size` pixels are drawn; made once."""

    people: People
    skins: Float[Tensor, "people skins"]
    size: int

    @staticmethod
    def open(seed: int, count: int, model: HandModel, size: int) -> "Studio":
        people = People.random(seed, model, count)
        return Studio(people, SkinSpace.load(WEIGHTS).coefficients_of(people.albedo), size)

    def pictured(self, batch: Batch, model: HandModel, seed: int) -> Batch:
        """The batch with crops of its hands, as some of the people; all follow from `seed`."""
        rng = np.random.default_rng(seed)
        who = rng.integers(len(self.skins), size=len(batch.sight))
        rotations, wrist = in_camera(batch.crops, batch.truth.rotations, batch.truth.wrist)
        posed = model.with_shape(batch.truth.betas).with_pose(rotations[:, None], wrist[:, None])
        hands = HandsInView(
            vertices_m=posed.mesh().vertices[:, 0].double().numpy(),
            rotation=rotations[:, 0].double().numpy(),
            wrist_m=wrist.double().numpy(),
            who=who,
            cameras=batch.crops.matrix(self.size).double().numpy(),
        )
        seeds = rng.integers(2**62, size=len(who))
        crops = render_crops(self.people, hands, batch.crops.rotation_crop_camera.double().numpy(), seeds, self.size)
        pictures = crops.pictures.permute(0, 3, 1, 2).float() / 255.0
        truth = replace(batch.truth, albedo=self.skins[torch.from_numpy(who)], lighting=crops.lighting)
        return Batch(replace(batch.sight, pictures=pictures), truth, batch.crops)


@dataclass(frozen=True)
class SyntheticPictures:
    """Random hands seen by keypoints and pictures; every process draws its own part of the pictures only."""

    source: RandomHands
    studio: Studio
    supervision: Supervision
    batch: int
    model: HandModel

    def draw(self, turn: Turn) -> SyntheticLesson:
        whole, mine = self.source.batch(turn.number("pictures"), self.batch), turn.mine(self.batch)
        part = Batch(whole.sight[mine], whole.truth[mine], whole.crops[mine])
        shown = self.studio.pictured(part, self.source.model, turn.number(f"crops from {mine.start}"))
        return SyntheticLesson(shown.sight, shown.truth, self.supervision, self.model)
