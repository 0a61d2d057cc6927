"""The configuration: nested frozen dataclasses, read from and written to strict YAML.

config = load_config(Path("configs/default.yaml"))
config.energy.keypoints.sigma_px
save_config(config, Path("results/clip/config.yaml"))     # every default filled in: enough to run it again
"""

from dataclasses import dataclass, field
from pathlib import Path

from fitter import __version__
from fitter.config.strict_yaml import read_yaml, write_yaml
from fitter.config.structure import from_mapping, to_mapping
from fitter.quantity import Count, Positive

__all__ = ["Config", "from_mapping", "load_config", "save_config", "to_mapping"]


@dataclass(frozen=True)
class Keypoints:
    """Detected joints, reprojected."""

    sigma_px: Positive = 4.0
    """Standard deviation of a detection of full confidence."""


@dataclass(frozen=True)
class Energy:
    """The terms, each with the standard deviation of its residual; `null` switches a term off."""

    keypoints: Keypoints | None = field(default_factory=Keypoints)


@dataclass(frozen=True)
class Stage:
    """One paragraph of the schedule: which fields are free, which terms act, for how long."""

    name: str
    free: tuple[str, ...]
    terms: tuple[str, ...]
    steps: Count


@dataclass(frozen=True)
class Config:
    """Everything that can be configured."""

    energy: Energy = field(default_factory=Energy)
    schedule: tuple[Stage, ...] = ()


def load_config(path: Path) -> Config:
    """The configuration in a YAML file; raises InputError, one sentence, for anything that is wrong with it."""
    return from_mapping(Config, read_yaml(path), where=str(path))


def save_config(config: Config, path: Path) -> None:
    """Write `config` atomically, with every default filled in; raises as `atomic_path` does."""
    write_yaml(to_mapping(config), path, heading=f"Resolved by handfit {__version__}")
