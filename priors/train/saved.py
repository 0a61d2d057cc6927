"""The state of a training on the disk: all that it needs to go on as if it had never stopped.

    save_state(path, State(step=500, config=..., network=..., average=..., optimiser=...))
    state = load_state(path)

Written whole or not at all. Nothing random is in it: what a step draws follows from the seed and the step's number.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.hand.inert_pickle import UNPICKLING_ERRORS
from fitter.untrusted import open_regular, quoted

FORMAT = "handfit-training-1"


@dataclass(frozen=True)
class State:
    """After `step` steps: the resolved configuration, the weights, their moving average, AdamW's own state."""

    step: int
    config: Mapping[str, object]
    network: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]
    format: str = FORMAT


def save_state(path: Path, state: State) -> None:
    """Write `state` atomically; raises as `atomic_path` does."""
    with atomic_path(path) as temporary:
        torch.save({name: getattr(state, name) for name in State.__dataclass_fields__}, temporary)


def load_state(path: Path) -> State:
    """The state in `path`, on the CPU; raises InputError for a file that is not one. Nothing in it is executed."""
    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle's protocols: what cannot be read is refused
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (*UNPICKLING_ERRORS, OSError, RuntimeError, AssertionError) as error:
        raise InputError(f"{path}: expected the state of a training, not readable ({quoted(error)})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: expected the state of a training in the format {FORMAT}, got something else")
    if content.keys() != State.__dataclass_fields__.keys():
        raise InputError(f"{path}: expected the state of a training with {', '.join(State.__dataclass_fields__)}")
    return State(**content)


def differing_keys(ours: Mapping[str, object], theirs: Mapping[str, object], above: str = "") -> list[str]:
    """The dotted keys at which two configurations as plain data differ."""
    found = []
    for name in sorted({*ours, *theirs}):
        mine, other, key = ours.get(name), theirs.get(name), f"{above}{name}"
        if isinstance(mine, Mapping) and isinstance(other, Mapping):
            found += differing_keys(mine, other, f"{key}.")
        elif mine != other:
            found.append(key)
    return found
