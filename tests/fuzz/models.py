"""Readers of MANO's files and of published data sets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from fitter.evaluate.find_truth import read_truth
from fitter.evaluate.readers import dexycb as dexycb_reader
from fitter.evaluate.readers import open_dataset
from fitter.evaluate.readers.layout import hands
from fitter.hand import mano
from tests import miniature_data_sets as miniatures
from tests.fuzz.observations import saved
from tests.fuzz.target import Target
from tests.synthetic_mano import ManoNumbers, chumpy_content, python2_pickle, synthetic_mano

UV = (np.zeros((778, 2)), np.zeros((1538, 3), dtype=np.int64))


def small_mano() -> ManoNumbers:
    """Its large arrays are small and zero, so that breaking the file does not take longer than reading it."""
    numbers = synthetic_mano("right")
    shape, pose = (np.zeros(getattr(numbers, name).shape, np.float16) for name in ("shapedirs", "posedirs"))
    return replace(numbers, shapedirs=shape, posedirs=pose)


def plain_mano() -> dict[str, np.ndarray]:
    """What is read of it."""
    content = small_mano().plain_content()
    return {name: np.asarray(content[name]) for name in (*mano.SHAPES, mano.MEAN_POSE)}


def write_mano_pickle(folder: Path) -> list[bytes]:
    import pickle

    content = chumpy_content(small_mano())
    del content["hands_coeffs"]
    (folder / "MANO_RIGHT.pkl").write_bytes(python2_pickle(content))
    return [pickle.dumps(plain_mano(), protocol) for protocol in (0, 2, 4, 5)]


def write_mano_npz(folder: Path) -> None:
    (folder / "MANO_RIGHT.npz").write_bytes(saved(plain_mano()))


def read_mano(file: str) -> Callable[[Path], object]:
    """Everything but the unwrapping, which takes seconds and reads nothing."""

    def read(folder: Path) -> None:
        with mock.patch.object(mano, "unwrap", lambda template, faces: UV):
            mano.load_mano(folder / file)
            mano.read_mean_pose(folder / file)

    return read


def write_annotations(folder: Path) -> list[bytes]:
    import json

    rng = np.random.default_rng(0)
    frames = [
        {
            "frame": n,
            "joints_3d_m_cam": rng.normal(size=(21, 3)).tolist(),
            "keypoints_2d": rng.normal(size=(21, 2)).tolist(),
        }
        for n in range(2)
    ]
    (folder / "truth.json").write_text(json.dumps({"schema": "realhand-v1", "hand_side": "left", "frames": frames}))
    hand = {"hand_side": "left", "joints_3d_m_cam": frames[0]["joints_3d_m_cam"], "joints_3d_valid": [1] * 21}
    return [json.dumps({"schema": "realhand-v1", "hands": [hand, hand | {"hand_side": "right"}]}).encode()]


def write_synthetic_truth(folder: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"joints_m": rng.normal(size=(2, 21, 3)), "keypoints_px": rng.normal(size=(2, 21, 2))}
    (folder / "truth.npz").write_bytes(
        saved(arrays | {"side": np.array("left"), "vertices_m": rng.normal(size=(2, 9, 3))})
    )


def read_dataset(folder: Path) -> None:
    """Every hand of it, and its mask."""
    for hand in hands(open_dataset(folder)):
        if hand.mask is not None:
            hand.mask.read((320, 240))


def data_set(name: str, kind: str, file: str, write: Callable[[Path], object]) -> Target:
    def written(folder: Path) -> None:
        write(folder)

    return Target(name, kind, file, written, read_dataset)


def dexycb(name: str, kind: str, file: str) -> Target:
    """A subject of few sequences, where the data set has a hundred, each of which has to be opened."""
    sequences = 4

    def write(folder: Path) -> None:
        miniatures.write_dexycb(folder, with_images=(3,), frames=2, sequences=sequences)

    def read(folder: Path) -> None:
        with mock.patch.object(dexycb_reader, "SEQUENCES", sequences):
            read_dataset(folder)

    return Target(name, kind, file, write, read)


DEXYCB = f"{miniatures.dexycb_sequence(3)}"
TARGETS = (
    Target("mano_pickle", "pickle", "MANO_RIGHT.pkl", write_mano_pickle, read_mano("MANO_RIGHT.pkl")),
    Target("mano_npz", "npz", "MANO_RIGHT.npz", write_mano_npz, read_mano("MANO_RIGHT.npz")),
    Target("annotations", "json", "truth.json", write_annotations, lambda f: read_truth(f / "truth.json", (0, 1))),
    Target("synthetic_truth", "npz", "truth.npz", write_synthetic_truth, lambda f: read_truth(f / "truth.npz")),
    data_set("freihand", "json", "training_xyz.json", miniatures.write_freihand),
    data_set("freihand_mano", "json", "training_mano.json", miniatures.write_freihand),
    data_set("ho3d_labels", "pickle", "train/ABF10/meta/0002.pkl", miniatures.write_ho3d),
    data_set("ho3d_list", "text", "train.txt", miniatures.write_ho3d),
    data_set("rhd", "pickle", "training/anno_training.pickle", miniatures.write_rhd),
    data_set("stb", "mat", "labels/B1Counting_BB.mat", miniatures.write_stb),
    dexycb("dexycb_labels", "npz", f"{DEXYCB}/{miniatures.DEXYCB_SERIAL}/labels_000000.npz"),
    dexycb("dexycb_meta", "yaml", f"{DEXYCB}/meta.yml"),
    dexycb("dexycb_camera", "yaml", f"calibration/intrinsics/{miniatures.DEXYCB_SERIAL}_640x480.yml"),
    data_set("interhand", "json", "annotations/train/InterHand2.6M_train_joint_3d.json", miniatures.write_interhand),
    data_set(
        "interhand_camera", "json", "annotations/train/InterHand2.6M_train_camera.json", miniatures.write_interhand
    ),
    data_set("dexter", "text", "data/Grasp1/annotations/Grasp13D.txt", miniatures.write_dexter_object),
    data_set("egodexter", "text", "data/Desk/annotation.txt_3D.txt", miniatures.write_egodexter),
)
