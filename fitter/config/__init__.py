"""The configuration: nested frozen dataclasses, read from and written to strict YAML.

config = load_config(Path("configs/default.yaml"))
config.energy.keypoints.sigma_px
save_config(config, Path("results/clip/config.yaml"))     # every default filled in: enough to run it again
"""

from typing import TYPE_CHECKING

from fitter.config.structure import from_mapping, to_mapping

if TYPE_CHECKING:
    from fitter.config.sections import Config, Export, Observe, load_config, save_config

__all__ = ["Config", "Export", "Observe", "from_mapping", "load_config", "save_config", "to_mapping"]


def __getattr__(name: str) -> object:
    """The sections, when they are first asked for: they load the whole engine, and a viewer's command line has none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fitter.config import sections

    return getattr(sections, name)
