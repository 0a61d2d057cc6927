"""Pixels that see the hand well, a few thousand per frame at most: what light and gains are estimated from.

sightings = sightings_of(view, model)
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from fitter.appearance.view import View
from fitter.hand import HandModel
from fitter.render.shading import srgb_to_linear, vertex_normals

# Light and gains are a few hundred unknowns: a grid of about so many pixels across a window says enough, and in a clip
# of many frames so few that there are about MOST_PLACES in all, of which a hand covers a third.
GRID, LEAST_GRID, MOST_PLACES = 75, 25, 330_000
PATCH_M = 0.02
# Surfaces turned away further (78 degrees) are seen at the fit's own outline, where it errs most.
LEAST_FACING = 0.2
# Linear light of 8-bit values.
LINEAR = srgb_to_linear(torch.arange(256, dtype=torch.float64) / 255.0).numpy().astype(np.float32)
DARKEST = 0.004  # linear light of the 8-bit value 12: below it a ratio measures the sensor's noise


@dataclass(frozen=True)
class Sightings:
    """Some pixels that see the hand well, frame by frame.

    patch   which piece of the surface it sees
    basis   spherical harmonics, interpolated between the vertices: light = basis @ lighting
    colour  linear RGB as filmed; `weight` is sight times the squared cosine of the viewing angle
    """

    frame: Int[np.ndarray, "pixels"]
    patch: Int[np.ndarray, "pixels"]
    uv: Float[np.ndarray, "pixels 2"]
    basis: Float[np.ndarray, "pixels 9"]
    colour: Float[np.ndarray, "pixels 3"]
    weight: Float[np.ndarray, "pixels"]
    n_frames: int
    n_patches: int

    @property
    def usable(self) -> bool:
        """Whether there is enough to estimate anything: more pixels than the light has coefficients."""
        return len(self.frame) > 9

    def level(self) -> Float[np.ndarray, "3"]:
        """Median colour: brightness differences count relative to it."""
        return np.maximum(np.median(self.colour, axis=0), DARKEST).astype(np.float64)


def sightings_of(view: View, model: HandModel) -> Sightings:
    """Every few pixels, those with any sight."""
    across = min(max(int((MOST_PLACES / max(view.n_frames, 1)) ** 0.5), LEAST_GRID), GRID)
    stride = max(1, -(-view.sight.shape[1] // across))
    thin = (slice(None), slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    frame, row, column = np.nonzero(view.sight[thin] > 0)
    row, column = row * stride + stride // 2, column * stride + stride // 2
    triangle = view.triangle_id[frame, row, column]
    weights = np.empty((len(frame), 3), np.float32)
    weights[:, :2] = view.barycentric[frame, row, column]
    weights[:, 2] = 1.0 - weights[:, 0] - weights[:, 1]
    corners = model.faces.cpu().numpy()[triangle]
    facing = (weights * view.facing[frame[:, None], corners]).sum(1)
    uv = model.uv.cpu().numpy().astype(np.float32)[model.uv_faces.cpu().numpy()[triangle]]
    patches = surface_patches(model)
    kept = facing > LEAST_FACING
    return Sightings(
        frame=frame[kept],
        patch=patches[corners[np.arange(len(corners)), weights.argmax(axis=1)]][kept],
        uv=np.einsum("pk,pkc->pc", weights, uv)[kept],
        basis=np.einsum("pk,pkb->pb", weights, view.basis[frame[:, None], corners])[kept],
        colour=LINEAR[view.rgb[frame, row, column]][kept],
        weight=(view.sight[frame, row, column] * facing**2)[kept],
        n_frames=view.n_frames,
        n_patches=int(patches.max()) + 1,
    )


def surface_patches(model: HandModel) -> Int[np.ndarray, "vertices"]:
    """A number of each vertex's patch: squares of PATCH_M on the flat hand, its back and its palm apart."""
    rest = model.template.detach().cpu().double()
    back = vertex_normals(rest, model.faces.cpu())[:, 1] > 0
    cells = torch.cat([torch.floor(rest[:, [0, 2]] / PATCH_M), back.double().unsqueeze(1)], dim=1)
    return np.unique(cells.numpy(), axis=0, return_inverse=True)[1].reshape(-1)
