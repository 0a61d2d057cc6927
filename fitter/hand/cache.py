"""A hand model kept as one .npz file, so that a slow conversion runs once per machine.

    model = cached_model(default_folder() / "anny-1.npz", build)

A missing, damaged or foreign file is rebuilt; a folder that cannot be written costs only the time of the next start.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from fitter.hand.model import HandModel
from fitter.untrusted import Damaged, read_plain_arrays

logger = logging.getLogger(__name__)

_TENSORS = tuple(field.name for field in fields(HandModel) if field.name != "name")
_OPTIONAL = ("pose_basis",)
MOST_BYTES = 2**28  # the default hand's arrays come to a tenth


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/handfit`, or `~/.cache/handfit` where that variable is unset or empty."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "handfit"


def cached_model(path: Path, build: Callable[[], HandModel]) -> HandModel:
    """The model stored at `path`; otherwise `build()`, stored there atomically if the folder allows it."""
    if path.exists():
        try:
            return read_model(path)
        except (OSError, Damaged, ValueError, TypeError) as error:
            logger.warning("The cached hand model %s is unusable (%s); it is made again.", path, error)
    model = build()
    try:
        write_model(path, model)
    except OSError as error:
        logger.warning("The hand model could not be cached in %s (%s); the next start makes it again.", path, error)
    return model


def write_model(path: Path, model: HandModel) -> None:
    """Write `model` to `path` as `write_arrays` does."""
    tensors = {name: getattr(model, name) for name in _TENSORS}
    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}
    write_arrays(path, {"name": np.array(model.name), **arrays})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz to `path` under a temporary name in the same folder, then rename it; OSError if impossible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub: allow_pickle)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_model(path: Path) -> HandModel:
    """The model in `path`, without executing anything in it.

    OSError, Damaged, TypeError or ValueError where the file is not a hand model of this schema.
    """
    arrays = read_plain_arrays(path, {"name", *_TENSORS}, MOST_BYTES)
    for key in {"name", *_TENSORS} - {*_OPTIONAL} - arrays.keys():
        raise ValueError(f"{key} is missing")
    name = str(arrays["name"])
    tensors = {key: torch.from_numpy(arrays[key]) for key in _TENSORS if key in arrays}
    model = HandModel(name=name, **{key: tensors.get(key) for key in _TENSORS})  # pyright: ignore[reportArgumentType]
    _check(model)
    return model


def _check(model: HandModel) -> None:
    if model.template.ndim != 2 or model.shape_basis.ndim != 3:
        raise ValueError("template and shape_basis have other axes than vertices and coordinates")
    vertices, betas = model.template.shape[0], model.shape_basis.shape[-1]
    expected = {
        "template": (vertices, 3),
        "shape_basis": (vertices, 3, betas),
        "joints": (21, 3),
        "joints_shape_basis": (21, 3, betas),
        "skinning": (vertices, 16),
        "faces": (len(model.faces), 3),
        "uv": (len(model.uv), 2),
        "uv_faces": (len(model.faces), 3),
    }
    for name, shape in expected.items():
        tensor: torch.Tensor = getattr(model, name)
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)} instead of {shape}")
        if tensor.is_complex() or not torch.isfinite(tensor).all():
            raise ValueError(f"{name} has values that are not finite")
    for name, count in (("faces", vertices), ("uv_faces", len(model.uv))):
        indices: torch.Tensor = getattr(model, name)
        whole = indices.dtype in (torch.int32, torch.int64) and indices.numel() > 0
        if not whole or indices.min() < 0 or indices.max() >= count:
            raise ValueError(f"{name} must hold indices below {count}")
