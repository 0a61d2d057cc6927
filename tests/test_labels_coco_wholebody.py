"""What is written as COCO-WholeBody is read by pycocotools, and is what its description asks for."""

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest

from fitter.clip.images import read_image
from fitter.export.labels import FORMATS, LabelRequest, export_labels
from fitter.export.labels.coco_wholebody import ANNOTATIONS
from fitter.skeleton import FINGERTIPS
from tests.labelled_results import SIZE, make_result

COCO_WHOLEBODY = FORMATS["coco-wholebody"]


def open_coco(path) -> Any:  # its stubs know COCO's own keys only
    from pycocotools.coco import COCO

    with redirect_stdout(io.StringIO()):  # it tells how long it took
        return COCO(str(path / ANNOTATIONS))


@pytest.fixture(scope="module")
def exported(anny, tmp_path_factory):
    made = make_result(anny)
    folder = tmp_path_factory.mktemp("coco") / "labels"
    export_labels([made.source()], LabelRequest(COCO_WHOLEBODY), folder)
    return folder, made


def test_pycocotools_finds_every_hand_where_it_is(exported):
    folder, made = exported
    coco = open_coco(folder)
    assert coco.getCatIds(catNms=["person"]) == [1]
    frames = set()
    for number in coco.getImgIds():
        (image,) = coco.loadImgs(number)
        (person,) = coco.loadAnns(coco.getAnnIds(imgIds=number))
        frame = image["handfit"]["frame"]
        frames.add(frame)
        picture = read_image(folder / "train2017" / image["file_name"])
        assert picture.shape[:2] == (image["height"], image["width"]) == SIZE[::-1]
        for row, side in enumerate(made.result.side):
            points = np.array(person[f"{side}hand_kpts"]).reshape(21, 3)
            assert person[f"{side}hand_valid"] is bool(made.result.present[row, frame])
            if not made.result.present[row, frame]:
                assert not points.any() and person[f"{side}hand_box"] == [0.0] * 4
                continue
            pixels = made.result.keypoints_px[row, frame]
            np.testing.assert_allclose(points[:, :2] + 0.5, pixels, atol=0.01)
            assert set(points[:, 2]) <= {1, 2} and (points[:, 2] == 2).sum() > 10
            x, y, width, height = person[f"{side}hand_box"]
            np.testing.assert_allclose([x, y], pixels.min(axis=0), atol=0.01)
            np.testing.assert_allclose([x + width, y + height], pixels.max(axis=0), atol=0.01)
    assert frames == {0, 1, 2, 3, 4}


def test_what_is_not_labelled_is_not_valid(exported):
    coco = open_coco(exported[0])
    for person in coco.anns.values():
        assert person["keypoints"] == [0] * 51 and person["num_keypoints"] == 0 and person["iscrowd"] == 0
        assert len(person["face_kpts"]) == 204 and len(person["foot_kpts"]) == 18
        assert person["face_valid"] is False and person["foot_valid"] is False
    (category,) = coco.loadCats(1)
    assert len(category["keypoints"]) == 17 and len(category["skeleton"]) == 19
    assert max(max(bone) for bone in category["skeleton"]) == 17


def test_the_segmentation_is_of_the_hands(exported):
    """The outline that pycocotools fills has about the area that is written, and holds the joints in sight."""
    coco = open_coco(exported[0])
    for person in coco.anns.values():
        mask = coco.annToMask(person).astype(bool)
        assert mask.shape == SIZE[::-1]
        # pycocotools fills from pixel centre to pixel centre: half a pixel is lost along the outline.
        assert 0.8 < mask.sum() / person["area"] < 1.1
        for side in ("left", "right"):
            points = np.array(person[f"{side}hand_kpts"]).reshape(21, 3)
            points = np.delete(points, [0, *FINGERTIPS], axis=0)  # these lie on the outline
            seen = points[points[:, 2] == 2, :2].round().astype(int)
            assert mask[seen[:, 1], seen[:, 0]].all()


def test_the_evaluation_of_keypoints_agrees_with_itself(exported):
    """pycocotools' own evaluation, asked for the right hand's keypoints, gives labels against themselves 1."""
    from pycocotools.cocoeval import COCOeval

    folder, _ = exported
    coco, results = open_coco(folder), []
    for person in coco.anns.values():
        person["keypoints"] = person["righthand_kpts"]
        person["num_keypoints"] = int(np.count_nonzero(person["keypoints"][2::3]))
        found = {name: person[name] for name in ("image_id", "category_id", "keypoints")}
        if person["num_keypoints"]:
            results.append({**found, "score": 1.0})
    with redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, coco.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.full(21, 0.03)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_a_crop_is_of_one_hand(anny, tmp_path):
    made = make_result(anny)
    export_labels([made.source()], LabelRequest(COCO_WHOLEBODY, images="crops", crop_px=160), tmp_path / "labels")
    coco = open_coco(tmp_path / "labels")
    assert len(coco.imgs) == 8
    for person in coco.anns.values():
        assert person["lefthand_valid"] != person["righthand_valid"]
        side = "left" if person["lefthand_valid"] else "right"
        points = np.array(person[f"{side}hand_kpts"]).reshape(21, 3)
        assert (points[:, :2] > 0).all() and (points[:, :2] < 159).all()


def test_a_joint_outside_the_image_is_not_labelled(anny, tmp_path):
    made = make_result(anny, sides=("right",))
    shift = np.array([0.17, 0, 0], dtype=np.float32)  # to the right, until some of the hand leaves the frame
    joints, vertices = made.result.joints_m + shift, made.result.vertices_m + shift
    projected = joints.astype(np.float64) @ made.result.K.T
    pixels = (projected[..., :2] / projected[..., 2:]).astype(np.float32)
    moved = made.with_result(joints_m=joints, vertices_m=vertices, keypoints_px=pixels)
    moved = moved.with_diagnostics(detected_px=np.nan_to_num(pixels))
    outside = (pixels[0, 0] > SIZE[0]).any(axis=-1)
    assert 0 < outside.sum() < 21 / 4  # else the gate drops the frame
    export_labels([moved.source()], LabelRequest(COCO_WHOLEBODY), tmp_path / "labels")
    person = open_coco(tmp_path / "labels").anns[1]
    points = np.array(person["righthand_kpts"]).reshape(21, 3)
    np.testing.assert_array_equal(points[:, 2] == 0, outside)
    assert not points[outside].any()
