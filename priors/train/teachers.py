"""Fits as teachers: what the engine makes of an unlabelled clip as a whole is told to the network frame by frame.

    lessons = taught(clip, model, Energy(), Schedule())       # the frames that the fit is sure of
    objective = TeacherObjective(Supervision(), together([lessons]), model)

The fit knows the clip before and after a frame, one shape, and the source's depth cues, which the network is to do
without. Its errors are taught, too: they are those of the clip, not of the frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.initialise import initial_states
from fitter.observe.evidence import Evidence
from fitter.observe.known_positions import KnownPositions
from fitter.observe.landmarks import landmarks_of
from fitter.pipeline import FitInput, fit_hand
from fitter.solve.schedule import Schedule
from priors.network.guess import in_crop
from priors.network.sight import Sight, look
from priors.synthetic.hands import Truth
from priors.train.clips import TrainingClip
from priors.train.objective import Turn
from priors.train.supervised import Supervision
from priors.train.synthetic import SyntheticLesson


@dataclass(frozen=True)
class Taught:
    """Frames of a clip as the network is shown them, and what the fit says of them, in the crops' axes."""

    sight: Sight
    truth: Truth


def taught(clip: TrainingClip, model: HandModel, energy: Energy, schedule: Schedule) -> Taught:
    """Fit a clip by its keypoints and keep the usable frames in which the fit believes in the hand.

    Crops and sights are those of the camera that the fit found. Deterministic.
    """
    exact = model.to(dtype=torch.float64)
    evidence, landmarks = in_float64(clip.evidence), landmarks_of(exact, clip.source)
    starts = tuple(initial_states(exact, clip.camera, evidence))
    fit = fit_hand(FitInput(exact, landmarks, clip.camera, evidence, starts), energy, schedule)
    crops, sight = look(evidence, clip.camera.scaled(float(fit.state.log_focal.exp())))
    rotations, wrist = in_crop(crops, fit.state.rotations, fit.state.wrist)
    back = crops.rotation_crop_camera.mT
    kept = (torch.from_numpy(fit.present) & clip.usable).nonzero().flatten()
    truth = Truth(
        rotations=rotations,
        wrist=wrist,
        betas=fit.state.betas.expand(len(wrist), -1),
        joints=fit.scene.posed.joints @ back,
        points=fit.scene.points @ back,
    )
    return Taught(sight[kept], truth[kept].each(Tensor.float))


def in_float64(evidence: Evidence) -> Evidence:
    """Evidence without pixels as the solver takes it."""
    given = vars(evidence)
    known = {
        name: KnownPositions(value.positions_m.double(), value.weight.double())
        for name, value in given.items()
        if isinstance(value, KnownPositions)
    }
    return replace(evidence, **known, **{n: value.double() for n, value in given.items() if isinstance(value, Tensor)})


def together(fits: Sequence[Taught]) -> Taught:
    """The frames of all fits."""
    first = fits[0]
    sights = {
        name: [vars(fit.sight)[name] for fit in fits] for name, part in vars(first.sight).items() if part is not None
    }
    truths = {
        name: [vars(fit.truth)[name] for fit in fits] for name, part in vars(first.truth).items() if part is not None
    }
    return Taught(
        replace(first.sight, **{name: torch.cat(parts) for name, parts in sights.items()}),
        replace(first.truth, **{name: torch.cat(parts) for name, parts in truths.items()}),
    )


@dataclass(frozen=True)
class TeacherObjective:
    """Draws `batch` taught frames; `depth_share`, `bones_share` of them keep the source's cues.

    `model` is the network's, float32, on its device.
    """

    supervision: Supervision
    frames: Taught
    model: HandModel
    batch: int = 128
    depth_share: float = 0.3
    bones_share: float = 0.3

    def draw(self, turn: Turn) -> SyntheticLesson:
        generator = torch.Generator().manual_seed(turn.number("teachers"))
        chosen = torch.randint(len(self.frames.sight), (self.batch,), generator=generator)
        depth, bones = (torch.rand(self.batch, generator=generator) < s for s in (self.depth_share, self.bones_share))
        sight = self.frames.sight[chosen].with_cues(depth.float(), bones.float())
        mine = turn.mine(self.batch)
        return SyntheticLesson(sight[mine], self.frames.truth[chosen[mine]], self.supervision, self.model)
