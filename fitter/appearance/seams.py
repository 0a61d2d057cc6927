"""How well the two sides of a texture's seams agree, where the surface is cut open to lie flat.

steps = seam_steps(model, appearance.albedo)      # relative difference of colour across each cut edge
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.appearance.sample import sample_albedo
from fitter.hand import HandModel

PLACES_PER_EDGE = 4


def cut_edges(model: HandModel) -> Int[np.ndarray, "seams 2 2"]:
    """Edges of the mesh whose two triangles have different texture coordinates: (first side, other side) x (start, end)
    as indices into `model.uv`, both sides from the same vertex to the same vertex.
    """
    faces, uv_faces = model.faces.cpu().numpy(), model.uv_faces.cpu().numpy()
    first_side: dict[tuple[int, int], tuple[int, int]] = {}
    cuts = []
    for face, corners in zip(faces.tolist(), uv_faces.tolist(), strict=True):
        for i, j in ((0, 1), (1, 2), (2, 0)):
            if (face[j], face[i]) in first_side:
                start, end = first_side[face[j], face[i]]
                if (start, end) != (corners[j], corners[i]):
                    cuts.append(((start, end), (corners[j], corners[i])))
            else:
                first_side[face[i], face[j]] = corners[i], corners[j]
    return np.array(cuts, dtype=np.int64).reshape(-1, 2, 2)


def seam_steps(model: HandModel, albedo: Float[Tensor, "size size 3"]) -> Float[Tensor, "seams"]:
    """Mean difference between the two sides of every cut edge, relative to their mean colour."""
    uv = model.uv.double().cpu()
    share = (torch.arange(PLACES_PER_EDGE, dtype=torch.float64) + 0.5) / PLACES_PER_EDGE
    ends = uv[torch.from_numpy(cut_edges(model))]  # (seams, side, end, 2)
    places = ends[..., 0, None, :] + share[:, None] * (ends[..., 1, None, :] - ends[..., 0, None, :])
    colours = sample_albedo(albedo.detach().cpu().double(), places)
    mean = colours.mean(dim=1).mean(dim=-1).clamp_min(1e-3)  # albedo
    return ((colours[:, 0] - colours[:, 1]).abs().mean(dim=-1) / mean).mean(dim=-1)
