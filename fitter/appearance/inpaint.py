"""A whole texture from the texels that were seen: what was not takes the colour of its surroundings.

    base = surroundings(texels, baked.colour, baked.seen, n_vertices)       # a colour for every texel
    albedo = padded(texels, colour)                                         # and beyond the charts

Surroundings are those on the surface: colours spread along the mesh's edges, which know no seams, so that the two sides
of a seam agree although they lie far apart in the texture. Off the charts a pull-push pyramid continues the nearest
charts' colours (Gortler et al. 1996), so that no filter, at any level of detail, meets a foreign background.
"""

import numpy as np
from jaxtyping import Float
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve

from fitter.appearance.texels import Texels

# A vertex's neighbours count as this many vertices seen in one good frame: enough to bridge what is unseen, too little
# to blur what was seen.
EDGE_STIFFNESS = 0.1
# Of the hand's mean colour, where a piece of the mesh was seen nowhere at all.
MEAN_STIFFNESS = 1e-6


def surroundings(
    texels: Texels, colour: Float[np.ndarray, "texels 3"], seen: Float[np.ndarray, "texels"], n_vertices: int
) -> Float[np.ndarray, "texels 3"]:
    """A smooth colour of every texel: of the seen ones around it, along the surface.

    Minimises over colours of vertices the squared deviations from what was seen there and between neighbours (the
    membrane equation), then interpolates.
    """
    mean = np.average(colour, axis=0, weights=seen) if seen.any() else colour.mean(axis=0)
    share = np.clip(texels.weights, 0.0, 1.0) * seen[:, None]
    corners = texels.corners.ravel()
    weight = np.bincount(corners, share.ravel(), n_vertices)
    known = weight / (weight + 1.0)  # many texels and frames do not know a vertex's own colour better than one does
    right = MEAN_STIFFNESS * np.tile(mean, (n_vertices, 1))
    for k in range(3):
        summed = np.bincount(corners, (share * colour[:, k, None]).ravel(), n_vertices)
        right[:, k] += known * summed / np.maximum(weight, 1e-12)
    a, b = texels.edges.T
    adjacency = coo_matrix((np.full(len(a), EDGE_STIFFNESS), (a, b)), (n_vertices, n_vertices)).tocsc()
    adjacency = adjacency + adjacency.T
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    matrix = diags(known + degree + MEAN_STIFFNESS) - adjacency
    vertices = np.asarray(spsolve(matrix.tocsc(), right))
    return np.einsum("nk,nkc->nc", texels.weights, vertices[texels.corners])


def padded(texels: Texels, colour: Float[np.ndarray, "texels 3"]) -> Float[np.ndarray, "size size 3"]:
    """The texture with these texels, and every other one filled from them."""
    size = texels.size
    albedo, weight = np.zeros((size * size, 3)), np.zeros(size * size)
    albedo[texels.index] = colour
    weight[texels.index] = 1.0
    return pull_push(albedo.reshape(size, size, 3), weight.reshape(size, size))


def pull_push(
    colour: Float[np.ndarray, "height width 3"], weight: Float[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """Fill in where `weight` (0..1) is below 1, from ever coarser averages; unchanged where it is 1."""
    if weight.all() or weight.size == 1:
        return colour
    odd = [(0, n % 2) for n in weight.shape]
    wider, heavier = np.pad(colour, [*odd, (0, 0)]), np.pad(weight, odd)
    weighted = wider * heavier[..., None]
    blocks = [(slice(i, None, 2), slice(j, None, 2)) for i in (0, 1) for j in (0, 1)]
    total = sum(heavier[block] for block in blocks)
    mean = sum(weighted[block] for block in blocks) / np.maximum(total, 1e-12)[..., None]
    coarse = pull_push(mean, np.minimum(total, 1.0))
    finer = magnified(magnified(coarse, 0), 1)[: weight.shape[0], : weight.shape[1]]
    return weight[..., None] * colour + (1.0 - weight[..., None]) * finer


def magnified(picture: Float[np.ndarray, "rows columns 3"], axis: int) -> Float[np.ndarray, "more_rows more_columns 3"]:
    """Twice as many rows or columns, interpolated linearly."""
    before = np.concatenate([picture.take([0], axis), picture], axis).take(range(picture.shape[axis]), axis)
    after = np.concatenate([picture, picture.take([-1], axis)], axis).take(range(1, picture.shape[axis] + 1), axis)
    pair = np.stack([0.75 * picture + 0.25 * before, 0.75 * picture + 0.25 * after], axis=axis + 1)
    shape = list(picture.shape)
    shape[axis] *= 2
    return pair.reshape(shape)
