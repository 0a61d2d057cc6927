"""Where a rendered mesh ends, to a fraction of a pixel: the crossings of its outline with the pixel grid.

    outline = outline_of(screen, faces, fragments)
    outline.position                               # (crossings, 2) window pixels
    coverage = antialiased_coverage(screen, fragments, outline)     # (frames, height, width), differentiable

Between a covered pixel and its uncovered neighbour the mesh is followed from the triangle that the first one sees
towards the second, until it turns away from the camera or ends: there the outline crosses the line between the two
pixel centres. After the analytic antialiasing of Laine et al. 2020 ("Modular Primitives for High-Performance
Differentiable Rendering"), with the walk in place of a look at the seen triangle's own edges: on a fine mesh the
outline is rarely one of them.

A step between two covered pixels of different depth (a finger before the palm) is no part of the outline.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.render.outline_kernels import trace_frames, twin_edges
from fitter.render.rasterizer import Fragments
from fitter.render.workers import over_frames
from fitter.render.zbuffer import NEAR_M


@dataclass(frozen=True)
class Outline:
    """The crossings of T frames, in the frames' order. All of it is constant: nothing here carries a gradient.

    corners   the two vertices of the mesh edge that is crossed
    weights   so that the sum of weights times corners (camera axes) projects onto `position`; they sum to 1
    position  window pixels
    normal    unit, in the window, away from the covered side
    pixel     column and row of the covered pixel
    step      -1, 0 or 1: column and row of the uncovered pixel less those of the covered one
    """

    frame: Int[Tensor, "crossings"]
    corners: Int[Tensor, "crossings 2"]
    weights: Float[Tensor, "crossings 2"]
    position: Float[Tensor, "crossings 2"]
    normal: Float[Tensor, "crossings 2"]
    pixel: Int[Tensor, "crossings 2"]
    step: Int[Tensor, "crossings 2"]

    def to(self, device: torch.device | str) -> "Outline":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def outline_of(
    screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], fragments: Fragments
) -> Outline:
    """The crossings of the mesh that `fragments` were made of, on the device and in the type of `screen`.

    `screen` holds x and y in window pixels and z in metres. The walk itself runs on the CPU.
    """
    frames = np.ascontiguousarray(screen.detach().cpu().numpy(), dtype=np.float64)
    triangle_id = fragments.triangle_id.cpu().numpy()
    triangles, twin = connected(faces)
    chunks: dict[int, tuple[np.ndarray, ...]] = {}

    def trace(chunk: slice) -> None:
        chunks[chunk.start] = trace_frames(frames[chunk], triangles, twin, triangle_id[chunk], NEAR_M)

    over_frames(trace, len(frames))
    parts = zip(*(chunks[start] for start in sorted(chunks)), strict=True)
    count, places, corners, pixels = (np.concatenate(part) for part in parts)
    points = torch.from_numpy(places).to(screen.dtype)
    found = Outline(
        frame=torch.from_numpy(np.repeat(np.arange(len(frames)), count)),
        corners=torch.from_numpy(corners).long(),
        weights=points[:, 4:],
        position=points[:, :2],
        normal=points[:, 2:4],
        pixel=torch.from_numpy(pixels[:, :2]).long(),
        step=torch.from_numpy(pixels[:, 2:]).long(),
    )
    return found.to(screen.device)


@lru_cache(maxsize=4)
def connected(faces: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Faces as the kernels take them, and their `twin_edges`; a model's faces (the same tensor) are worked out once."""
    triangles = np.ascontiguousarray(faces.cpu().numpy(), dtype=np.int32)
    return triangles, twin_edges(triangles)


def antialiased_coverage(
    screen: Float[Tensor, "frames vertices 3"], fragments: Fragments, outline: Outline
) -> Float[Tensor, "frames height width"]:
    """How much of every pixel the mesh covers, 0..1; differentiable with respect to `screen` where the outline runs.

    A crossing nearer to the covered pixel's centre takes from that pixel, one beyond the middle adds to the other: in
    its row (or column) the covered length is then exact. An edge is asked only along the axis that it rather lies
    across of, or else it would be counted twice.
    """
    across = outline.normal.abs()
    horizontal = outline.step[:, 0] != 0
    asked = torch.where(horizontal, across[:, 0] >= across[:, 1], across[:, 1] > across[:, 0])
    frame, pixel, step = outline.frame[asked], outline.pixel[asked], outline.step[asked]
    start, end = (screen[frame, outline.corners[asked, k], :2] for k in range(2))
    axis = (step[:, :1] == 0).long()  # 0 along rows, 1 along columns

    def of(points: Tensor, which: Tensor) -> Tensor:
        return points.gather(1, which).squeeze(1)

    share = (of(pixel, 1 - axis) + 0.5 - of(start, 1 - axis)) / of(end - start, 1 - axis)
    crossing = of(start, axis) + share * of(end - start, axis)
    beyond_middle = (crossing - of(pixel, axis) - 0.5) * of(step, axis) - 0.5
    changed = pixel + step * (beyond_middle > 0).long().unsqueeze(1)
    coverage = fragments.covered.to(screen.device, screen.dtype)
    coverage = coverage.index_put((frame, changed[:, 1], changed[:, 0]), beyond_middle, accumulate=True)
    return coverage.clamp(0.0, 1.0)
