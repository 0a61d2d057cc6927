"""The CUDA rasterizer: nvdiffrast (Laine et al., TOG 2020), an optional package, for visibility alone.

    if available(): fragments = NvdiffrastRasterizer().rasterize(screen, faces, (224, 224))

The protocol speaks of window pixels and metres, nvdiffrast of clip space; what lies between is here, in plain torch, so
that it is tested without a GPU. Triangles that must not be seen (turned away, missing a corner, too near) are left out
of each frame's list, which nvdiffrast calls range mode: what lies behind them is then seen, as `ZBuffer` sees it.
"""

import importlib
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Float32, Int, Int32
from torch import Tensor

from fitter.render.rasterizer import Fragments
from fitter.render.zbuffer import NEAR_M

# It works in tiles of this side, and took no other sizes than whole tiles until September 2024.
TILE_PX = 8
# It needs about 40 bytes per pixel and 3 MB per frame: half a GB for each call.
MOST_PIXELS = 2**23
MOST_FRAMES = 64
# Depths of a frame fill this share of clip space's -1..1: rounding must not push the nearest vertex out of it.
DEPTH_RANGE = 0.9


@dataclass(frozen=True)
class NvdiffrastRasterizer:
    """Rasterizer for tensors on a CUDA device; fragments are float32 on the same device.

    nvdiffrast rounds corners to 1/16 pixel, so coverage differs from the definition in a few pixels of every outline.
    """

    cull_back_faces: bool = True
    near_m: float = NEAR_M

    def rasterize(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
    ) -> Fragments:
        """As the protocol says. Raises ImportError where nvdiffrast is not installed."""
        width, height = size
        if len(screen) == 0:
            return Fragments(*no_fragments(screen, size))
        at_once = max(1, min(MOST_FRAMES, MOST_PIXELS // (padded(width) * padded(height))))
        parts = [self._some_frames(frames, faces.long(), size) for frames in screen.detach().split(at_once)]
        return Fragments(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    def _some_frames(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        import nvdiffrast.torch as dr  # pyright: ignore[reportMissingImports] (optional, built by the user)

        width, height = size
        drawn = drawable(screen, faces, self.cull_back_faces, self.near_m)
        triangles, numbers, ranges = frame_lists(faces, drawn, screen.shape[1])
        clip = clip_space(screen, (padded(width), padded(height)), self.near_m).flatten(0, 1).contiguous()
        resolution = (padded(height), padded(width))
        raster, _ = dr.rasterize(context_of(screen.device), clip, triangles, resolution, ranges=ranges, grad_db=False)
        return fragments_of(raster[:, :height, :width], numbers, faces, screen)


def available() -> bool:
    """Whether nvdiffrast can be imported."""
    try:
        importlib.import_module("nvdiffrast.torch")
    except ImportError:  # also where it was built for another torch
        return False
    return True


@lru_cache(maxsize=8)
def context_of(device: torch.device) -> object:
    """nvdiffrast's working memory on a device: one for all calls, since making it takes longer than rasterizing."""
    import nvdiffrast.torch as dr  # pyright: ignore[reportMissingImports]

    return dr.RasterizeCudaContext(device=device)


def padded(side_px: int) -> int:
    """The next multiple of TILE_PX."""
    return -(-side_px // TILE_PX) * TILE_PX


def clip_space(
    screen: Float[Tensor, "frames vertices 3"], size: tuple[int, int], near_m: float
) -> Float32[Tensor, "frames vertices 4"]:
    """Window pixels and depth -> (x, y, z, w) with x/w = 2 column/width - 1, y/w = 2 row/height - 1, and w the depth.

    The first row of nvdiffrast's pictures is y/w = -1, so row r is pixel row r. z/w is linear in 1/w, as a depth that
    is interpolated on the screen must be, and takes the frame's own depths to +-DEPTH_RANGE, the nearest to the
    lower. Vertices that are not finite or too near become (0, 0, 0, 1): no triangle of `frame_lists` uses them.
    """
    usable = screen.isfinite().all(-1) & (screen[..., 2] > near_m)
    safe = torch.where(usable.unsqueeze(-1), screen, screen.new_tensor([0.0, 0.0, 1.0])).double()
    depth = safe[..., 2]
    nearness = torch.where(usable, 1.0 / depth, torch.nan)
    nearest = nearness.nan_to_num(nan=-torch.inf).amax(-1, keepdim=True)
    farthest = nearness.nan_to_num(nan=torch.inf).amin(-1, keepdim=True)
    span = (nearest - farthest).clamp_min(torch.finfo(torch.float64).tiny)
    span = torch.where(span.isfinite() & (span > 1e-12 * nearest), span, 1.0)  # a frame of one depth, or of none
    z_over_w = DEPTH_RANGE * (1.0 - 2.0 * (1.0 / depth - farthest) / span)
    flat = 2.0 * safe[..., :2] / safe.new_tensor(size) - 1.0
    clip = torch.cat([flat, z_over_w.unsqueeze(-1), torch.ones_like(z_over_w).unsqueeze(-1)], dim=-1)
    clip = clip * depth.unsqueeze(-1)
    return torch.where(usable.unsqueeze(-1), clip, clip.new_tensor([0.0, 0.0, 0.0, 1.0])).float()


def drawable(
    screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], cull_back_faces: bool, near_m: float
) -> Bool[Tensor, "frames faces"]:
    """Triangles whose corners are all there and far enough, and, if culled, whose outside faces the camera."""
    a, b, c = (screen[:, faces[:, corner]].double() for corner in range(3))
    nearest = torch.stack([a[..., 2], b[..., 2], c[..., 2]], dim=-1).amin(-1)  # NaN if one is, and then not > near
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    return (nearest > near_m) & ((area < 0.0) if cull_back_faces else (area.abs() > 0.0))


def frame_lists(
    faces: Int[Tensor, "faces 3"], drawn: Bool[Tensor, "frames faces"], n_vertices: int
) -> tuple[Int32[Tensor, "triangles 3"], Int32[Tensor, "triangles"], Int32[Tensor, "frames 2"]]:
    """nvdiffrast's range mode: the triangles of all frames in one list over all their vertices, each one's number
    within `faces`, and each frame's first and count (on the CPU, where nvdiffrast wants them).

    Every frame's list ends with a triangle of no area, so that none is empty.
    """
    n_frames, n_faces = drawn.shape
    none = faces.new_zeros(1, 3)
    listed = torch.cat([drawn, drawn.new_ones(n_frames, 1)], dim=1)
    frame, number = listed.nonzero(as_tuple=True)  # sorted by frame
    triangles = torch.cat([faces, none])[number] + frame.unsqueeze(1) * n_vertices
    count = listed.sum(dim=1)
    ranges = torch.stack([count.cumsum(0) - count, count], dim=1)
    return triangles.int().contiguous(), number.int(), ranges.int().cpu().contiguous()


def fragments_of(
    raster: Float32[Tensor, "frames height width 4"],
    numbers: Int32[Tensor, "triangles"],
    faces: Int[Tensor, "faces 3"],
    screen: Float[Tensor, "frames vertices 3"],
) -> tuple[Tensor, Tensor, Tensor]:
    """nvdiffrast's (u, v, z/w, place in the list + 1) -> triangle number, two weights, depth, as `Fragments`.

    u and v are the perspective-correct weights of the first and second corner; so the depth is interpolated with them
    rather than taken from z/w, whose digits serve the depth test.
    """
    place = raster[..., 3].long() - 1
    covered = place >= 0
    triangle_id = torch.where(covered, numbers[place.clamp_min(0)], -1).int()
    barycentric = torch.where(covered.unsqueeze(-1), raster[..., :2], 0.0)
    weights = torch.cat([barycentric, 1.0 - barycentric.sum(-1, keepdim=True)], dim=-1)
    corners = faces[triangle_id.clamp_min(0).long()].flatten(1, 2)
    depths = screen[..., 2].unsqueeze(1).expand(-1, corners.shape[1], -1).gather(2, corners)
    depth = (weights * depths.unflatten(1, raster.shape[1:3])).sum(-1)
    return triangle_id, barycentric, torch.where(covered, depth, 0.0).float()


def no_fragments(like: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Fragments of no frames."""
    shape = (0, size[1], size[0])
    return like.new_empty(shape, dtype=torch.int32), like.new_empty(*shape, 2).float(), like.new_empty(shape).float()
