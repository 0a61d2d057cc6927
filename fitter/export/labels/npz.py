"""handfit's own: everything in the conventions of the rest of handfit, one file of arrays per result.

    SOURCE.npz                  read by numpy.load(..., allow_pickle=False)
    images/SOURCE/%08d.jpg

Of the N hands labelled in a result, in the order of its frames: `frame` (N), `side` (N) as in the image, `filmed_side`,
`image` (N) paths in the folder, `image_size` (N, 2) width and height, `intrinsics` (N, 3, 3), `image_of_frame`
(N, 2, 3) from undistorted pixels of the clip's frame to those of the image, `joints_m` (N, 21, 3), `keypoints_px`
(N, 21, 2), `sigma_mm` (N, 21), `relative_sigma_mm` (N, 21), `quality` (N), `vertices_m` (N, V, 3), and once `faces`
(F, 3), wound for a right hand. Of a fit of MANO also `pose` (N, 48; zero the flat hand), `betas` (N, 10) and
`translation_m` (N, 3). Metres, radians, OpenCV camera axes, OpenPose order; the first pixel's centre is (0.5, 0.5).
"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Int

from fitter.export.labels.format import Batch, LabelFormat, Picture, write_jpeg
from fitter.export.labels.hand import LabelledHand, LabelledImage


class NpzWriter:
    """See the module. One result is in memory at a time: 20 kB per hand, most of it vertices."""

    def __init__(self, folder: Path, batch: Batch, files: ExitStack) -> None:
        self._folder, self._sources = folder, batch.sources
        self._source = -1
        self._rows: list[dict[str, np.ndarray]] = []
        self._faces: Int[np.ndarray, "faces 3"] = np.zeros((0, 3), dtype=np.int32)

    def add(self, image: LabelledImage, picture: Picture | None) -> str:
        if image.source != self._source:
            self._save()
            self._source, self._faces = image.source, np.asarray(image.faces)
        path = f"images/{self._sources[image.source]}/{image.number:08d}.jpg"
        if picture is not None:
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_jpeg(self._folder / path, picture)
        self._rows += [row_of(hand, image, path) for hand in image.hands]
        return path

    def finish(self) -> None:
        self._save()

    def _save(self) -> None:
        if self._rows:
            arrays = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
            path = self._folder / f"{self._sources[self._source]}.npz"
            np.savez(path, faces=self._faces, **arrays)
        self._rows = []


def row_of(hand: LabelledHand, image: LabelledImage, path: str) -> dict[str, np.ndarray]:
    """One hand's row of every array."""
    row = {
        "frame": np.array(image.frame),
        "side": np.array(hand.side),
        "filmed_side": np.array(hand.filmed_side),
        "image": np.array(path),
        "image_size": np.array(image.size),
        "intrinsics": image.intrinsics,
        "image_of_frame": image.view.image_of_frame,
        "joints_m": hand.joints_m,
        "keypoints_px": hand.keypoints_px,
        "sigma_mm": hand.sigma_mm,
        "relative_sigma_mm": hand.relative_sigma_mm,
        "quality": np.array(hand.quality),
        "vertices_m": hand.vertices_m.astype(np.float32),
    }
    if hand.mano is not None:
        row |= {"pose": hand.mano.pose, "betas": hand.mano.betas, "translation_m": hand.mano.translation_m}
    return row


FORMAT = LabelFormat(
    name="npz",
    data_set="handfit",
    images=("crops", "frames", "none"),
    start=NpzWriter,
    notes=("Joints in OpenPose order, metres, OpenCV axes; the first pixel's centre is (0.5, 0.5).",),
    mano_notes=("MANO's pose counts from the flat hand.",),
    surface=False,
    own_quality=True,
)
