"""What is written as FreiHAND is read back by the reader of FreiHAND, and by the recipe of its own toolbox."""

import json

import numpy as np
import pytest
import torch

from fitter.clip.images import read_image
from fitter.evaluate.readers import hands, open_dataset
from fitter.export.labels import FORMATS, Gates, LabelRequest, export_labels
from fitter.hand.mano import read_mean_pose
from fitter.hand.parameters import HandParameters, pose_hand
from tests.labelled_results import SIZE, K, make_result

FREIHAND = FORMATS["freihand"]


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    model, file = mano_hand
    made = make_result(model)
    folder = tmp_path_factory.mktemp("freihand") / "labels"
    manifest = export_labels([made.source()], LabelRequest(FREIHAND, mean_pose=read_mean_pose(file)), folder)
    return folder, made, manifest


def expected(made):
    """Row and frame of every image, in their order, and the joints as right hands."""
    for frame in range(made.result.present.shape[1]):
        for row in np.flatnonzero(made.result.present[:, frame]).tolist():
            joints = made.result.joints_m[row, frame].astype(np.float64)
            left = made.result.side[row] == "left"
            yield row, frame, joints * ([-1.0, 1.0, 1.0] if left else 1.0)


def test_the_reader_finds_the_joints_and_pixels(exported):
    folder, made, manifest = exported
    reader = open_dataset(folder)
    assert reader.name == "FreiHAND"
    found, wanted = list(hands(reader)), list(expected(made))
    assert len(found) == len(wanted) == manifest.n_kept == 8
    for hand, (_, _, joints) in zip(found, wanted, strict=True):
        np.testing.assert_allclose(hand.joints_m, joints, atol=1e-6)
        projected = joints @ hand.intrinsics.T
        np.testing.assert_allclose(hand.keypoints_px, projected[:, :2] / projected[:, 2:], atol=1e-3)
        assert read_image(hand.image).shape == (224, 224, 3)
        assert (hand.keypoints_px > 0).all() and (hand.keypoints_px < 224).all()


def test_pixels_are_those_of_the_clip(exported):
    """By way of the side file's map from frame to crop, keypoints are the result's own, and crops its frames."""
    folder, made, _ = exported
    side = np.load(folder / "quality.npz", allow_pickle=False)
    for number, ((row, frame, _), hand) in enumerate(zip(expected(made), hands(open_dataset(folder)), strict=True)):
        affine = side["image_of_frame"][number]
        moved = made.result.keypoints_px[row, frame] @ affine[:, :2].T + affine[:, 2]
        np.testing.assert_allclose(hand.keypoints_px, moved, atol=0.01)
        assert affine[0, 0] < 0 if made.result.side[row] == "left" else affine[0, 0] > 0
        assert (side["frame"][number], side["filmed_side"][number]) == (frame, made.result.side[row])
        np.testing.assert_allclose(side["intrinsics"][number], hand.intrinsics, atol=1e-6)
        np.testing.assert_array_equal(side["sigma_mm"][number], made.result.joints_sigma_mm[row, frame])
        assert side["quality"][number] == pytest.approx(made.result.quality[row, frame])


def test_the_parameters_pose_the_same_hand(exported, mano_hand):
    """As FreiHAND's toolbox poses it: mean pose added, then moved so that the middle finger's first joint fits."""
    folder, made, _ = exported
    model, file = mano_hand
    mean = read_mean_pose(file)
    assert np.abs(mean).max() > 0.1  # else leaving it out would not be seen
    ks = json.loads((folder / "training_K.json").read_text())
    labels = json.loads((folder / "training_mano.json").read_text())
    vertices = json.loads((folder / "training_verts.json").read_text())
    for (row, frame, joints), k, label, verts in zip(expected(made), ks, labels, vertices, strict=True):
        assert np.shape(label) == (1, 61)
        numbers = label[0]
        pose, betas, (u, v), scale = np.array(numbers[:48]), np.array(numbers[48:58]), numbers[58:60], numbers[60]
        pose[3:] += mean
        focal, centre = (k[0][0] + k[1][1]) / 2, (k[0][2], k[1][2])
        root = np.array([(u - centre[0]) / scale, (v - centre[1]) / scale, focal / scale])
        still = torch.zeros(1, 3, dtype=torch.float64)
        posed = pose_hand(model, HandParameters(torch.from_numpy(pose)[None], torch.from_numpy(betas), still))
        shift = root - posed.joints[0, 9].numpy()
        np.testing.assert_allclose(posed.joints[0].numpy() + shift, joints, atol=1e-5)
        np.testing.assert_allclose(posed.mesh().vertices[0].numpy() + shift, np.array(verts), atol=1e-5)
        mirror = [-1.0, 1.0, 1.0] if made.result.side[row] == "left" else [1.0, 1.0, 1.0]
        np.testing.assert_allclose(verts, made.result.vertices_m[row, frame] * mirror, atol=1e-6)


def test_the_mask_is_where_the_mesh_is(exported):
    folder, _, _ = exported
    for hand in hands(open_dataset(folder)):
        assert hand.mask is not None and hand.vertices_m is not None
        mask = hand.mask.read((224, 224))
        seen = hand.vertices_m @ hand.intrinsics.T
        pixels = (seen[:, :2] / seen[:, 2:]).astype(int)
        assert mask[pixels[:, 1], pixels[:, 0]].mean() > 0.9  # but for those on the very outline
        assert 0.05 < mask.mean() < 0.6


def test_the_free_hand_has_joints_and_its_own_vertices(anny, tmp_path):
    made = make_result(anny, sides=("left",))
    manifest = export_labels([made.source()], LabelRequest(FREIHAND), tmp_path / "labels")
    found = list(hands(open_dataset(tmp_path / "labels")))
    assert len(found) == 4 and all(hand.mano is None and hand.vertices_m is None for hand in found)
    vertices, faces = np.load(tmp_path / "labels" / "vertices_m.npy"), np.load(tmp_path / "labels" / "faces.npy")
    wanted = made.result.vertices_m[0][made.result.present[0]] * np.array([-1, 1, 1], dtype=np.float32)
    np.testing.assert_array_equal(vertices, wanted)
    np.testing.assert_array_equal(faces, made.result.faces)
    assert any("not MANO" in note for note in manifest.notes) and any("mirrored" in note for note in manifest.notes)


def test_without_images_the_labels_are_the_same(mano_hand, exported, tmp_path):
    folder, made, _ = exported
    model, file = mano_hand
    request = LabelRequest(FREIHAND, images="none", gates=Gates(), mean_pose=read_mean_pose(file))
    export_labels([made.source()], request, tmp_path / "labels")
    for name in ("training_K.json", "training_xyz.json", "training_mano.json", "training_verts.json"):
        assert (tmp_path / "labels" / name).read_text() == (folder / name).read_text()
    assert not any((tmp_path / "labels" / "training" / "rgb").iterdir())


def test_the_made_hands_are_in_their_frame(mano_hand):
    """What the other tests rest on: the joints project by K onto pixels inside the frame."""
    result = make_result(mano_hand[0]).result
    pixels = result.keypoints_px[result.present]
    assert (pixels > 0).all() and (pixels < SIZE).all()
    projected = result.joints_m[result.present].astype(np.float64) @ K.T
    np.testing.assert_allclose(pixels, projected[..., :2] / projected[..., 2:], atol=1e-3)
