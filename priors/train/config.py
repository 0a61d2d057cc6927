"""What can be chosen about a training: nested frozen dataclasses, read from strict YAML.

config = load_training(Path("configs/train_initializer.yaml"))
config.objectives.hands.supervision.joints
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from fitter import __version__
from fitter.config.strict_yaml import read_yaml, write_yaml
from fitter.config.structure import from_mapping, to_mapping
from fitter.quantity import Count, Fraction, NonNegative, Positive
from priors.network.network import Architecture
from priors.train.self_supervised import SelfSupervision
from priors.train.supervised import Supervision

Seed = Annotated[int, Ge(0)]
NonNegativeCount = Annotated[int, Ge(0)]


@dataclass(frozen=True)
class Optimiser:
    """AdamW (Loshchilov and Hutter 2019); gradients longer than `gradient_norm` are shortened to it."""

    peak_rate: Positive = 1.5e-3
    warm_up: Fraction = 0.05
    first_rate_ratio: Positive = 0.04
    last_rate_ratio: NonNegative = 4e-6
    weight_decay: NonNegative = 1e-4
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    gradient_norm: Positive = 1.0
    average_decay: Fraction = 0.999


@dataclass(frozen=True)
class Hands:
    """Synthetic hands seen by keypoints alone: `share` of the loss, in every `every`-th step, `batch` of them."""

    batch: Count = 512
    share: Positive = 1.0
    every: Count = 1
    supervision: Supervision = Supervision()


@dataclass(frozen=True)
class PicturedHands:
    """Synthetic hands seen by keypoints and pictures: `people` of them, made anew from the training's seed."""

    batch: Count = 32
    share: Positive = 1.0
    every: Count = 1
    people: Count = 64
    supervision: Supervision = Supervision()


@dataclass(frozen=True)
class Clips:
    """Unlabelled clips, judged by the engine's terms: `share` of the loss, in every `every`-th step.

    `pixels`: the network is shown its crops of them, too; `window` is the side of the windows, in pixels, in which
    renderings are compared (where the photometric term is on).
    """

    share: Positive = 1.0
    every: Count = 1
    pixels: bool = False
    window: Count = 96
    self_supervision: SelfSupervision = SelfSupervision()


@dataclass(frozen=True)
class Teachers:
    """Unlabelled clips, fitted by the engine with its default terms on keypoints: the fits are taught.

    `batch` frames; `depth_share`, `bones_share` of them keep the source's depth cues.
    """

    batch: Count = 128
    share: Positive = 1.0
    every: Count = 1
    depth_share: Fraction = 0.3
    bones_share: Fraction = 0.3
    supervision: Supervision = Supervision()


@dataclass(frozen=True)
class Objectives:
    """What the loss is the sum of; null switches one off. Clips and teachers read the folders of `--data`."""

    hands: Hands | None = Hands()
    pictures: PicturedHands | None = None
    clips: Clips | None = None
    teachers: Teachers | None = None

    def __post_init__(self) -> None:
        if all(one is None or one.every != 1 for one in (self.hands, self.pictures, self.clips, self.teachers)):
            raise ValueError("expected at least one objective that comes in every step (every: 1)")


@dataclass(frozen=True)
class Validation:
    """Synthetic hands that are never trained on, looked at by the averaged weights; `pictures` of them are drawn."""

    every: Count = 500
    hands: Count = 2048
    pictures: NonNegativeCount = 6


@dataclass(frozen=True)
class Training:
    """Batches are of all processes together: their number changes the speed, not the result.

    `start` is a checkpoint to begin from (its weights, nothing else). `save_every` and `log_every` in steps; `ahead`
    batches are drawn in the background.
    """

    seed: Seed = 0
    steps: Count = 14000
    model: str = "anny"
    start: Path | None = None
    architecture: Architecture = Architecture()
    objectives: Objectives = Objectives()
    optimiser: Optimiser = Optimiser()
    validation: Validation = Validation()
    save_every: Count = 500
    log_every: Count = 20
    threads: Count = 1
    ahead: NonNegativeCount = 0


def load_training(path: Path) -> Training:
    """The configuration in a YAML file; raises InputError, one sentence, for anything that is wrong with it."""
    return from_mapping(Training, read_yaml(path), where=str(path))


def save_training(config: Training, path: Path) -> None:
    """Write `config` atomically, with every default filled in."""
    write_yaml(to_mapping(config), path, heading=f"Resolved by handfit {__version__}")
