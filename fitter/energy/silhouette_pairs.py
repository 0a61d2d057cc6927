"""What the silhouette term compares in one iteration: which crossing of the mesh's outline meets what of the mask's.

compared = compare(scene, masks, together)
residual = compared.residual(compared.places(positions), masks, sigma)
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fitter.energy.silhouette_kernels import NONE, WRIST, match_frames
from fitter.hand import HandModel
from fitter.observe.pictures import Silhouettes
from fitter.observe.silhouettes import BOUND
from fitter.render.outline import Outline
from fitter.render.workers import over_frames
from fitter.scene import Scene

# Vertices up to this far beyond the wrist joint, towards the fingers at rest, belong to the end of the mesh.
WRIST_M = 0.008


@dataclass(frozen=True)
class Comparison:
    """Constants of one iteration: which crossing meets what.

    crossing  of the mesh's outline; NONE where a point of the mask has none that faces its way: it counts as far away
    point     of its frame's outline of the mask; -1 where the crossing is compared with the distance to the mask
    """

    frame: Int[Tensor, "samples"]
    crossing: Int[Tensor, "samples"]
    point: Int[Tensor, "samples"]
    weight: Float[Tensor, "samples"]

    def places(self, positions: Float[Tensor, "crossings 2"]) -> Float[Tensor, "samples 2"]:
        """Each sample's own crossing."""
        padded = torch.cat([positions, positions.new_zeros(1, 2)])
        return padded[self.crossing]

    def residual(
        self, place: Float[Tensor, "samples 2"], masks: Silhouettes, sigma: Float[Tensor, "frames"]
    ) -> Float[Tensor, "samples"]:
        height = surface_of(masks.distance, self.frame, place)
        target = masks.outline[self.frame, self.point.clamp_min(0)].to(place)
        along = (target[:, 2:] * (place - target[:, :2])).sum(-1)
        along = torch.where(self.crossing == NONE, BOUND * masks.size, along)
        return torch.where(self.point < 0, height, along) / sigma[self.frame]


def surface_of(
    field: Float[Tensor, "frames size size"], frame: Int[Tensor, "samples"], place: Float[Tensor, "samples 2"]
) -> Float[Tensor, "samples"]:
    """A field at places (window pixels), bilinear; its slope there is the difference over the pixel around the place.

    Crossings lie on the lines between pixel centres, where the bilinear surface itself has a crease.
    """
    here = place.detach()
    half = 0.5 * torch.eye(2, dtype=here.dtype, device=here.device)
    slope = [heights(field, frame, here + half[k]) - heights(field, frame, here - half[k]) for k in range(2)]
    return heights(field, frame, here) + (torch.stack(slope, dim=-1) * (place - here)).sum(-1)


def heights(
    field: Float[Tensor, "frames size size"], frame: Int[Tensor, "samples"], place: Float[Tensor, "samples 2"]
) -> Float[Tensor, "samples"]:
    """A field between its pixels, bilinear; `place` in window pixels."""
    low = low_corner(place, field.shape[1])
    right, down = (place - 0.5 - low).unbind(-1)
    column, row = low.unbind(-1)
    a, b, c, d = (field[frame, row + i, column + k].to(place) for i in (0, 1) for k in (0, 1))
    upper, lower = a + right * (b - a), c + right * (d - c)
    return upper + down * (lower - upper)


def low_corner(place: Float[Tensor, "samples 2"], size: int) -> Int[Tensor, "samples 2"]:
    """Column and row of the upper left of the four pixels around a place."""
    return (place - 0.5).floor().long().clamp(0, size - 2)


def inside_image(outline: Outline, masks: Silhouettes) -> Bool[Tensor, "crossings"]:
    """Whether all four pixels around a crossing lie in the image."""
    column, row = low_corner(outline.position, masks.size).unbind(-1)
    corners = [masks.inside[outline.frame, row + i, column + k] for i in (0, 1) for k in (0, 1)]
    return torch.stack(corners).all(dim=0)


def compare(scene: Scene, masks: Silhouettes, together: Float[Tensor, "frames"]) -> Comparison:
    """The mesh's crossings against the mask, then the mask's points against the mesh.

    `together` is what the samples of one direction weigh in all, per frame.
    """
    outline, wrist = scene.outline, at_wrist(scene)
    counts = ~wrist & inside_image(outline, masks)
    matches = torch.from_numpy(matched(outline, wrist, masks)).to(outline.frame.device)
    frame, point = torch.nonzero(matches != WRIST, as_tuple=True)
    weights = []
    for of_samples in (outline.frame[counts], frame):
        share = together / torch.bincount(of_samples, minlength=len(together)).clamp_min(1)
        weights.append(share[of_samples])
    crossing = torch.nonzero(counts).squeeze(1)
    return Comparison(
        frame=torch.cat([outline.frame[counts], frame]),
        crossing=torch.cat([crossing, matches[frame, point]]),
        point=torch.cat([torch.full_like(crossing, -1), point]),
        weight=torch.cat(weights),
    )


def first_crossings(outline: Outline, n_frames: int) -> Int[np.ndarray, "frames_and_one"]:
    """Where each frame's crossings begin, and where the last one's end."""
    return np.searchsorted(outline.frame.cpu().numpy(), np.arange(n_frames + 1))


def matched(outline: Outline, wrist: Bool[Tensor, "crossings"], masks: Silhouettes) -> Int[np.ndarray, "frames points"]:
    """For every outline point of the masks the crossing that it is compared with, NONE, or WRIST: not compared.

    Rows beyond `masks.count` and frames without trust hold WRIST.
    """
    count = torch.where(masks.trust > 0, masks.count, 0).cpu().numpy()
    match = np.full(masks.outline.shape[:2], WRIST, np.int64)
    first = first_crossings(outline, len(count))
    position, normal = outline.position.double().cpu().numpy(), outline.normal.double().cpu().numpy()
    points, left_out = masks.outline.cpu().numpy(), wrist.cpu().numpy()

    def work(chunk: slice) -> None:
        starts = first[chunk.start : chunk.stop + 1]
        match_frames(starts, position, normal, left_out, points[chunk], count[chunk], masks.size, match[chunk])

    over_frames(work, len(count))
    return match


def at_wrist(scene: Scene) -> Bool[Tensor, "crossings"]:
    """Crossings of edges that belong to the end of the mesh."""
    near = near_wrist(scene.model).to(scene.outline.corners.device)
    return near[scene.outline.corners].any(dim=1)


@lru_cache(maxsize=4)
def near_wrist(model: HandModel) -> Bool[Tensor, "vertices"]:
    """Vertices within WRIST_M of the wrist joint along the forearm, at rest (fingers along -x)."""
    return model.template[:, 0] > model.joints[0, 0] - WRIST_M
