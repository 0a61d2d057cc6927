"""MANO (Romero, Tzionas and Black, Embodied Hands, 2017) as a HandModel, from the file the user has downloaded.

    model = load_mano(Path("mano_v1_2/models"))          # or .../MANO_RIGHT.pkl, or .../MANO_RIGHT.npz
    model.with_shape(torch.zeros(10, dtype=torch.float64))

Only the right-hand file is read: left hands are fitted as mirrored right ones (`fitter.hand.mirror`), because the
published left file has the right hand's shape basis, unmirrored (github.com/vchoutas/smplx/issues/48).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from fitter.errors import InputError
from fitter.hand.mano_pickle import MAX_FILE_BYTES, read_mano_pickle
from fitter.hand.model import HandModel
from fitter.hand.unwrap import unwrap
from fitter.skeleton import FINGERTIPS, POINT_OF_ROTATION, ROTATION_PARENTS
from fitter.untrusted import Damaged, Oversized, read_plain_arrays

N_VERTICES, N_FACES, N_BETAS = 778, 1538, 10
# The vertex at each fingertip, thumb to pinky: `smplx.vertex_ids`, 'mano'.
TIP_VERTICES = np.array([744, 320, 443, 554, 671])

SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (N_VERTICES, 3),
    "shapedirs": (N_VERTICES, 3, N_BETAS),
    "posedirs": (N_VERTICES, 3, 135),
    "J_regressor": (16, N_VERTICES),
    "weights": (N_VERTICES, 16),
    "f": (N_FACES, 3),
    "kintree_table": (2, 16),
}
MEAN_POSE = "hands_mean"
FILE_NAMES = ("MANO_RIGHT.pkl", "MANO_RIGHT.npz")
FOLDERS = (".", "mano", "models", "mano/models")  # the download's own layout and smplx's
WANTED = "expected MANO_RIGHT.pkl as downloaded from mano.is.tue.mpg.de, its .npz form, or a folder with one of them"
LARGEST = 1000.0  # of any number: metres, radians and weights, and no sum of them overflows
WEIGHT_SUM_TOLERANCE = 1e-4  # skinning weights sum to 1; room for files stored in float32


@dataclass(frozen=True)
class _ManoArrays:
    """The arrays of the file, checked; metres."""

    template: Float[np.ndarray, "778 3"]
    shape_basis: Float[np.ndarray, "778 3 10"]
    pose_basis: Float[np.ndarray, "778 3 135"]
    joint_regressor: Float[np.ndarray, "16 778"]
    skinning: Float[np.ndarray, "778 16"]
    faces: Int[np.ndarray, "1538 3"]


def load_mano(path: Path) -> HandModel:
    """The right hand of MANO in float64, 10 betas, metres, from a `.pkl`, a `.npz` or a folder with one of them.

    Joints come from the joint regressor; the five tips are smplx's vertices, rigid with the last bones. UVs, which
    MANO has not, are unwrapped once and cached. The mesh stays open at the wrist. Raises InputError, one sentence, for
    a file that is missing, no MANO, a left hand, or refused (`fitter.hand.mano_pickle`).
    """
    file = _find_file(path)
    raw = read_mano_pickle(file, tuple(SHAPES)) if file.suffix == ".pkl" else _read_npz(file)
    arrays = _checked(raw, file)
    uv, uv_faces = unwrap(arrays.template, arrays.faces)
    return HandModel(
        name="mano",
        template=torch.from_numpy(arrays.template),
        shape_basis=torch.from_numpy(arrays.shape_basis),
        joints=torch.from_numpy(_points(arrays.template, arrays.joint_regressor)),
        joints_shape_basis=torch.from_numpy(_points(arrays.shape_basis, arrays.joint_regressor)),
        pose_basis=torch.from_numpy(arrays.pose_basis),
        skinning=torch.from_numpy(arrays.skinning),
        faces=torch.from_numpy(arrays.faces),
        uv=torch.from_numpy(uv),
        uv_faces=torch.from_numpy(uv_faces),
    )


def read_mean_pose(path: Path) -> Float[np.ndarray, "45"]:
    """The pose that MANO's file calls the hand's mean, radians, in the order of the 15 joints.

    What counts poses from it (smplx with `flat_hand_mean=False`, FreiHAND, InterHand2.6M) has this at its zero, where
    handfit has the flat hand. Raises InputError as `load_mano` does.
    """
    file = _find_file(path)
    raw = read_mano_pickle(file, (MEAN_POSE,)) if file.suffix == ".pkl" else _read_npz(file, (MEAN_POSE,))
    mean = raw[MEAN_POSE].reshape(-1)
    _check_array(mean, MEAN_POSE, (45,), file)
    return mean.astype(np.float64)


def _find_file(path: Path) -> Path:
    """The file that `path` means."""
    if path.is_dir():
        for folder in FOLDERS:
            for name in FILE_NAMES:
                if (path / folder / name).is_file():
                    return path / folder / name
        raise InputError(f"{path}: has no MANO_RIGHT.pkl or MANO_RIGHT.npz in it or its folder mano; {WANTED}")
    if not path.is_file():
        raise InputError(f"{path}: does not exist; {WANTED}")
    if path.suffix not in (".pkl", ".npz"):
        raise InputError(f"{path}: is neither .pkl nor .npz; {WANTED}")
    return path


def _read_npz(path: Path, keys: Sequence[str] = tuple(SHAPES)) -> dict[str, np.ndarray]:
    """The arrays of a `.npz`, nothing pickled, no more than a MANO file can hold."""
    try:
        arrays = read_plain_arrays(path, set(keys), MAX_FILE_BYTES)
    except Oversized as error:
        raise InputError(f"{path}: {error}; a MANO file has 4 MB") from error
    except Damaged as error:
        raise InputError(f"{path}: cannot be read as .npz of plain arrays of numbers ({error}); {WANTED}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {WANTED}") from error
    for key in keys:
        if key not in arrays:
            raise InputError(f"{path}: has no '{key}'; expected the keys of MANO_RIGHT.pkl")
    return arrays


def _checked(raw: dict[str, np.ndarray], path: Path) -> _ManoArrays:
    for key, shape in SHAPES.items():
        _check_array(raw[key], key, shape, path)
    faces = raw["f"].astype(np.int64)
    if faces.min() < 0 or faces.max() >= N_VERTICES:
        raise InputError(f"{path}: 'f' names vertex {faces.max()}; expected 0 to {N_VERTICES - 1}")
    if not np.array_equal(raw["kintree_table"][0, 1:], ROTATION_PARENTS[1:]):
        raise InputError(f"{path}: 'kintree_table' is not MANO's; expected the parents {ROTATION_PARENTS.tolist()}")
    skinning = raw["weights"].astype(np.float64)
    if np.abs(skinning.sum(axis=1) - 1).max() > WEIGHT_SUM_TOLERANCE:
        raise InputError(f"{path}: 'weights' do not sum to 1 at every vertex; expected skinning weights")
    arrays = _ManoArrays(
        template=np.array(raw["v_template"], dtype=np.float64, order="C"),
        shape_basis=np.array(raw["shapedirs"], dtype=np.float64, order="C"),
        pose_basis=np.array(raw["posedirs"], dtype=np.float64, order="C"),
        joint_regressor=np.array(raw["J_regressor"], dtype=np.float64, order="C"),
        skinning=np.array(skinning, order="C"),
        faces=faces,
    )
    joints = arrays.joint_regressor @ arrays.template
    if joints[1:, 0].mean() >= joints[0, 0]:  # the right hand's fingers point along -x, the left hand's along +x
        raise InputError(
            f"{path}: is MANO's left hand; expected MANO_RIGHT.pkl of the same download (left hands are fitted with it)"
        )
    return arrays


def _check_array(array: np.ndarray, key: str, shape: tuple[int, ...], path: Path) -> None:
    if array.shape != shape:
        raise InputError(f"{path}: '{key}' has shape {array.shape}; expected MANO's {shape}")
    if key in ("f", "kintree_table"):
        if array.dtype.kind not in "iu":
            raise InputError(f"{path}: '{key}' holds {array.dtype}; expected whole numbers")
    elif array.dtype.kind != "f" or not (np.abs(array) <= LARGEST).all():
        raise InputError(
            f"{path}: '{key}' holds {array.dtype}, or values that are not finite or beyond {LARGEST:g}; "
            "expected finite real numbers"
        )


def _points(
    values: Float[np.ndarray, "778 *rest"], joint_regressor: Float[np.ndarray, "16 778"]
) -> Float[np.ndarray, "21 *rest"]:
    """16 joints and 5 tips, in point order, of a quantity given at every vertex."""
    points = np.empty((21, *values.shape[1:]))
    points[POINT_OF_ROTATION] = np.tensordot(joint_regressor, values, axes=1)
    points[FINGERTIPS] = values[TIP_VERTICES]
    return points
