"""Weights in one file: safetensors, half precision, with all that is needed to make the network again.

    save_checkpoint(Path("initializer.safetensors"), network, About(command="python -m priors.train ...", step=60000))
    network = load_checkpoint(Path("initializer.safetensors"))           # float32, ready to look
    read_about(path).figures                                             # what it reached when it was made

The header says the format, the architecture, the command, the configuration and the figures. Files are data from
anywhere: nothing in them is executed, and nothing is allocated before names and shapes are as expected.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fitter.config.structure import from_mapping
from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.untrusted import quoted
from priors.network.network import Architecture, HandNetwork

FORMAT = "handfit-initializer-1"
# One key holds the whole header as JSON: several would stand in another order every time.
KEY = "handfit"
# No size of an architecture is sensibly beyond this; more would ask for all memory.
LARGEST_SIZE = 8192
# Exact in half precision they are not: rotations that the network multiplies with.
EXACT = "mean_pose"


@dataclass(frozen=True)
class About:
    """How weights came to be: the command line, the resolved configuration, the step, and what was measured."""

    command: str = ""
    step: int = 0
    config: Mapping[str, object] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


def save_checkpoint(path: Path, network: HandNetwork, about: About) -> None:
    """Write the weights atomically, float16; raises InputError where half precision cannot hold them."""
    tensors = {
        name: value.detach().cpu().to(torch.float32 if name == EXACT else torch.float16).contiguous()
        for name, value in network.state_dict().items()
    }
    _require_finite(tensors, path)
    header = {"format": FORMAT, "architecture": asdict(network.architecture), **asdict(about)}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={KEY: json.dumps(header)}))


def load_checkpoint(path: Path) -> HandNetwork:
    """The network, float32, for inference; raises InputError, one sentence, for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            architecture = _architecture(path, _header(path, file.metadata()))
            network = _without_memory(architecture, path)
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _require_same(shapes, {name: tuple(value.shape) for name, value in network.state_dict().items()}, path)
            tensors = {name: file.get_tensor(name).float() for name in shapes}
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: expected the weights of a network (.safetensors)") from error
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    _require_finite(tensors, path)
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(False).eval()


def read_about(path: Path) -> About:
    """What the header says of how the weights were made; raises InputError as `load_checkpoint` does."""
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(path, file.metadata())
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    command, step, config, figures = (header.get(field.name) for field in fields(About))
    if isinstance(command, str) and isinstance(step, int) and isinstance(config, dict) and isinstance(figures, dict):
        return About(command, step, config, figures)
    raise InputError(f"{path}: expected a command, step, config and figures in its header")


def _header(path: Path, metadata: Mapping[str, str] | None) -> Mapping[str, object]:
    """What is said of the weights, in the format that is expected."""
    try:
        header = json.loads((metadata or {}).get(KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a header as JSON, got none that can be read ({quoted(error)})") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise InputError(
            f"{path}: expected weights in the format {FORMAT}, got {quoted(found or 'a file without a format')}"
        )
    return header


def _architecture(path: Path, header: Mapping[str, object]) -> Architecture:
    return from_mapping(Architecture, header.get("architecture"), where=f"{path}: architecture")


def _without_memory(architecture: Architecture, path: Path) -> HandNetwork:
    """The network's names and shapes."""
    sizes = [
        size for value in asdict(architecture).values() for size in (value if isinstance(value, tuple) else [value])
    ]
    if not all(0 < size <= LARGEST_SIZE for size in sizes):
        raise InputError(f"{path}: expected an architecture with sizes from 1 to {LARGEST_SIZE}, got {sizes}")
    try:
        with torch.device("meta"):
            return HandNetwork(architecture, torch.eye(3, device="cpu").expand(15, 3, 3))
    except (ValueError, RuntimeError, ZeroDivisionError) as error:
        raise InputError(f"{path}: no network has the architecture in its header ({quoted(error)})") from error


def _require_same(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], path: Path) -> None:
    for name in wanted.keys() - found.keys():
        raise InputError(f"{path}: tensor {name} is missing, the checkpoint is of another architecture")
    for name in found.keys() - wanted.keys():
        raise InputError(f"{path}: tensor {quoted(name)} is unknown, the checkpoint is of another architecture")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise InputError(f"{path}: tensor {name}: expected the shape {shape}, got {found[name]}")


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"{path}: tensor {name}: expected finite weights, got infinities or NaN")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: expected the weights of a network (.safetensors), not readable ({quoted(error)})")
