"""What is written as InterHand2.6M is read back by its reader, by pycocotools, and by smplx as its authors do."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from fitter.evaluate.readers import hands, open_dataset
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from fitter.export.labels.interhand import skeleton_text
from fitter.hand.mano import read_mean_pose
from tests.labelled_results import SIZE, K, make_result
from tests.synthetic_mano import synthetic_mano, write_plain_pickle

INTERHAND = FORMATS["interhand"]


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    model, file = mano_hand
    first, second = make_result(model), make_result(model, sides=("right",))
    folder = tmp_path_factory.mktemp("interhand") / "labels"
    request = LabelRequest(INTERHAND, mean_pose=read_mean_pose(file))
    export_labels([first.source("both"), second.source("one")], request, folder)
    return folder, first, second


def read(folder, kind):
    return json.loads((folder / "annotations" / "train" / f"InterHand2.6M_train_{kind}.json").read_text())


def test_the_reader_finds_both_hands_of_all_results(exported):
    folder, first, second = exported
    reader = open_dataset(folder)
    assert reader.name == "InterHand2.6M"
    assert [sequence.name for sequence in reader.sequences] == [
        "train/Capture0/both/cam400000/right",
        "train/Capture0/both/cam400000/left",
        "train/Capture1/one/cam400000/right",
    ]
    found = list(hands(reader))
    assert len(found) == 12
    for hand in found:
        made = first if "Capture0" in hand.sequence.name else second
        row = made.result.side.index(hand.side)
        np.testing.assert_allclose(hand.joints_m, made.result.joints_m[row, hand.frame], atol=1e-6)
        np.testing.assert_allclose(hand.keypoints_px, made.result.keypoints_px[row, hand.frame], atol=0.01)


def test_pycocotools_reads_the_data(exported, capsys):
    from pycocotools.coco import COCO

    folder, first, _ = exported
    data: Any = COCO(str(folder / "annotations" / "train" / "InterHand2.6M_train_data.json"))
    kinds = {}
    for annotation in data.anns.values():
        (image,) = data.loadImgs(annotation["image_id"])
        assert (folder / "images" / "train" / image["file_name"]).is_file()
        assert (image["width"], image["height"]) == SIZE
        assert len(annotation["joint_valid"]) == 42
        kinds[image["capture"], image["frame_idx"]] = annotation["hand_type"]
        if image["capture"] == 0 and annotation["hand_type"] == "right":
            pixels = first.result.keypoints_px[1, image["frame_idx"]] - 0.5
            x, y, width, height = annotation["bbox"]
            np.testing.assert_allclose([x, y], pixels.min(axis=0), atol=0.01)
            np.testing.assert_allclose([x + width, y + height], pixels.max(axis=0), atol=0.01)
    assert [kinds[0, frame] for frame in range(5)] == [*("interacting", "right", "interacting", "left", "interacting")]
    assert [frame for capture, frame in kinds if capture == 1] == [0, 1, 2, 4]


def test_joints_are_millimetres_tip_first_and_the_right_hand_first(exported):
    folder, first, _ = exported
    moment = read(folder, "joint_3d")["0"]["1"]
    world, valid = np.array(moment["world_coord"]), np.array(moment["joint_valid"])
    assert world.shape == (42, 3) and valid.shape == (42, 1)
    assert valid[:21].all() and not valid[21:].any() and moment["hand_type"] == "right"
    joints = first.result.joints_m[1, 1] * 1000
    np.testing.assert_allclose(world[[0, 3, 4, 20]], joints[[4, 1, 8, 0]], atol=1e-4)
    camera = read(folder, "camera")["0"]
    assert camera["princpt"]["400000"] == [K[0, 2] - 0.5, K[1, 2] - 0.5]
    assert camera["campos"]["400000"] == [0.0, 0.0, 0.0]


def test_smplx_poses_the_same_hands(exported, tmp_path):
    """As `tool/MANO_world_to_camera/convert.py` does: smplx with its mean pose, the left shape basis corrected."""
    smplx = pytest.importorskip("smplx")
    folder, first, _ = exported
    for side in ("right", "left"):
        write_plain_pickle(tmp_path / f"MANO_{side.upper()}.pkl", synthetic_mano(side, published_left=True))
    parameters = read(folder, "MANO_NeuralAnnot")["0"]
    for row, side in enumerate(first.result.side):
        layer = smplx.create(
            str(tmp_path / f"MANO_{side.upper()}.pkl"), "mano", use_pca=False, is_rhand=side == "right"
        )
        if side == "left":
            mean = layer.pose_mean[3:].reshape(15, 3) * torch.tensor([1.0, -1.0, -1.0])  # what the real left file has
            layer.pose_mean[3:] = mean.flatten()
            layer.shapedirs[:, 0, :] *= -1
        for frame in np.flatnonzero(first.result.present[row]):
            label = parameters[str(frame)][side]
            pose, shape, trans = (
                torch.tensor([label[name]], dtype=torch.float32) for name in ("pose", "shape", "trans")
            )
            posed = layer(global_orient=pose[:, :3], hand_pose=pose[:, 3:], betas=shape, transl=trans)
            vertices = posed.vertices[0].detach().numpy()
            np.testing.assert_allclose(vertices, first.result.vertices_m[row, frame], atol=1e-5)
    assert parameters["1"]["left"] is None and parameters["1"]["right"] is not None


def test_the_skeleton_hangs_at_the_wrists():
    lines = skeleton_text().splitlines()
    joints = [line.split(" ") for line in lines if not line.startswith("#")]
    assert [int(number) for _, number, _ in joints] == list(range(42))
    parents = {int(number): int(parent) for _, number, parent in joints}
    names = {int(number): name for name, number, _ in joints}
    assert (names[0], names[3], names[4], names[20], names[41]) == (
        "r_thumb4",
        "r_thumb1",
        "r_index4",
        "r_wrist",
        "l_wrist",
    )
    assert (parents[0], parents[3], parents[20], parents[21], parents[41]) == (1, 20, -1, 22, -1)
    for joint in range(42):
        steps = 0
        while parents[joint] >= 0:
            joint, steps = parents[joint], steps + 1
        assert joint in (20, 41) and steps <= 4


def test_the_free_hand_has_no_mano_file(anny, tmp_path):
    export_labels([make_result(anny).source()], LabelRequest(INTERHAND, images="none"), tmp_path / "labels")
    folder = tmp_path / "labels" / "annotations" / "train"
    assert {path.name.removeprefix("InterHand2.6M_train_") for path in folder.iterdir()} == {
        *("data.json", "camera.json", "joint_3d.json"),
    }
    assert len(np.load(tmp_path / "labels" / "vertices_m.npy")) == 8
