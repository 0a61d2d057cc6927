"""The sections of the configuration, which are the dataclasses that use them, and its files."""

from dataclasses import dataclass
from pathlib import Path

from fitter import __version__
from fitter.config.strict_yaml import read_yaml, write_yaml
from fitter.config.structure import from_mapping, to_mapping
from fitter.energy import Energy
from fitter.initialise.settings import Initialise
from fitter.observe.mediapipe import MediaPipe
from fitter.pipeline import Presence, TimeWindows
from fitter.solve.schedule import Schedule
from fitter.synthesis.settings import Synthesis


@dataclass(frozen=True)
class Observe:
    """Where keypoints come from when none are given."""

    mediapipe: MediaPipe = MediaPipe()


@dataclass(frozen=True)
class Export:
    """What is written beside result.npz and config.yaml.

    `comparison`, `turntable` and `textures` only for hands that were fitted with pixels.
    """

    overlay: bool = True
    comparison: bool = True
    meshes: bool = True
    mesh_per_frame: bool = False
    textures: bool = True
    turntable: bool = True
    report: bool = True


@dataclass(frozen=True)
class Config:
    """Everything that can be configured; each section is the dataclass that uses it."""

    observe: Observe = Observe()
    initialise: Initialise = Initialise()
    energy: Energy = Energy()
    schedule: Schedule = Schedule()
    synthesis: Synthesis = Synthesis()
    presence: Presence = Presence()
    windows: TimeWindows = TimeWindows()
    export: Export = Export()


def load_config(path: Path) -> Config:
    """The configuration in a YAML file; raises InputError, one sentence, for anything that is wrong with it."""
    return from_mapping(Config, read_yaml(path), where=str(path))


def save_config(config: Config, path: Path) -> None:
    """Write `config` atomically, with every default filled in; raises as `atomic_path` does."""
    write_yaml(to_mapping(config), path, heading=f"Resolved by handfit {__version__}")
