"""Beyond the model's shape space: how far each vertex lies off the model's surface, along its normal, the same in the
whole clip.

    offsets = solve_offsets(scene, [term.rows(scene, evidence) for term in surface_terms], previous, Offsets())
    model = apply_offsets(model, betas, offsets)

The surface terms' gradient and information by vertex, turned to the normals and summed over the frames, are a diagonal
quadratic in the offsets; smoothness, thickness and size of the offsets are quadratics too: one sparse linear solve.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.linalg import spsolve
from torch import Tensor

from fitter.energy.term import SurfaceRows
from fitter.hand import HandModel
from fitter.quantity import Positive
from fitter.render.shading import vertex_normals
from fitter.scene import Scene

# Surfaces that face away from each other within this distance are the two sides of a finger or of the palm; without an
# opposite side (at the wrist's opening, say) a vertex has no thickness.
THICKEST_M = 0.05
FACING_AWAY = -0.5  # cosine between the normals of opposite sides: at least 120 degrees apart
# Opposite means opposite: the other side's vertex lies within this angle of the normal, inwards.
CONE_COSINE = 0.8


@dataclass(frozen=True)
class Offsets:
    """Standard deviations, millimetres: of an offset, of its difference from the mean of its neighbours', and of the
    change in thickness between opposite sides, which keeps a finger from swelling on both at once. `max_mm` bounds an
    offset: what is more is pose, or a mistake.
    """

    sigma_mm: Positive = 2.0
    smoothness_mm: Positive = 0.2
    thickness_mm: Positive = 2.0
    max_mm: Positive = 4.0


def solve_offsets(
    scene: Scene, rows: Sequence[SurfaceRows], previous: Float[Tensor, "vertices"], config: Offsets
) -> Float[Tensor, "vertices"]:
    """The offsets, metres, that the rows ask for, in balance with their priors.

    `rows` are taken at `scene`, whose model already has the `previous` offsets (zeros at first). One Gauss-Newton step:
    where terms are robust or see other pixels afterwards, call again with the new scene.
    """
    pull, information = along_normals(scene, rows)
    prior = prior_information(scene, config)
    hessian = prior + sparse.diags_array(information)
    gradient = pull - information * previous.detach().cpu().double().numpy()
    offsets = spsolve(hessian.tocsc(), -gradient)
    limit = config.max_mm / 1000.0
    return torch.from_numpy(np.clip(offsets, -limit, limit)).to(previous)


def apply_offsets(model: HandModel, betas: Float[Tensor, "betas"], offsets: Float[Tensor, "vertices"]) -> HandModel:
    """The model with its template moved along the normals of the hand shaped by `betas` and at rest.

    Joints, landmarks and the shape basis stay.
    """
    normals = vertex_normals(model.with_shape(betas.to(model.template)).vertices, model.faces)
    return replace(model, template=model.template + normals * offsets.to(model.template).unsqueeze(-1))


def along_normals(
    scene: Scene, rows: Sequence[SurfaceRows]
) -> tuple[Float[np.ndarray, "vertices"], Float[np.ndarray, "vertices"]]:
    """Gradient and information by each vertex's motion along its posed normal, summed over frames and terms.

    A posed normal is the rest normal turned by the skinning, to within what blended bones bend the surface by.
    """
    n_vertices = scene.vertices.shape[1]
    gradient, information = np.zeros(n_vertices), np.zeros(n_vertices)
    normals = scene.normals.detach()
    x, y, z = normals.unbind(-1)
    products = torch.stack([x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z], dim=-1)
    for each in rows:
        gradient += (each.gradient.to(normals) * normals).sum(dim=(0, 2)).cpu().double().numpy()
        information += (each.information.to(normals) * products).sum(dim=(0, 2)).cpu().double().numpy()
    return gradient, information


def prior_information(scene: Scene, config: Offsets) -> sparse.csr_array:
    """The Hessian of the priors, per square metre: size, smoothness and thickness."""
    vertices = scene.posed.shaped.vertices.detach().cpu().double()
    faces = scene.model.faces.cpu().long()
    n_vertices = len(vertices)
    rough, thicker = laplacian(faces, n_vertices), thickness(vertices, faces)
    weights = [1000.0 / sigma for sigma in (config.sigma_mm, config.smoothness_mm, config.thickness_mm)]
    size = weights[0] ** 2 * sparse.eye_array(n_vertices, format="csr")
    smooth = weights[1] ** 2 * (rough.T @ rough)
    return (size + smooth + weights[2] ** 2 * (thicker.T @ thicker)).tocsr()


def laplacian(faces: Int[Tensor, "faces 3"], n_vertices: int) -> sparse.csr_array:
    """Each vertex minus the mean of its neighbours (uniform weights); a row of 0 for a vertex without any."""
    triangles = faces.numpy()
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    neighbour = sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n_vertices, n_vertices)).tocsr()
    neighbour.data[:] = 1.0  # an inner edge belongs to two faces, and was summed
    count = np.asarray(neighbour.sum(axis=1)).ravel()
    mean = sparse.diags_array(1.0 / np.maximum(count, 1.0)) @ neighbour
    return sparse.csr_array(sparse.diags_array((count > 0).astype(float)) - mean)


def thickness(vertices: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"]) -> sparse.csr_array:
    """Row by vertex that has an opposite side: its offset plus that of the nearest vertex there."""
    normals = vertex_normals(vertices, faces)
    across = vertices.unsqueeze(0) - vertices.unsqueeze(1)  # from row to column
    distance = across.norm(dim=-1).clamp_min(1e-9)
    inwards = -(across * normals.unsqueeze(1)).sum(-1) / distance
    opposite = (normals @ normals.T < FACING_AWAY) & (inwards > CONE_COSINE) & (distance < THICKEST_M)
    nearest, other = torch.where(opposite, distance, torch.inf).min(dim=1)
    own = nearest.isfinite().nonzero().squeeze(1).numpy()
    row = np.arange(len(own))
    columns = np.concatenate([own, other.numpy()[own]])
    shape = (len(own), len(vertices))
    return sparse.coo_array((np.ones(2 * len(own)), (np.tile(row, 2), columns)), shape=shape).tocsr()
