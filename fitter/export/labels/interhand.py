"""InterHand2.6M version 1.0 (Moon et al. 2020): full frames with both hands. A result is a capture, seen by one camera.

    images/train/Capture0/SEQUENCE/cam400000/image%d.jpg
    annotations/skeleton.txt
    annotations/train/InterHand2.6M_train_data.json            COCO-like: images, annotations
    annotations/train/InterHand2.6M_train_camera.json          {capture: {campos, camrot, focal, princpt: {camera: ..}}}
    annotations/train/InterHand2.6M_train_joint_3d.json        {capture: {frame: {world_coord, joint_valid, ..}}}
    annotations/train/InterHand2.6M_train_MANO_NeuralAnnot.json  {capture: {frame: {right: {pose, shape, trans}, left}}}

Layout: mks0601.github.io/InterHand2.6M, and `data/InterHand2.6M/dataset.py` and
`tool/MANO_world_to_camera/convert.py` of github.com/facebookresearch/InterHand2.6M. Points: the right hand's 21, then
the left's, each thumb to pinky from the tip to the palm and then the wrist; millimetres in the world's axes, which here
are the camera's (camrot is the identity, campos 0). MANO's parameters are of the world too, metres; its pose counts
from the mean pose (smplx's default, `flat_hand_mean=False`), and the left hand's shape is for MANO_LEFT with its first
component's sign corrected, as `convert.py` does (github.com/vchoutas/smplx/issues/48). A joint is valid in the data if
it lies inside the image, and in joint_3d if it is known. K is the camera's, so images are full frames. That pixels
count from the first one's centre is an assumption, the reader's too.
"""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from fitter.errors import InputError
from fitter.export.labels.format import Batch, LabelFormat, Picture, write_jpeg
from fitter.export.labels.freihand import to_pixel_centres
from fitter.export.labels.hand import LabelledHand, LabelledImage, mirror_angles
from fitter.export.labels.number_list import rounded
from fitter.observe.observations import Side
from fitter.skeleton import PLACE_IN_INTERHAND, POINT_NAMES, POINT_PARENTS

CAMERA = "400000"  # of the data set's own form, and none of its cameras
MM_PER_M = 1000.0
FIRST_POINT: dict[Side, int] = {"right": 0, "left": 21}
N_POINTS = 42


