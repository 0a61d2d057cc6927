"""Where 3D points of the hand are known to be: joints from another system, or vertices that a network believes in.

    joints = read_known_joints(Path("joints.npz"), n_frames=300)              # joints_m (T, 21, 3)
    vertices = read_known_vertices(Path("mesh.npz"), 300, n_vertices=1610)    # vertices_m (T, V, 3)

Both files hold metres in camera axes, of the model's own joints (OpenPose order) or vertices (the model's order), NaN
where a point is not known, and optionally `weight`, 0 to 1, per frame and point or per frame.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.errors import InputError
from fitter.hand.mirror import mirror_points
from fitter.observe.plain_arrays import read_arrays
from fitter.skeleton import POINT_NAMES

# Vertices of half an hour of video in float32 come to this; nothing larger is one clip's.
MOST_BYTES = 2**30
# The largest hand spread out measures under 0.3 m: points further apart than this are not in metres.
LARGEST_SPAN_M = 0.6
FARTHEST_M = 1000.0  # from the camera: no hand is seen so far away


@dataclass(frozen=True)
class KnownPositions:
    """Points of one right hand: `positions_m` in camera axes, `weight` 0..1, both 0 where a point is not known."""

    positions_m: Float[Tensor, "*batch frames points 3"]
    weight: Float[Tensor, "*batch frames points"]

    def mirrored(self) -> "KnownPositions":
        """The same points in the horizontally flipped frames."""
        return replace(self, positions_m=mirror_points(self.positions_m))

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "KnownPositions":
        """Of some of the frames."""
        chosen = torch.from_numpy(frames)
        return KnownPositions(self.positions_m[chosen], self.weight[chosen])

    def to(self, device: torch.device | str) -> "KnownPositions":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def read_known_joints(path: Path, n_frames: int) -> KnownPositions:
    """`joints_m` of a .npz file; raises InputError if it does not fit a clip of `n_frames`."""
    return _read(path, "joints_m", (n_frames, len(POINT_NAMES)), "3D joints in OpenPose order")


def read_known_vertices(path: Path, n_frames: int, n_vertices: int) -> KnownPositions:
    """`vertices_m` of a .npz file; raises InputError if it does not fit `n_frames` and a model of `n_vertices`."""
    return _read(path, "vertices_m", (n_frames, n_vertices), f"the hand model's {n_vertices} vertices")


def _read(path: Path, name: str, shape: tuple[int, int], content: str) -> KnownPositions:
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected a .npz file with {name}, {content}")
    arrays = read_arrays(path, {name, "weight"}, f"{name} of one clip", MOST_BYTES)
    if name not in arrays:
        raise InputError(f"{path} holds no {name}: expected an array {(*shape, 3)} of metres, {content}")
    positions = _numbers(path, name, arrays[name], ((*shape, 3),), content)
    known = ~np.isnan(positions).any(axis=-1)
    weight = known.astype(np.float64)
    if "weight" in arrays:
        given = _numbers(path, "weight", arrays["weight"], (shape, shape[:1]), content)
        weight = np.where(known, given.reshape(*given.shape, *[1] * (2 - given.ndim)), 0.0)
    _check(path, name, positions, weight)
    kept = np.where(weight[..., None] > 0, positions, 0.0)
    return KnownPositions(torch.from_numpy(kept), torch.from_numpy(weight))


def _numbers(
    path: Path, name: str, array: np.ndarray, shapes: tuple[tuple[int, ...], ...], content: str
) -> Float[np.ndarray, "..."]:
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} is of type {array.dtype}, expected numbers")
    if array.shape not in shapes:
        wanted = " or ".join(str(shape) for shape in shapes)
        raise InputError(
            f"{path}: {name} has shape {array.shape}, expected {wanted} for a clip of {shapes[0][0]} frames, {content}"
        )
    return array.astype(np.float64)


def _check(path: Path, name: str, positions: np.ndarray, weight: np.ndarray) -> None:
    """Raise InputError for what cannot be a hand before a camera."""
    if not ((weight >= 0) & (weight <= 1)).all():  # NaN is neither
        raise InputError(f"{path}: weight holds numbers that are not from 0 to 1")
    used = weight > 0
    if not used.any():
        raise InputError(f"{path}: every point of {name} is unknown (NaN, or of weight 0); leave the file out")
    faults = {
        "is infinite": np.isinf(positions).any(axis=-1),
        "lies behind the camera": positions[..., 2] <= 0,
        "is further away than a hand can be seen": (np.abs(positions) > FARTHEST_M).any(axis=-1),
    }
    for fault, found in faults.items():
        if (found & used).any():
            frame, point = np.argwhere(found & used)[0]
            raise InputError(
                f"{path}: {name} of frame {frame}, point {point} {fault}; "
                "expected metres in camera axes (z forward), not relative to the wrist"
            )
    low = np.where(used[..., None], positions, np.inf).min(axis=1)
    high = np.where(used[..., None], positions, -np.inf).max(axis=1)
    span = float((high - low)[used.any(axis=1)].max())
    if span > LARGEST_SPAN_M:
        raise InputError(f"{path}: {name} spans {span:g} in one frame, more than any hand; expected metres")
