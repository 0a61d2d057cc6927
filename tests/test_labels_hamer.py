"""What is written for HaMeR is what its two readers index: the .npz by key, the tars by suffix."""

import pickle
import tarfile

import cv2
import numpy as np
import pytest
import torch

from fitter.clip.images import read_image
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from fitter.hand.parameters import HandParameters, pose_hand
from tests.labelled_results import SIZE, make_result

HAMER = FORMATS["hamer"]


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    made = make_result(mano_hand[0])
    folder = tmp_path_factory.mktemp("hamer") / "labels"
    export_labels([made.source()], LabelRequest(HAMER), folder)
    return folder, made


def rows_of(made):
    for frame in range(made.result.present.shape[1]):
        yield from ((row, frame) for row in np.flatnonzero(made.result.present[:, frame]).tolist())


class ImageDataset:
    """The .npz as `ImageDataset` of hamer/datasets/image_dataset.py reads it: the same keys, shapes and casts."""

    def __init__(self, file, img_dir):
        data = np.load(file, allow_pickle=True)
        self.img_dir, self.imgname = img_dir, data["imgname"]
        self.center = data["center"]
        self.scale = data["scale"].reshape(len(self.center), -1) / 200.0
        assert self.scale.shape == (len(self.center), 2)
        self.right = data["right"]
        self.hand_pose, self.has_hand_pose = data["hand_pose"].astype(np.float32), data["has_hand_pose"].astype(float)
        self.betas, self.has_betas = data["betas"].astype(np.float32), data["has_betas"].astype(np.float32)
        self.keypoints_2d, self.keypoints_3d = data["hand_keypoints_2d"], data["hand_keypoints_3d"].astype(np.float32)

    def item(self, index):
        """The image, cut as the network sees it, with its labels: a left hand's mirrored, as `get_example` does."""
        image = cv2.imread(str(self.img_dir / self.imgname[index]))
        width = image.shape[1]
        points, joints = self.keypoints_2d[index].copy(), self.keypoints_3d[index].copy()
        centre, box = self.center[index].copy(), 2 * self.scale[index].max() * 200
        pose = self.hand_pose[index].copy().reshape(16, 3)
        if self.right[index] == 0:
            image = image[:, ::-1]
            centre[0] = width - centre[0] - 1
            points[:, 0] = width - points[:, 0] - 1
            joints[:, 0] *= -1
            pose[:, 1:] *= -1
        zoom = 256 / box
        affine = np.array([[zoom, 0, 128 - zoom * centre[0]], [0, zoom, 128 - zoom * centre[1]]])
        patch = cv2.warpAffine(image, affine, (256, 256), flags=cv2.INTER_LINEAR)
        points[:, :2] = points[:, :2] @ affine[:, :2].T + affine[:, 2]
        return patch, points, joints, pose.ravel()


def test_the_npz_holds_every_hand(exported):
    folder, made = exported
    data = ImageDataset(folder / "hamer.npz", folder)
    assert len(data.scale) == 8
    for index, (row, frame) in enumerate(rows_of(made)):
        result = made.result
        assert data.right[index] == (result.side[row] == "right")
        np.testing.assert_allclose(data.keypoints_2d[index, :, :2] + 0.5, result.keypoints_px[row, frame], atol=0.01)
        np.testing.assert_allclose(data.keypoints_3d[index, :, :3], result.joints_m[row, frame], atol=1e-6)
        assert (data.keypoints_2d[index, :, 2] == 1).all() and (data.keypoints_3d[index, :, 3] == 1).all()
        np.testing.assert_array_equal(data.hand_pose[index], result.pose[row, frame])
        np.testing.assert_array_equal(data.betas[index], result.betas[row])
        assert data.has_hand_pose[index] == data.has_betas[index] == 1


def test_the_network_sees_every_hand_as_a_right_one(exported, mano_hand):
    """The labels after HaMeR's own mirroring: parameters pose the joints, and these lie in the middle of the patch."""
    folder, made = exported
    data = ImageDataset(folder / "hamer.npz", folder)
    for index in range(len(list(rows_of(made)))):
        patch, points, joints, pose = data.item(index)
        assert patch.shape == (256, 256, 3)
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        np.testing.assert_allclose((low + high) / 2, 128, atol=1e-4)
        assert (high - low).max() == pytest.approx(128)  # half of the enlarged box
        betas = torch.from_numpy(data.betas[index].astype(np.float64))
        parameters = HandParameters(torch.from_numpy(pose.astype(np.float64))[None], betas, torch.zeros(1, 3).double())
        posed = pose_hand(mano_hand[0], parameters).joints[0].numpy()
        np.testing.assert_allclose(posed - posed[0], joints[:, :3] - joints[0, :3], atol=1e-5)


def test_the_tars_hold_the_same(exported):
    """As `load_tars_as_webdataset` goes through them: a sample is what shares a name before the first dot."""
    folder, made = exported
    data = np.load(folder / "hamer.npz", allow_pickle=False)
    samples = {}
    with tarfile.open(folder / "tars" / "000000.tar") as tar:
        for member in tar.getmembers():
            key, _, suffix = member.name.partition(".")
            file = tar.extractfile(member)
            assert file is not None
            samples.setdefault(key, {})[suffix] = file.read()
    assert list(samples) == [f"{number:08d}" for number in range(5)]
    index = 0
    for sample in samples.values():
        image = cv2.imdecode(np.frombuffer(sample["jpg"], np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[:2] == SIZE[::-1]
        for label in pickle.loads(sample["data.pyd"]):
            np.testing.assert_array_equal(label["keypoints_2d"], data["hand_keypoints_2d"][index].astype(np.float32))
            np.testing.assert_array_equal(label["keypoints_3d"], data["hand_keypoints_3d"][index].astype(np.float32))
            np.testing.assert_array_equal(label["center"], data["center"][index])
            np.testing.assert_allclose(label["scale"] * 200, data["scale"][index] * 2)
            assert label["hand_pose"].shape == (48,) and label["betas"].shape == (10,)
            assert label["right"] == data["right"][index] and label["has_hand_pose"] > 0 and label["has_betas"] > 0
            assert label["extra_info"] == {}
            index += 1
    assert index == 8


def test_images_are_the_frames(exported):
    folder, made = exported
    data = np.load(folder / "hamer.npz", allow_pickle=False)
    for name, (_, frame) in zip(data["imgname"], rows_of(made), strict=True):
        assert np.abs(read_image(folder / str(name)).astype(float) - made.clip.still(frame)).mean() < 10


def test_the_free_hand_has_no_parameters(anny, tmp_path):
    made = make_result(anny)
    export_labels([made.source()], LabelRequest(HAMER, images="crops"), tmp_path / "labels")
    data = np.load(tmp_path / "labels" / "hamer.npz", allow_pickle=False)
    assert not data["has_hand_pose"].any() and not data["has_betas"].any() and not data["hand_pose"].any()
    for index, (row, frame) in enumerate(rows_of(made)):
        np.testing.assert_allclose(data["hand_keypoints_3d"][index, :, :3], made.result.joints_m[row, frame], atol=1e-6)
    assert len(np.load(tmp_path / "labels" / "vertices_m.npy")) == 8
