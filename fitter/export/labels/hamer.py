"""HaMeR (Pavlakos et al. 2024): the annotations its training and evaluation read.

    hamer.npz           read by `ImageDataset`, with the folder as its img_dir
    tars/%06d.tar       a thousand images and their labels each, read by `load_tars_as_webdataset`
    images/%08d.jpg

Layout: `hamer/datasets/image_dataset.py` and `hamer/datasets/utils.py` of github.com/geopavlakos/hamer. Of N hands:
`imgname`; `center` (N, 2) and `scale` (N, 2) of the box, pixels (the reader divides by 200 and enlarges by 2); `right`
1 or 0; `hand_pose` (N, 48) axis-angle with the global orientation first, zero the flat hand (smplx's MANOLayer adds no
mean); `betas`; `has_hand_pose`, `has_betas`; `hand_keypoints_2d` (N, 21, 3) with confidence; `hand_keypoints_3d`
(N, 21, 4) metres, camera axes, with confidence. Points in OpenPose order. Left hands are stored as they are: the reader
mirrors image and labels (`right` 0). Pixels count from the first one's centre, for it flips x to width - x - 1 and cuts
with `cv2.warpAffine`. In a tar a sample is `KEY.jpg` and `KEY.data.pyd`, the pickled list of its hands, whose `scale`
is the box's side over 200, enlarged already, and whose arrays have no N.

Further arrays of the .npz (`sigma_mm`, `quality`, `intrinsics`) are passed over by the reader.
"""

import io
import pickle
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL.Image import fromarray

from fitter.export.labels.format import JPEG_QUALITY, Batch, LabelFormat, Picture
from fitter.export.labels.freihand import to_pixel_centres
from fitter.export.labels.hand import LabelledHand, LabelledImage

SAMPLES_PER_TAR = 1000
ENLARGED = 2.0  # of the box around the joints: `rescale_factor` of ImageDataset
BOX_UNIT_PX = 200.0
FLAT_HAND: Mapping[str, np.ndarray] = MappingProxyType({"hand_pose": np.zeros(48), "betas": np.zeros(10)})


class HamerWriter:
    """See the module. The .npz is kept in memory: 1.2 kB per hand."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._files = folder, files
        (folder / "images").mkdir(parents=True)
        self._rows: list[dict[str, np.ndarray]] = []
        self._tar: tarfile.TarFile | None = None
        self._samples = 0

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        name = f"images/{image.number:08d}.jpg"
        labels = [label_of(hand, image) for hand in image.hands]
        extra = {"intrinsics": to_pixel_centres(image.intrinsics), "imgname": np.array(name)}
        for hand, label in zip(image.hands, labels, strict=True):
            uncertainty = {"sigma_mm": hand.sigma_mm, "quality": np.array(hand.quality)}
            self._rows.append({**label, **extra, **uncertainty})
        if picture is not None:
            content = io.BytesIO()
            fromarray(picture).save(content, "jpeg", quality=JPEG_QUALITY, subsampling=0)
            (self._folder / name).write_bytes(content.getvalue())
            self._add_sample(f"{image.number:08d}", content.getvalue(), [in_tar(label) for label in labels])
        return name

    def finish(self) -> None:
        if self._tar is not None:
            self._tar.close()
        arrays = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
        np.savez(self._folder / "hamer.npz", **arrays)

    def _add_sample(self, key: str, jpeg: bytes, labels: list[dict[str, object]]) -> None:
        if self._samples % SAMPLES_PER_TAR == 0:
            if self._tar is not None:
                self._tar.close()
            folder = self._folder / "tars"
            folder.mkdir(exist_ok=True)
            self._tar = tarfile.open(folder / f"{self._samples // SAMPLES_PER_TAR:06d}.tar", "w")
            self._files.callback(self._tar.close)
        assert self._tar is not None
        for suffix, content in (("jpg", jpeg), ("data.pyd", pickle.dumps(labels, 4))):
            member = tarfile.TarInfo(f"{key}.{suffix}")
            member.size = len(content)
            self._tar.addfile(member, io.BytesIO(content))
        self._samples += 1


def label_of(hand: LabelledHand, image: LabelledImage) -> dict[str, np.ndarray]:
    """A row of the .npz, of what the reader takes."""
    left, top, width, height = hand.box_px
    known = np.array(float(hand.mano is not None), dtype=np.float32)
    parameters = FLAT_HAND if hand.mano is None else {"hand_pose": hand.mano.pose, "betas": hand.mano.betas}
    inside = hand.inside(image.size).astype(np.float64)
    return {
        "center": np.array([left + width / 2, top + height / 2]) - 0.5,
        "scale": np.array([width, height]),
        "right": np.array(float(hand.side == "right"), dtype=np.float32),
        "hand_pose": parameters["hand_pose"].astype(np.float32),
        "betas": parameters["betas"].astype(np.float32),
        "has_hand_pose": known,
        "has_betas": known,
        "hand_keypoints_2d": np.column_stack([hand.keypoints_px - 0.5, inside]),
        "hand_keypoints_3d": np.column_stack([hand.joints_m, np.ones(21)]),
    }


def in_tar(label: Mapping[str, np.ndarray]) -> dict[str, object]:
    """The same hand as a sample of a tar has it."""
    kept = ("center", "right", "hand_pose", "betas", "has_hand_pose", "has_betas")
    return {
        **{name: label[name] for name in kept},
        "scale": label["scale"] * ENLARGED / BOX_UNIT_PX,
        "keypoints_2d": label["hand_keypoints_2d"].astype(np.float32),
        "keypoints_3d": label["hand_keypoints_3d"].astype(np.float32),
        "personid": 0,
        "extra_info": {},
    }


FORMAT = LabelFormat(
    name="hamer",
    data_set="HaMeR",
    images=("frames", "crops", "none"),
    start=HamerWriter,
    notes=(
        "Joints in OpenPose order, metres, OpenCV axes; pixels count from the first pixel's centre. Confidence is 1 "
        "inside the image and 0 outside.",
        "Left hands are left: HaMeR's reader mirrors them.",
        "center and scale are those of the box around the joints; in the tars it is enlarged by 2. Without images "
        "there are no tars.",
    ),
    mano_notes=("MANO's pose counts from the flat hand.",),
)
