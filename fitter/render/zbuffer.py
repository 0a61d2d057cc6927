"""The CPU rasterizer: a z-buffer in numba, frames in parallel.

    fragments = ZBuffer(cull_back_faces=True).rasterize(screen, faces, (640, 480))

An edge shared by two triangles is evaluated from the same end with the same operations, so both see bit-equal values
and a pixel centre exactly on the edge belongs to exactly one of them: no holes and no doubles along edges.
The kernels carry `no_type_check` because a run-time type checker's wrapper cannot be compiled.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit
from torch import Tensor

from fitter.render.rasterizer import Fragments
from fitter.render.workers import over_frames

# Nothing a clip shows is nearer than a lens's own glass; a triangle that reaches behind it is dropped, not clipped.
NEAR_M = 0.01
# Edges that rise less than this over their length hardly cut a row anywhere: the division would only lose digits.
LEVEL_PX = 1e-6
# In narrower rows testing every pixel takes less time than finding where the triangle cuts the row (measured).
WIDE_PX = 8


@dataclass(frozen=True)
class ZBuffer:
    """Rasterizer on the CPU. Inputs on any device and of any float type; fragments are float32 on the CPU.

    With `cull_back_faces` only triangles whose outside faces the camera are seen: an open wrist is then seen through.
    """

    cull_back_faces: bool = True
    near_m: float = NEAR_M

    def rasterize(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
    ) -> Fragments:
        width, height = size
        corners = np.ascontiguousarray(screen.detach().cpu().numpy(), dtype=np.float64)
        triangles = np.ascontiguousarray(faces.cpu().numpy(), dtype=np.int32)
        frames = len(corners)
        triangle_id = np.empty((frames, height, width), np.int32)
        barycentric = np.empty((frames, height, width, 2), np.float32)
        depth = np.empty((frames, height, width), np.float32)

        def fill(chunk: slice) -> None:
            outputs = triangle_id[chunk], barycentric[chunk], depth[chunk]
            fill_frames(corners[chunk], triangles, self.cull_back_faces, self.near_m, *outputs)

        # Plain threads around a kernel that releases the interpreter's lock: numba's own parallel loops depend on
        # whichever TBB or OpenMP other libraries have loaded, and OpenMP's die in forked children.
        over_frames(fill, frames)
        return Fragments(*(torch.from_numpy(array) for array in (triangle_id, barycentric, depth)))


@njit(cache=True, inline="always")
@no_type_check
def edge_line(frame, i, j):
    """The line through vertices i and j as (x0, y0, dx, dy, sign), always from the vertex with the smaller index."""
    low, high, sign = (i, j, 1.0) if i < j else (j, i, -1.0)
    x, y = frame[low, 0], frame[low, 1]
    return x, y, frame[high, 0] - x, frame[high, 1] - y, sign


@njit(cache=True, inline="always")
@no_type_check
def owns_its_edge(frame, i, j, orientation):
    """Top-left rule: are pixel centres exactly on the edge i -> j this triangle's, or the neighbour's with j -> i?"""
    dx = (frame[j, 0] - frame[i, 0]) * orientation
    dy = (frame[j, 1] - frame[i, 1]) * orientation
    return dy < 0.0 or (dy == 0.0 and dx > 0.0)


@njit(cache=True, inline="always")
@no_type_check
def pixel_range(low, high, count):
    """First and one past the last pixel whose centre can lie in [low, high]; clamped before the cast to int."""
    first = min(max(np.ceil(low - 0.5), 0.0), float(count))
    last = min(max(np.floor(high - 0.5) + 1.0, 0.0), float(count))
    return int(first), int(last)


@njit(cache=True, inline="always")
@no_type_check
def row_span(first, last, x0, row_part, dy, sign):
    """Narrow a row's columns to those an edge leaves, a pixel too many at the border: the exact test decides there."""
    if abs(dy) < LEVEL_PX:
        return first, last
    crossing = int(min(max(x0 + row_part / dy - 0.5, first - 2.0), last + 2.0))  # the first may be below 0: no floor
    if dy * sign < 0.0:
        return max(first, crossing - 1), last
    return first, min(last, crossing + 2)


