"""Fits as teachers: what the engine makes of an unlabelled clip as a whole is told to the network frame by frame.

    lessons = taught(clip, model, Energy(), Schedule())       # the frames that the fit is sure of
    objective = TeacherObjective(Supervision(), (lessons,), batch=128, model=model)

The fit knows the clip before and after a frame, one shape, and the source's depth cues, which the network is to do
without. Its errors are taught, too: they are those of the clip, not of the frame.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
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
from priors.network.network import HandNetwork
from priors.network.sight import Sight, look
from priors.synthetic.hands import Truth
from priors.train.clips import TrainingClip
from priors.train.objective import Turn
from priors.train.supervised import Supervision


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
    return Taught(sight[kept], Truth(*(part[kept].float() for part in vars(truth).values())))


def in_float64(evidence: Evidence) -> Evidence:
    """Evidence without pixels as the solver takes it."""
    given = vars(evidence)
    known = {
        name: KnownPositions(value.positions_m.double(), value.weight.double())
        for name, value in given.items()
        if isinstance(value, KnownPositions)
    }
    return replace(evidence, **known, **{n: value.double() for n, value in given.items() if isinstance(value, Tensor)})


@dataclass(frozen=True)
class TeacherObjective:
    """Draws frames of taught clips; `depth_share`, `bones_share`: of those that keep the source's cues."""

    supervision: Supervision
    clips: tuple[Taught, ...]
    model: HandModel
    batch: int = 128
    depth_share: float = 0.3
    bones_share: float = 0.3

    def draw(self, turn: Turn) -> "TeacherLesson":
        generator = torch.Generator().manual_seed(turn.number("teachers"))
        ends = torch.tensor([len(clip.sight) for clip in self.clips]).cumsum(0)
        chosen = torch.randint(int(ends[-1]), (self.batch,), generator=generator)[turn.mine(self.batch)]
        depth, bones = (torch.rand(self.batch, generator=generator)[turn.mine(self.batch)] for _ in range(2))
        which = torch.searchsorted(ends, chosen, right=True)
        sights, truths = [], []
        for number, clip in enumerate(self.clips):
            mine = which == number
            frames = chosen[mine] - (int(ends[number - 1]) if number else 0)
            keeps = depth[mine] < self.depth_share, bones[mine] < self.bones_share
            sights.append(clip.sight[frames].with_cues(*(keep.to(clip.sight.half) for keep in keeps)))
            truths.append(Truth(*(part[frames] for part in vars(clip.truth).values())))
        return TeacherLesson(self, tuple(sights), tuple(truths))


@dataclass(frozen=True)
class TeacherLesson:
    """Frames of each clip, and what the fits say of them."""

    objective: TeacherObjective
    sights: tuple[Sight, ...]
    truths: tuple[Truth, ...]

    def parts(self, network: HandNetwork) -> dict[str, Float[Tensor, ""]]:
        """The parts of `Supervision`, means over all frames."""
        device, model = network.mean_pose.device, self.objective.model
        sight = joined([each.to(device) for each in self.sights])
        truth = Truth(
            *(torch.cat([vars(each)[name] for each in self.truths]).to(device) for name in vars(self.truths[0]))
        )
        model = model.to(device=device, dtype=torch.float32)
        return self.objective.supervision.parts(network(sight), truth, sight, model)


def joined(sights: list[Sight]) -> Sight:
    """One sight of all hands."""
    given = {name: value for name, value in vars(sights[0]).items() if value is not None}
    return Sight(**{name: torch.cat([vars(sight)[name] for sight in sights]) for name in given})