class InterHandWriter:
    """See the module. The files of annotations are kept in memory: some 3 kB per frame."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._batch = folder, batch
        self._images: list[dict[str, object]] = []
        self._annotations: list[dict[str, object]] = []
        self._cameras: dict[str, dict[str, object]] = {}
        self._joints: dict[str, dict[str, object]] = {}
        self._mano: dict[str, dict[str, object]] = {}

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        capture, frame = str(image.source), str(image.frame)
        sequence = self._batch.sources[image.source]
        file_name = f"Capture{capture}/{sequence}/cam{CAMERA}/image{frame}.jpg"
        path = self._folder / "images" / "train" / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        if picture is not None:
            write_jpeg(path, picture)
        camera = camera_label(image.intrinsics)
        if self._cameras.setdefault(capture, camera) != camera:
            raise InputError(
                f"interhand: frame {image.frame} of {image.source} has other intrinsics than the frames before; "
                "a capture has one camera, so expected a clip without zoom (freihand, npz and others take one)"
            )
        world, known, inside = points_of(image)
        kind = {"hand_type": hand_type(image.hands), "hand_type_valid": True}
        moment = {"world_coord": rounded(world), "joint_valid": known[:, None].astype(int).tolist(), **kind}
        self._joints.setdefault(capture, {})[frame] = moment
        if self._batch.hand_model == "mano":
            self._mano.setdefault(capture, {})[frame] = self._mano_label(image.hands)
        width, height = image.size
        described = {"id": image.number, "file_name": file_name, "width": width, "height": height}
        place = {"capture": image.source, "subject": image.source, "seq_name": sequence}
        self._images.append({**described, **place, "camera": CAMERA, "frame_idx": image.frame})
        label = {"id": image.number, "image_id": image.number, "bbox": rounded(box_of(image))}
        self._annotations.append({**label, "joint_valid": inside.astype(int).tolist(), **kind})
        return f"images/train/{file_name}"

    def finish(self) -> None:
        folder = self._folder / "annotations" / "train"
        folder.mkdir(parents=True, exist_ok=True)
        contents: dict[str, object] = {
            "data": {"images": self._images, "annotations": self._annotations},
            "camera": self._cameras,
            "joint_3d": self._joints,
        }
        if self._batch.hand_model == "mano":
            contents["MANO_NeuralAnnot"] = self._mano
        for kind, content in contents.items():
            (folder / f"InterHand2.6M_train_{kind}.json").write_text(json.dumps(content), encoding="ascii")
        (folder.parent / "skeleton.txt").write_text(skeleton_text(), encoding="ascii")

    def _mano_label(self, hands: tuple[LabelledHand, ...]) -> dict[Side, object]:
        """Of both sides; None where there is no hand."""
        labels: dict[Side, object] = {"right": None, "left": None}
        mean_pose = self._batch.mean_pose
        for hand in hands:
            assert hand.mano is not None and mean_pose is not None, "a fit of MANO, counted from its mean pose"
            own_mean = mean_pose if hand.side == "right" else mirror_angles(mean_pose)
            labels[hand.side] = {
                "pose": rounded(np.concatenate([hand.mano.pose[:3], hand.mano.pose[3:] - own_mean])),
                "shape": rounded(hand.mano.betas),
                "trans": rounded(hand.mano.translation_m),
            }
        return labels


def camera_label(intrinsics: Float[np.ndarray, "3 3"]) -> dict[str, object]:
    """A capture's one camera: at the world's origin, with its axes."""
    k = to_pixel_centres(intrinsics)
    return {
        "campos": {CAMERA: [0.0, 0.0, 0.0]},
        "camrot": {CAMERA: np.eye(3).tolist()},
        "focal": {CAMERA: rounded(k[[0, 1], [0, 1]])},
        "princpt": {CAMERA: rounded(k[:2, 2])},
    }


def points_of(
    image: LabelledImage,
) -> tuple[Float[np.ndarray, "42 3"], Bool[np.ndarray, "42"], Bool[np.ndarray, "42"]]:
    """The points of both hands in millimetres (0 where there is no hand), which are known, and which lie inside."""
    world, known, inside = np.zeros((N_POINTS, 3)), np.zeros(N_POINTS, bool), np.zeros(N_POINTS, bool)
    for hand in image.hands:
        rows = FIRST_POINT[hand.side] + PLACE_IN_INTERHAND
        world[rows], known[rows], inside[rows] = hand.joints_m * MM_PER_M, True, hand.inside(image.size)
    return world, known, inside


def hand_type(hands: tuple[LabelledHand, ...]) -> str:
    return hands[0].side if len(hands) == 1 else "interacting"


def box_of(image: LabelledImage) -> Float[np.ndarray, "4"]:
    """Left, top, width, height of all joints, counted from the first pixel's centre."""
    pixels = np.concatenate([hand.keypoints_px for hand in image.hands]) - 0.5
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return np.concatenate([low, high - low])


def skeleton_text() -> str:
    """Name, number and parent of the 42 points, a line each; parts are numbered from the palm (1) to the tip (4)."""
    lines = []
    names = {point: f"{POINT_NAMES[point].partition('_')[0]}{1 + (point - 1) % 4}" for point in range(1, 21)}
    names[0] = "wrist"
    for prefix, first in (("r", FIRST_POINT["right"]), ("l", FIRST_POINT["left"])):
        for place in range(21):
            point = int(np.flatnonzero(PLACE_IN_INTERHAND == place)[0])
            parent = int(POINT_PARENTS[point])
            above = -1 if parent < 0 else first + int(PLACE_IN_INTERHAND[parent])
            lines.append(f"{prefix}_{names[point]} {first + place} {above}")
    return "# joint_name joint_id joint_parent_id\n" + "\n".join(lines) + "\n"


FORMAT = LabelFormat(
    name="interhand",
    data_set="InterHand2.6M",
    images=("frames", "none"),
    start=InterHandWriter,
    notes=(
        "Joints of the right hand, then of the left, each thumb to pinky from tip to palm and then the wrist; "
        "millimetres in the axes of the camera, which is the world; pixels count from the first pixel's centre.",
        "A result is a capture, its one camera is called 400000.",
    ),
    mano_notes=("MANO's pose counts from the mean pose, of each side its own.",),
    zero="mean",
)
