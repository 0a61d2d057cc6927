"""COCO-WholeBody (Jin et al. 2020): keypoints in the image, of both hands of a person.

    annotations/coco_wholebody_train_v1.0.json       images, annotations, categories
    train2017/%012d.jpg

Layout: `data_format.md` and `evaluation/` of github.com/jin-s13/COCO-WholeBody, over cocodataset.org/#format-data. An
annotation is a person; `lefthand_kpts` and `righthand_kpts` are 21 times x, y, v in OpenPose order, v being 0 for a
joint outside the image (all three are 0), 1 for one that the fitted meshes hide, 2 for one in sight; a hand without
labels has `_valid` false, and zeros in its box and keypoints. Keypoints count from the first pixel's centre ("0-indexed
location"), so half a pixel is taken off; boxes are x, y, width, height from the image's corner. The body, face and feet
are not labelled: zeros, not valid. The person's own box and its area, by which the evaluation scales distances, are the
hands'; the segmentation is the fitted meshes' outline. What the format has no place for is under `handfit`, which
readers pass over.
"""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.export.labels.format import Batch, LabelFormat, Picture, write_jpeg
from fitter.export.labels.hand import LabelledImage
from fitter.export.labels.surface import Surface, look_at
from fitter.observe.observations import Side

ANNOTATIONS = "annotations/coco_wholebody_train_v1.0.json"
IMAGES = "train2017"
DECIMALS = 4  # of a pixel; the format's own are whole or halves
SIDES: tuple[Side, Side] = ("left", "right")
N_BODY, N_FACE, N_FEET, N_HAND = 17, 68, 6, 21
SMALLEST_AREA_PX = 3  # corners of a polygon; less is noise of the outline

# Category 1 of COCO's keypoint annotations (cocodataset.org/#format-data): the body's names, and its bones from 1.
BODY = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"),
    "right_ankle",
)
BODY_BONES = (
    *((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11)),
    *((2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7)),
)


class CocoWholeBodyWriter:
    """See the module. The annotations are kept in memory: some 2 kB per image."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._sources = folder, batch.sources
        (folder / IMAGES).mkdir(parents=True)
        self._images: list[dict[str, object]] = []
        self._annotations: list[dict[str, object]] = []

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        number = image.number + 1  # COCO's evaluation takes a match's id for false where it is 0
        file_name = f"{number:012d}.jpg"
        if picture is not None:
            write_jpeg(self._folder / IMAGES / file_name, picture)
        width, height = image.size
        origin = {"source": self._sources[image.source], "frame": image.frame, "K": image.intrinsics.tolist()}
        described = {"id": number, "file_name": file_name, "width": width, "height": height}
        self._images.append({**described, "handfit": origin})
        self._annotations.append({"id": number, "image_id": number, "category_id": 1, **person(look_at(image))})
        return f"{IMAGES}/{file_name}"

    def finish(self) -> None:
        category = {
            "supercategory": "person",
            "id": 1,
            "name": "person",
            "keypoints": BODY,
            "skeleton": BODY_BONES,
        }
        content = {"images": self._images, "annotations": self._annotations, "categories": [category]}
        path = self._folder / ANNOTATIONS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="ascii")


def person(surface: Surface) -> dict[str, object]:
    """The annotation of the one person whose hands are labelled, without its ids."""
    outline, area = polygons(surface)
    label: dict[str, object] = {
        "iscrowd": 0,
        "segmentation": outline,
        "area": area,
        "bbox": _short(union([hand.box_px for hand in surface.image.hands])),
        "keypoints": [0] * (3 * N_BODY),
        "num_keypoints": 0,
    }
    for part, count in (("face", N_FACE), ("foot", N_FEET)):
        label[f"{part}_kpts"], label[f"{part}_valid"] = [0] * (3 * count), False
    label["face_box"] = [0.0] * 4
    sigma: dict[str, object] = {}
    for side in SIDES:
        label |= {f"{side}hand_kpts": [0] * (3 * N_HAND), f"{side}hand_box": [0.0] * 4, f"{side}hand_valid": False}
    for row, hand in enumerate(surface.image.hands):
        label[f"{hand.side}hand_kpts"] = triplets(surface, row)
        label[f"{hand.side}hand_box"] = _short(hand.box_px)
        label[f"{hand.side}hand_valid"] = True
        sigma[hand.side] = {"quality": round(hand.quality, DECIMALS), "sigma_mm": _short(hand.sigma_mm)}
    return {**label, "handfit": sigma}


def triplets(surface: Surface, row: int) -> list[float]:
    """x, y, v of the 21 joints of one hand of the image."""
    hand = surface.image.hands[row]
    visibility = hand.inside(surface.image.size).astype(int) + surface.visible(row)
    located = np.where(visibility[:, None] > 0, np.round(hand.keypoints_px - 0.5, DECIMALS), 0.0)
    return [value for (x, y), v in zip(located.tolist(), visibility.tolist(), strict=True) for value in (x, y, v)]


def polygons(surface: Surface) -> tuple[list[list[float]], float]:
    """The outlines of what the meshes cover, as x, y, x, y, ..., and its area in pixels; the joints' box if nothing."""
    import cv2

    covered = (surface.hand >= 0).astype(np.uint8)
    contours, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # A contour runs along pixel centres, counted from the first one's.
    outlines = [contour.ravel().astype(float).tolist() for contour in contours if len(contour) >= SMALLEST_AREA_PX]
    if outlines:
        return outlines, float(covered.sum())
    x, y, width, height = union([hand.box_px for hand in surface.image.hands]).tolist()
    return [[x, y, x + width, y, x + width, y + height, x, y + height]], float(width * height)


def union(boxes: list[Float[np.ndarray, "4"]]) -> Float[np.ndarray, "4"]:
    """The box around all boxes (left, top, width, height)."""
    corners = np.stack(boxes)
    low, high = corners[:, :2].min(axis=0), (corners[:, :2] + corners[:, 2:]).max(axis=0)
    return np.concatenate([low, high - low])


def _short(values: Float[np.ndarray, "n"]) -> list[float]:
    return np.round(values, DECIMALS).tolist()


FORMAT = LabelFormat(
    name="coco-wholebody",
    data_set="COCO-WholeBody",
    images=("frames", "crops", "none"),
    start=CocoWholeBodyWriter,
    notes=(
        "Keypoints in OpenPose order count from the first pixel's centre (half a pixel less than in handfit), boxes "
        "from the image's corner; only hands are labelled.",
        "Visibility is decided on the fitted meshes: 0 outside the image, 1 hidden by a mesh, 2 in sight.",
        "The format has no 3D: joints are in quality.npz.",
    ),
    mano="no place",
    surface=False,
)
