"""What the evaluation servers of FreiHAND and HO-3D take: pred.zip with pred.json, a list of joints and one of meshes.

    path, n_missing = write_submission(folder, reader, "freihand", {Place("evaluation", 0): prediction, ...}.get)

Both: `[[21 x 3 per image], [vertices x 3 per image]]` in metres, as `pred.py` of github.com/lmb-freiburg/freihand and
of github.com/shreyashampali/ho3d dumps it, zipped flat (their READMEs). Where an image has no prediction stand zeros as
in their template. The servers measure meshes of other models than MANO by F-scores alone (`eval.py`).

FreiHAND: images in their own order, points in OpenPose order, OpenCV axes. The length of the middle finger's proximal
phalanx is given (evaluation_scale.json, `pred.py`): the hand is scaled to it about the camera's centre, which moves no
pixel. HO-3D: images in the order of evaluation.txt, points in MANO's order with the tips behind, OpenGL axes (x right,
y up, z back), and the wrist is given (`handJoints3D` of the evaluation's labels): the hand is moved there.
"""

import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.evaluate.metrics import MIDDLE_MCP
from fitter.evaluate.readers import Reader
from fitter.evaluate.readers.freihand import FreiHand
from fitter.evaluate.readers.ho3d import OPENCV_FROM_OPENGL, Ho3d
from fitter.evaluate.readers.layout import checked_array
from fitter.export.atomic import atomic_path
from fitter.skeleton import PLACE_IN_MANO, POINT_NAMES
from fitter.untrusted import read_regular

Server = Literal["freihand", "ho3d"]
DATA_SETS: dict[Server, str] = {"freihand": "FreiHAND", "ho3d": "HO-3D"}
FILE = "pred.zip"
MANO_VERTICES = 778
DECIMALS = 6  # of metres: a micrometre
MIDDLE_PIP = POINT_NAMES.index("middle_pip")
MOST_SCALE_BYTES = 2**20  # 3960 numbers


@dataclass(frozen=True)
class Prediction:
    """One hand in one image: metres, OpenCV camera axes, points in OpenPose order."""

    joints_m: Float[np.ndarray, "21 3"]
    vertices_m: Float[np.ndarray, "vertices 3"]


@dataclass(frozen=True)
class Place:
    """An image of the evaluation split: `index` of the sequence with this name."""

    sequence: str
    index: int


def evaluation_order(reader: Reader, server: Server) -> list[Place]:
    """The images as the server counts them; raises InputError where the data set is another, or has none for it."""
    if reader.name != DATA_SETS[server]:
        raise InputError(f"--submission {server}: is of {DATA_SETS[server]}, but the data set is {reader.name}")
    sequences = [sequence for sequence in reader.sequences if sequence.split == "evaluation"]
    if not sequences:
        raise InputError(f"--submission {server}: the data set has no evaluation split here")
    places = [Place(sequence.name, index) for sequence in sequences for index in range(sequence.length)]
    if isinstance(reader, Ho3d):
        places.sort(key=lambda place: reader.images[place.sequence][place.index].row)
    return places


def write_submission(
    folder: Path, reader: Reader, server: Server, predict: Callable[[Place], Prediction | None]
) -> tuple[Path, int]:
    """Write pred.zip into `folder`, which must exist; returns its path and how many images have no prediction."""
    places = evaluation_order(reader, server)
    placed = _in_freihand(reader) if isinstance(reader, FreiHand) else _in_ho3d(cast(Ho3d, reader))
    predictions = [(place, predict(place)) for place in places]
    found = [None if prediction is None else placed(place, prediction) for place, prediction in predictions]
    n_vertices = next((len(prediction.vertices_m) for prediction in found if prediction), MANO_VERTICES)
    nothing = Prediction(np.zeros((21, 3)), np.zeros((n_vertices, 3)))
    with (
        atomic_path(folder / FILE) as path,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("pred.json", "w", force_zip64=True) as file,
    ):
        whole = [prediction or nothing for prediction in found]
        _write_list(file, b"[[", (prediction.joints_m for prediction in whole))
        _write_list(file, b"], [", (prediction.vertices_m for prediction in whole))
        file.write(b"]]")
    return folder / FILE, sum(prediction is None for prediction in found)


def _write_list(file: IO[bytes], start: bytes, arrays: Iterable[Float[np.ndarray, "points 3"]]) -> None:
    """One array as text at a time: all meshes at once would be gigabytes of Python numbers."""
    for number, array in enumerate(arrays):
        file.write(start if number == 0 else b", ")
        file.write(json.dumps(np.round(array.astype(np.float64), DECIMALS).tolist()).encode())


def _in_freihand(reader: FreiHand) -> Callable[[Place, Prediction], Prediction]:
    """The hand at the size that is given; as it is where the file of sizes is not there."""
    path = reader.folder / "evaluation_scale.json"
    if not path.is_file():
        return lambda place, prediction: prediction
    lengths = _lengths(path, sum(s.length for s in reader.sequences if s.split == "evaluation"))

    def scaled(place: Place, prediction: Prediction) -> Prediction:
        joints = prediction.joints_m
        factor = lengths[place.index] / float(np.linalg.norm(joints[MIDDLE_MCP] - joints[MIDDLE_PIP]))
        return Prediction(joints * factor, prediction.vertices_m * factor)

    return scaled


def _lengths(path: Path, n: int) -> Float[np.ndarray, "images"]:
    try:
        data = read_regular(path, MOST_SCALE_BYTES)
        content = json.loads(data) if len(data) <= MOST_SCALE_BYTES else None
    except (OSError, ValueError, RecursionError):
        content = None
    lengths = checked_array(content, (n,), str(path))
    if (lengths <= 0).any():
        raise InputError(f"{path}: holds a length that is not above 0, expected metres")
    return lengths


def _in_ho3d(reader: Ho3d) -> Callable[[Place, Prediction], Prediction]:
    """The wrist where it is given, HO-3D's axes and order."""
    sequences = {sequence.name: sequence for sequence in reader.sequences}

    def placed(place: Place, prediction: Prediction) -> Prediction:
        wrist = reader.hand(sequences[place.sequence], place.index).joints_m[0]
        shift = wrist - prediction.joints_m[0]
        joints = np.empty((21, 3))
        joints[PLACE_IN_MANO] = prediction.joints_m + shift
        return Prediction(joints @ OPENCV_FROM_OPENGL, (prediction.vertices_m + shift) @ OPENCV_FROM_OPENGL)

    return placed
