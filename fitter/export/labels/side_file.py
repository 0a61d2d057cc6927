"""What a format has no place for, beside it: uncertainty, quality, cameras, and the surface of other hands than MANO's.

quality.npz      the arrays of `fitter.export.labels.npz` but for the vertices, over all results: row i is label i
                 of the manifest; and `source` (N), the place of its result in the manifest
vertices_m.npy   (N, V, 3) float32 metres, axes of the image's camera; faces.npy (F, 3)
"""

from pathlib import Path

import numpy as np

from fitter.export.labels.hand import LabelledImage
from fitter.export.labels.npz import row_of

QUALITY = "quality.npz"
VERTICES, FACES = "vertices_m.npy", "faces.npy"


class SideFile:
    """See the module; `n_hands` rows with `surface`, the vertices being written as they come."""

    def __init__(self, folder: Path, n_hands: int, surface: bool) -> None:
        self._folder, self._n_hands, self._surface = folder, n_hands, surface
        self._rows: list[dict[str, np.ndarray]] = []
        self._vertices: np.memmap | None = None

    def add(self, image: LabelledImage, path: str) -> None:
        for hand in image.hands:
            row = row_of(hand, image, path)
            vertices = row.pop("vertices_m")
            if self._surface:
                self._open(image, vertices.shape)[len(self._rows)] = vertices
            self._rows.append({"source": np.array(image.source), **row})

    def finish(self) -> None:
        arrays = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
        np.savez(self._folder / QUALITY, **arrays)
        if self._vertices is not None:
            self._vertices.flush()

    def _open(self, image: LabelledImage, shape: tuple[int, ...]) -> np.ndarray:
        if self._vertices is None:
            np.save(self._folder / FACES, image.faces)
            whole = (self._n_hands, *shape)
            self._vertices = np.lib.format.open_memmap(
                self._folder / VERTICES, mode="w+", dtype=np.float32, shape=whole
            )
        assert self._vertices is not None
        return self._vertices