@njit(cache=True)
@no_type_check
def draw_triangle(frame, a, b, c, number, orientation, triangle_id, barycentric, inverse_depth):
    """Fill one triangle's pixels where it is nearer than what is there. `orientation` is the sign of its area."""
    xs, ys = (frame[a, 0], frame[b, 0], frame[c, 0]), (frame[a, 1], frame[b, 1], frame[c, 1])
    height, width = triangle_id.shape
    left, right = pixel_range(min(xs[0], min(xs[1], xs[2])), max(xs[0], max(xs[1], xs[2])), width)
    top, bottom = pixel_range(min(ys[0], min(ys[1], ys[2])), max(ys[0], max(ys[1], ys[2])), height)
    if left >= right or top >= bottom:
        return
    # The edge opposite a corner gives that corner's weight; all three are positive inside after `sign * orientation`.
    ax, ay, adx, ady, a_sign = edge_line(frame, b, c)
    bx, by, bdx, bdy, b_sign = edge_line(frame, c, a)
    cx, cy, cdx, cdy, c_sign = edge_line(frame, a, b)
    a_sign, b_sign, c_sign = a_sign * orientation, b_sign * orientation, c_sign * orientation
    a_owned = owns_its_edge(frame, b, c, orientation)
    b_owned = owns_its_edge(frame, c, a, orientation)
    c_owned = owns_its_edge(frame, a, b, orientation)
    # The three weights sum to twice the area: dividing 1/z by it here makes `nearness` below 1/z at the pixel.
    area = abs(adx * (frame[a, 1] - ay) - ady * (frame[a, 0] - ax))
    a_near, b_near, c_near = 1.0 / (frame[a, 2] * area), 1.0 / (frame[b, 2] * area), 1.0 / (frame[c, 2] * area)
    for row in range(top, bottom):
        y = row + 0.5
        a_row, b_row, c_row = adx * (y - ay), bdx * (y - by), cdx * (y - cy)
        first, last = left, right
        if right - left > WIDE_PX:
            first, last = row_span(first, last, ax, a_row, ady, a_sign)
            first, last = row_span(first, last, bx, b_row, bdy, b_sign)
            first, last = row_span(first, last, cx, c_row, cdy, c_sign)
        for column in range(first, last):
            x = column + 0.5
            wa = (a_row - ady * (x - ax)) * a_sign
            wb = (b_row - bdy * (x - bx)) * b_sign
            wc = (c_row - cdy * (x - cx)) * c_sign
            if wa < 0.0 or wb < 0.0 or wc < 0.0:
                continue
            if (wa == 0.0 and not a_owned) or (wb == 0.0 and not b_owned) or (wc == 0.0 and not c_owned):
                continue
            # 1/z is linear on the screen, and so are weight / z: perspective-correct interpolation.
            pa, pb = wa * a_near, wb * b_near
            nearness = pa + pb + wc * c_near
            if nearness > inverse_depth[row, column]:
                inverse_depth[row, column] = nearness
                triangle_id[row, column] = number
                barycentric[row, column, 0] = pa / nearness
                barycentric[row, column, 1] = pb / nearness


@njit(cache=True, nogil=True)
@no_type_check
def fill_frames(screen, faces, cull_back_faces, near_m, triangle_id, barycentric, depth):
    """Fill the three output arrays frame by frame. `depth` holds 1/z until a frame is done."""
    for t in range(len(screen)):
        frame = screen[t]
        triangle_id[t] = -1
        barycentric[t] = 0.0
        depth[t] = 0.0
        for number in range(len(faces)):
            a, b, c = faces[number, 0], faces[number, 1], faces[number, 2]
            if not (frame[a, 2] > near_m and frame[b, 2] > near_m and frame[c, 2] > near_m):
                continue
            area = (frame[b, 0] - frame[a, 0]) * (frame[c, 1] - frame[a, 1])
            area -= (frame[b, 1] - frame[a, 1]) * (frame[c, 0] - frame[a, 0])
            # With y pointing down the outside of a counter-clockwise triangle is seen where the area is negative.
            if area < 0.0:
                draw_triangle(frame, a, b, c, number, -1.0, triangle_id[t], barycentric[t], depth[t])
            elif area > 0.0 and not cull_back_faces:
                draw_triangle(frame, a, b, c, number, 1.0, triangle_id[t], barycentric[t], depth[t])
        for row in range(depth.shape[1]):
            for column in range(depth.shape[2]):
                if triangle_id[t, row, column] >= 0:
                    depth[t, row, column] = 1.0 / depth[t, row, column]
