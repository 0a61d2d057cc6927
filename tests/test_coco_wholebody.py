"""COCO-WholeBody JSON: annotations and results, and one sentence for everything that is wrong with one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.observe.coco_wholebody import read_coco_wholebody

SIZE = (640, 480)


def triplets(offset: float, confidence: float = 0.5) -> list[float]:
    return [value for joint in range(21) for value in (offset + joint, 2.0 * joint, confidence)]


def images(*names: str) -> list[dict[str, Any]]:
    return [{"id": 100 + i, "file_name": name, "width": 640, "height": 480} for i, name in enumerate(names)]


def result(image: Any, offset: float = 30.0, right: Any = None) -> dict[str, Any]:
    return {"image_id": image, "lefthand_kpts": [0] * 63, "righthand_kpts": right or triplets(offset)}


def saved(path: Path, content: Any) -> Path:
    (path / "body.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path / "body.json"


def test_annotations_follow_the_file_names(tmp_path: Path):
    content = {"images": images("f10.png", "f9.png", "f8.png"), "annotations": [result(100, 10.0), result(101, 20.0)]}
    frames = read_coco_wholebody(saved(tmp_path, content), SIZE, 3)
    assert [len(found) for found in frames] == [0, 1, 1]
    # COCO's first pixel has its centre at 0, ours at 0.5.
    assert frames[1][0].keypoints_px[1].tolist() == [21.5, 2.5] and frames[2][0].keypoints_px[0, 0] == 10.5
    assert frames[1][0].side == "right"


def test_frame_numbers_come_before_file_names(tmp_path: Path):
    pictures = images("a.png", "b.png")
    pictures[0]["frame_id"], pictures[1]["frame_id"] = 7, 3
    frames = read_coco_wholebody(saved(tmp_path, {"images": pictures, "annotations": [result(101)]}), SIZE, 2)
    assert [len(found) for found in frames] == [1, 0]


def test_visibility_of_annotators_becomes_confidence(tmp_path: Path):
    numbers = triplets(30.0, 2)
    numbers[3 * 4 + 2], numbers[3 * 5 + 2] = 1, 0
    people = [{"image_id": 100, "lefthand_kpts": numbers, "righthand_kpts": [0] * 63}]
    ((hand,),) = read_coco_wholebody(saved(tmp_path, {"images": images("a.png"), "annotations": people}), SIZE, 1)
    assert hand.side == "left"
    assert hand.confidence[[3, 4, 5]].tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(("ids", "frames"), [((0, 2), (0, 2)), ((1, 3), (0, 2)), ((500, 502, 504), (0, 1, 2))])
def test_results_find_their_frames(tmp_path: Path, ids: tuple[int, ...], frames: tuple[int, ...]):
    found = read_coco_wholebody(saved(tmp_path, [result(number) for number in ids]), SIZE, 3)
    assert tuple(index for index, hands in enumerate(found) if hands) == frames


def test_hands_within_the_133_keypoints(tmp_path: Path):
    body = [0.0] * 273 + triplets(30.0) + triplets(90.0)
    ((left, right),) = read_coco_wholebody(saved(tmp_path, [{"image_id": 0, "keypoints": body}]), SIZE, 1)
    assert (left.side, right.side) == ("left", "right")
    assert left.keypoints_px[0, 0] == 30.5 and right.keypoints_px[20, 0] == 110.5
    np.testing.assert_array_equal(left.confidence, 0.5)


def test_nobody_is_a_valid_file(tmp_path: Path):
    assert list(read_coco_wholebody(saved(tmp_path, []), SIZE, 2)) == [[], []]
    content = {"images": images("a.png", "b.png"), "annotations": []}
    assert list(read_coco_wholebody(saved(tmp_path, content), SIZE, 2)) == [[], []]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{'a'}", "no valid JSON"),
        ({"people": []}, "no COCO-WholeBody file"),
        (3, "no COCO-WholeBody file"),
        ([3], "an entry is no object"),
        ({"annotations": []}, "no list of images"),
        ({"images": images("a.png"), "annotations": []}, "of 1 images: expected 2"),
        ({"images": images("a.png", "b.png"), "annotations": [result(7)]}, "image_id 7 is no image's"),
        ({"images": images("a.png", "b.png"), "annotations": [result([])]}, "image_id [] is no image's"),
        ({"images": [{"id": 1}, {"id": 2}], "annotations": []}, "images have no order"),
        ({"images": [{"id": None}, {"id": 2}], "annotations": []}, "has the id None"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2, "annotations": []}, "two images share an id"),
        (
            {"images": [{**image, "width": 1920} for image in images("a.png", "b.png")], "annotations": []},
            "of 1920x480 images: expected 640x480",
        ),
        ([result(5), result(9), result(11)], "image ids 5..11 do not tell the frames apart"),
        ([result(-1)], "image ids -1..-1 do not tell"),
        ([{"image_id": 0, "bbox": [1, 2, 3, 4]}], "nobody with hands"),
        ([result(0, right=triplets(1.0)[:60])], "60 numbers, expected 63"),
        ([result(0, right=triplets(1.0, -1.0))], "negative confidence"),
        ([result(0, right=triplets(1.0, 3.0))], "confidence above 1"),
        ([result(0, right={"x": 1})], "flat list of numbers"),
        ([result(0)] * 65, "more than 64 hands in frame 0"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: Any, words: str):
    with pytest.raises(InputError, match="body.json") as caught:
        read_coco_wholebody(saved(tmp_path, content), SIZE, 2)
    assert words in str(caught.value) and "expected" in str(caught.value) and "\n" not in str(caught.value)
