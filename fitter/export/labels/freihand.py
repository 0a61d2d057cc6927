"""FreiHAND (Zimmermann et al. 2019): crops of 224 x 224 pixels, right hands, one pose per image.

    training_K.json training_xyz.json              a list over the images: 3 x 3 pixels; 21 x 3 metres
    training_mano.json training_verts.json         1 x 61; 778 x 3 metres (of a fit of MANO only)
    training/rgb/%08d.jpg training/mask/%08d.jpg

Layout: `utils/fh_utils.py`, `utils/model.py` and `view_samples.py` of github.com/lmb-freiburg/freihand. Points in
OpenPose order, OpenCV axes. K counts from the first pixel's centre, as OpenCV does, so half a pixel is taken from the
principal point. The 61 are MANO's 48 angles counted from its mean pose (`flat_hand_mean=not use_mean_pose`), 10 betas,
and the place of the middle finger's first joint (`root_id=9`) as pixel and scale: xyz = ((u, v) - principal point,
focal) / scale, focal being the mean of fx and fy. Images are versions of the green screen's, the first quarter of the
data set's own; there are no others. Masks are the fitted mesh's.
"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.export.labels.format import Batch, LabelFormat, Picture, write_jpeg
from fitter.export.labels.hand import LabelledHand, LabelledImage, ManoLabels
from fitter.export.labels.number_list import NumberList
from fitter.export.labels.surface import look_at

CROP_PX = 224
ROOT = 9  # middle_mcp in OpenPose order


class FreiHandWriter:
    """See the module."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._mean_pose = folder, batch.mean_pose
        for part in ("rgb", "mask"):
            (folder / "training" / part).mkdir(parents=True)
        kinds = ("K", "xyz", "mano", "verts") if batch.hand_model == "mano" else ("K", "xyz")
        self._lists = {kind: NumberList(folder / f"training_{kind}.json", files) for kind in kinds}

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        (hand,) = image.hands
        k = to_pixel_centres(image.intrinsics)
        self._lists["K"].add(k)
        self._lists["xyz"].add(hand.joints_m)
        if hand.mano is not None:
            self._lists["mano"].add(self._mano(hand.mano, hand, k)[None])
            self._lists["verts"].add(hand.vertices_m)
        path = f"training/rgb/{image.number:08d}.jpg"
        mask = np.where(look_at(image).mask(0), np.uint8(255), np.uint8(0))
        write_jpeg(self._folder / f"training/mask/{image.number:08d}.jpg", np.repeat(mask[..., None], 3, axis=2))
        if picture is not None:
            write_jpeg(self._folder / path, picture)
        return path

    def finish(self) -> None:
        for lists in self._lists.values():
            lists.finish()

    def _mano(self, mano: ManoLabels, hand: LabelledHand, k: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "61"]:
        assert self._mean_pose is not None, "counts from MANO's mean pose"
        focal, centre = (k[0, 0] + k[1, 1]) / 2, k[:2, 2]
        root = hand.joints_m[ROOT]
        scale = focal / root[2]
        fingers = mano.pose[3:] - self._mean_pose
        return np.concatenate([mano.pose[:3], fingers, mano.betas, root[:2] * scale + centre, [scale]])


def to_pixel_centres(intrinsics: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """K for pixels that count from the first one's centre, of K for those that count from the corner."""
    shifted = intrinsics.copy()
    shifted[:2, 2] -= 0.5
    return shifted


FORMAT = LabelFormat(
    name="freihand",
    data_set="FreiHAND",
    images=("crops", "none"),
    start=FreiHandWriter,
    notes=(
        "Joints in OpenPose order, metres, OpenCV axes; pixels count from the first pixel's centre (K's principal "
        "point is half a pixel less than in handfit).",
        "Masks are the fitted mesh's, not of the pixels.",
    ),
    mano_notes=("MANO's pose counts from the mean pose; the hand's place is its middle finger's first joint.",),
    one_hand=True,
    right_only=True,
    crop_px=CROP_PX,
    zero="mean",
)
