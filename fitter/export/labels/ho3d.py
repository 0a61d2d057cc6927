"""HO-3D version 3 (Hampali et al. 2020, 2021): clips of right hands, full frames.

    train.txt                                     lines SEQUENCE/NUMBER
    train/SEQUENCE/rgb/%04d.jpg meta/%04d.pkl seg/%04d.png

Layout: `vis_HO3D.py`, `utils/vis_utils.py` and the README of github.com/shreyashampali/ho3d. A label is a pickled
dictionary: `camMat` 3 x 3; `handJoints3D` 21 x 3 metres in MANO's order with the tips behind, thumb to pinky;
`handPose` 48 angles, the global ones first, zero the flat hand (`flat_hand_mean=True`); `handBeta` 10; `handTrans` 3
metres, added after the pose. Axes are OpenGL's (x right, y up, z back): the global rotation is turned with them. MANO
turns about its own wrist J0, which stays where the axes are turned: the translation is the wrist's place less J0. `seg`
paints the hand blue. K counts from the first pixel's centre. No object is fitted: what the data set says of it is None.
A sequence is one hand of one clip; its numbers are those of the clip's frames.
"""

import pickle
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import roma
import torch
from jaxtyping import Float

from fitter.export.labels.format import Batch, LabelFormat, Picture, write_jpeg
from fitter.export.labels.freihand import to_pixel_centres
from fitter.export.labels.hand import LabelledHand, LabelledImage, ManoLabels
from fitter.export.labels.surface import look_at
from fitter.export.texture import image_of
from fitter.skeleton import PLACE_IN_MANO

OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])
PROTOCOL = 2  # what version 2's own pickles have; Python 2 and 3 read it
BLUE = 2
OF_THE_OBJECT = ("objName", "objLabel", "objRot", "objTrans", "objCorners3D", "objCorners3DRest")


class Ho3dWriter:
    """See the module."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._sources = folder, batch.sources
        self._lines: list[str] = []

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        (hand,) = image.hands
        sequence, number = f"{self._sources[image.source]}_{hand.filmed_side}", f"{image.frame:04d}"
        base = self._folder / "train" / sequence
        for part in ("rgb", "meta", "seg"):
            (base / part).mkdir(parents=True, exist_ok=True)
        label = label_of(hand, image.intrinsics)
        (base / "meta" / f"{number}.pkl").write_bytes(pickle.dumps(label, PROTOCOL))
        seg = np.zeros((*image.size[::-1], 3), dtype=np.uint8)
        seg[look_at(image).mask(0), BLUE] = 255
        image_of(seg).save(base / "seg" / f"{number}.png")
        if picture is not None:
            write_jpeg(base / "rgb" / f"{number}.jpg", picture)
        self._lines.append(f"{sequence}/{number}")
        return f"train/{sequence}/rgb/{number}.jpg"

    def finish(self) -> None:
        (self._folder / "train.txt").write_text("".join(f"{line}\n" for line in sorted(self._lines)), encoding="ascii")


def label_of(hand: LabelledHand, intrinsics: Float[np.ndarray, "3 3"]) -> dict[str, object]:
    """The dictionary that is pickled."""
    assert hand.mano is not None, "the format needs MANO"
    joints = np.empty((21, 3))
    joints[PLACE_IN_MANO] = hand.joints_m @ OPENGL_FROM_OPENCV
    pose, translation = in_opengl(hand.mano, hand.joints_m[0])
    return {
        "camMat": to_pixel_centres(intrinsics),
        "handJoints3D": joints,
        "handPose": pose,
        "handBeta": hand.mano.betas.copy(),
        "handTrans": translation,
        **dict.fromkeys(OF_THE_OBJECT),
    }


def in_opengl(
    mano: ManoLabels, wrist_m: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, "48"], Float[np.ndarray, "3"]]:
    """Pose and translation of the same hand in OpenGL's axes; the wrist is given in OpenCV's."""
    turned = torch.from_numpy(OPENGL_FROM_OPENCV) @ roma.rotvec_to_rotmat(torch.from_numpy(mano.pose[:3]))
    rest_wrist = wrist_m - mano.translation_m
    translation = OPENGL_FROM_OPENCV @ wrist_m - rest_wrist
    return np.concatenate([roma.rotmat_to_rotvec(turned).numpy(), mano.pose[3:]]), translation


FORMAT = LabelFormat(
    name="ho3d",
    data_set="HO-3D",
    images=("frames", "crops", "none"),
    start=Ho3dWriter,
    notes=(
        "Joints in MANO's order with the tips behind, metres, OpenGL axes (x right, y up, z back); pixels count from "
        "the first pixel's centre.",
        "The published fields of the object are None.",
        "seg is the fitted mesh's, not of the pixels; there are no depth images.",
    ),
    mano_notes=("MANO's pose counts from the flat hand.",),
    one_hand=True,
    right_only=True,
    mano="needed",
)
