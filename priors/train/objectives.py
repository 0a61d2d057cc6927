"""From the configuration's objectives to objectives that draw: the one place that knows them all.

objectives = objectives_of(config, Sources.load("anny", device), data=(Path("footage"),))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fitter.energy import Energy
from fitter.errors import InputError
from fitter.evaluate.readers import LAYOUTS, open_dataset
from fitter.hand import HandModel, Landmarks
from fitter.solve.schedule import Schedule
from priors.synthetic.hands import RandomHands
from priors.synthetic.skin_space import WEIGHTS as SKINS
from priors.synthetic.skin_space import SkinSpace
from priors.train.clips import TrainingClip, open_clips
from priors.train.config import Objectives, Training
from priors.train.labelled import labelled_clip
from priors.train.objective import Weighted
from priors.train.self_supervised import clip_objective
from priors.train.synthetic import Studio, SyntheticHands, SyntheticPictures
from priors.train.teachers import Taught, TeacherObjective, taught, together


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
    """The objectives that are switched on; raises InputError for data that none of them reads, or that is missing."""
    found, config, size = [], training.objectives, training.architecture.picture_size
    if (hands := config.hands) is not None:
        objective = SyntheticHands(sources.hands, hands.supervision, hands.batch, sources.model)
        found.append(Weighted("hands", objective, hands.share, hands.every))
    if (shown := config.pictures) is not None:
        studio = Studio.open(training.seed, shown.people, sources.hands.model, size)
        pictures = SyntheticPictures(sources.hands, studio, shown.supervision, shown.batch, sources.model)
        found.append(Weighted("pictures", pictures, shown.share, shown.every))
    clips = clips_for(config, sources.model, data, size)
    if (unlabelled := config.clips) is not None:
        objective = clip_objective(unlabelled.self_supervision, clips, sources.model, skins_for(config))
        found.append(Weighted("clips", objective, unlabelled.share, unlabelled.every))
    if (teachers := config.teachers) is not None:
        objective = TeacherObjective(
            supervision=teachers.supervision,
            frames=fits_of(clips, sources.model),
            model=sources.model,
            batch=teachers.batch,
            depth_share=teachers.depth_share,
            bones_share=teachers.bones_share,
        )
        found.append(Weighted("teachers", objective, teachers.share, teachers.every))
    return tuple(found)


def clips_for(config: Objectives, model: HandModel, data: tuple[Path, ...], size: int) -> list[TrainingClip]:
    """The clips and the published data sets in the folders of `--data`, with the pixels that the objectives want."""
    own = config.clips
    if own is None and config.teachers is None:
        if data:
            raise InputError(f"--data {data[0]}: no objective of this configuration reads clips")
        return []
    if not data:
        raise InputError("--data: expected folders of clips, which this configuration learns from")
    compared = own is not None and own.self_supervision.energy.photometric is not None
    sets = [folder for folder in data if any(layout.n_signs(folder) for layout in LAYOUTS)]
    found = [labelled_clip(open_dataset(folder), model) for folder in sets]
    if filmed := [folder for folder in data if folder not in sets]:
        found += open_clips(
            filmed,
            model,
            picture_size=size if own is not None and own.pixels else None,
            window_size=own.window if own is not None and compared else None,
        )
    return found


def fits_of(clips: Sequence[TrainingClip], model: HandModel) -> Taught:
    """The engine's fits of all clips whose frames follow each other; raises InputError if there is none."""
    filmed = [clip for clip in clips if bool(clip.follows.any())]
    if not filmed:
        raise InputError(f"{clips[0].name}: expected clips to fit, found single frames only")
    return together([taught(clip, model, Energy(), Schedule()) for clip in filmed])


def skins_for(config: Objectives) -> SkinSpace | None:
    """What the network's words on skin mean, where it is shown pixels."""
    return SkinSpace.load(SKINS) if config.clips is not None and config.clips.pixels else None
