"""What is written as HO-3D is read back by the reader of HO-3D."""

import pickle

import numpy as np
import pytest
import torch

from fitter.clip.images import read_image
from fitter.errors import InputError
from fitter.evaluate.readers import hands, open_dataset
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from fitter.hand.parameters import HandParameters, pose_hand
from tests.labelled_results import SIZE, make_result

HO3D = FORMATS["ho3d"]


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    made = make_result(mano_hand[0])
    folder = tmp_path_factory.mktemp("ho3d") / "labels"
    export_labels([made.source("cup")], LabelRequest(HO3D), folder)
    return folder, made


def as_right(made, row, frame, name):
    values = getattr(made.result, name)[row, frame].astype(np.float64)
    return values * ([-1.0, 1.0, 1.0] if made.result.side[row] == "left" else 1.0)


def test_the_reader_finds_joints_pixels_and_meshes(exported, mano_hand):
    folder, made = exported
    reader = open_dataset(folder)
    assert reader.name == "HO-3D"
    assert {sequence.name for sequence in reader.sequences} == {"train/cup_left", "train/cup_right"}
    found = list(hands(reader))
    assert len(found) == 8
    for hand in found:
        row = made.result.side.index("left" if hand.sequence.name.endswith("left") else "right")
        assert made.result.present[row, hand.frame] and hand.sequence.in_time
        joints = as_right(made, row, hand.frame, "joints_m")
        np.testing.assert_allclose(hand.joints_m, joints, atol=1e-9)
        pixels = made.result.keypoints_px[row, hand.frame].astype(np.float64)
        if made.result.side[row] == "left":
            pixels = pixels * [-1.0, 1.0] + [SIZE[0], 0.0]
        np.testing.assert_allclose(hand.keypoints_px, pixels, atol=0.01)
        assert hand.mano is not None and hand.mano.translation_m is not None and hand.mano.zero == "flat"
        parameters = HandParameters(
            torch.from_numpy(hand.mano.pose)[None],
            torch.from_numpy(hand.mano.betas),
            torch.from_numpy(hand.mano.translation_m)[None],
        )
        posed = pose_hand(mano_hand[0], parameters)
        np.testing.assert_allclose(posed.joints[0].numpy(), joints, atol=1e-5)
        vertices = as_right(made, row, hand.frame, "vertices_m")
        np.testing.assert_allclose(posed.mesh().vertices[0].numpy(), vertices, atol=1e-5)


def test_images_are_whole_frames(exported):
    folder, made = exported
    for hand in hands(open_dataset(folder)):
        frame = made.clip.still(hand.frame)
        if hand.sequence.name.endswith("left"):
            frame = frame[:, ::-1]
        # Noise is the hardest that JPEG can get; the wrong frame or its mirror image differ by 85 on average.
        assert np.abs(read_image(hand.image).astype(float) - frame).mean() < 10
        assert hand.mask is not None and hand.mask.read(SIZE).any()


def test_a_label_has_the_published_keys_and_axes(exported):
    folder, made = exported
    with (folder / "train" / "cup_right" / "meta" / "0002.pkl").open("rb") as file:
        label = pickle.load(file)
    assert {name: label[name].shape for name in label if label[name] is not None} == {
        **{"camMat": (3, 3), "handJoints3D": (21, 3), "handPose": (48,), "handBeta": (10,), "handTrans": (3,)},
    }
    assert label["objRot"] is None and label["objName"] is None
    joints = made.result.joints_m[1, 2]
    # OpenGL: in front of the camera is negative; the wrist first, then index1; the thumb's tip is row 16.
    np.testing.assert_allclose(label["handJoints3D"][[0, 1, 16]], joints[[0, 5, 4]] * [1, -1, -1], atol=1e-9)
    assert label["camMat"][0, 2] == pytest.approx(151.5 - 0.5)


def test_the_list_names_every_frame(exported):
    lines = (exported[0] / "train.txt").read_text().split()
    assert lines == [*(f"cup_left/{i:04d}" for i in (0, 2, 3, 4)), *(f"cup_right/{i:04d}" for i in (0, 1, 2, 4))]


def test_crops_have_their_own_camera(mano_hand, tmp_path):
    made = make_result(mano_hand[0], sides=("right",))
    export_labels([made.source()], LabelRequest(HO3D, images="crops", crop_px=128), tmp_path / "labels")
    for hand in hands(open_dataset(tmp_path / "labels")):
        assert read_image(hand.image).shape == (128, 128, 3)
        np.testing.assert_allclose(hand.joints_m, made.result.joints_m[0, hand.frame], atol=1e-9)
        assert (hand.keypoints_px > 0).all() and (hand.keypoints_px < 128).all()


def test_the_free_hand_is_refused(anny, tmp_path):
    with pytest.raises(InputError, match="is a fit of anny, and HO-3D cannot do without MANO's parameters"):
        export_labels([make_result(anny).source()], LabelRequest(HO3D), tmp_path / "labels")
    assert not (tmp_path / "labels").exists()
