"""The compiled pass of the depth term over the pixels of a clip: arrays in, arrays out, frame by frame.

    depth_sums(views, faces, rules, energies, weights, sums)      # (frames,), (frames,), (frames or 0, vertices, 9)

`depth_map` tells the idea and defines in torch what this computes. Pixels are summed over their triangle first, whose
normal they share, and then lumped at its corners. Sums are float64.
The kernel carries `no_type_check` because a run-time type checker's wrapper cannot be compiled.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit


class Views(NamedTuple):
    """Per frame: what its pixels see, the mesh in it, and its lens."""

    triangle_id: np.ndarray  # (frames, size, size) int32
    barycentric: np.ndarray  # (frames, size, size, 2) float32
    depth_m: np.ndarray  # (frames, size, size) float32, observed; 0 unknown
    vertices: np.ndarray  # (frames, vertices, 3) metres
    lens: np.ndarray  # (frames, 4): focal lengths and principal point in window pixels
    trust: np.ndarray  # (frames,)


class Rules(NamedTuple):
    """The term's numbers: 1 / sigma per metre, reach in sigmas, the loss's 1 / width^2 (0: quadratic)."""

    slope: float
    reach: float
    inverse_square_width: float


@njit(cache=True, nogil=True)
@no_type_check
def depth_sums(views, faces, rules, energies, weights, sums):
    """Fill each frame's energy and weight, both before the division by the weight; and its rows, if `sums` has any."""
    with_rows = len(sums) > 0
    by_triangle = np.zeros((len(faces), 6))
    for t in range(len(views.vertices)):
        if views.trust[t] <= 0.0:
            continue
        by_triangle[:] = 0.0
        energies[t], weights[t] = frame_sums(
            *(views.triangle_id[t], views.barycentric[t], views.depth_m[t], views.vertices[t], views.lens[t]),
            *(faces, rules, with_rows, by_triangle),
        )
        if with_rows:
            lump(by_triangle, views.vertices[t], faces, sums[t])


@njit(cache=True, inline="always")
@no_type_check
def plane(vertices, a, b, c):
    """Normal of a triangle's plane, as long as twice its area, and its product with a corner."""
    ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
    vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    return x, y, z, x * vertices[a, 0] + y * vertices[a, 1] + z * vertices[a, 2]


@njit(cache=True, nogil=True)
@no_type_check
def frame_sums(triangle_id, barycentric, depth_m, vertices, lens, faces, rules, with_rows, by_triangle):
    """Energy and weight of a frame; gradient and information along each triangle's normal, by corner, if asked."""
    energy = total = 0.0
    for row in range(triangle_id.shape[0]):
        ray_y = (row + 0.5 - lens[3]) / lens[1]
        for column in range(triangle_id.shape[1]):
            triangle, observed = triangle_id[row, column], depth_m[row, column]
            if triangle < 0 or not observed > 0.0:
                continue
            ray_x = (column + 0.5 - lens[2]) / lens[0]
            x, y, z, offset = plane(vertices, faces[triangle, 0], faces[triangle, 1], faces[triangle, 2])
            approach = x * ray_x + y * ray_y + z
            weight = approach * approach / ((x * x + y * y + z * z) * (ray_x * ray_x + ray_y * ray_y + 1.0))
            total += weight
            residual = (offset / approach - observed) * rules.slope
            inside = abs(residual) < rules.reach
            if not inside:
                residual = rules.reach
            squared = residual * residual
            if rules.inverse_square_width > 0.0:
                loss = np.log1p(squared * rules.inverse_square_width) / rules.inverse_square_width
            else:
                loss = squared
            energy += 0.5 * weight * loss
            if with_rows and inside:
                slope = rules.slope / approach
                weight *= slope / (1.0 + squared * rules.inverse_square_width)
                first, second = barycentric[row, column, 0], barycentric[row, column, 1]
                third = 1.0 - first - second
                sums = by_triangle[triangle]
                sums[0] += weight * residual * first
                sums[1] += weight * residual * second
                sums[2] += weight * residual * third
                sums[3] += weight * slope * first
                sums[4] += weight * slope * second
                sums[5] += weight * slope * third
    return energy, total


@njit(cache=True, nogil=True)
@no_type_check
def lump(by_triangle, vertices, faces, sums):
    """Add every triangle's sums to its corners: n for the gradient, n n' for the information."""
    for triangle in range(len(faces)):
        along = by_triangle[triangle]
        if along[3] == 0.0 and along[4] == 0.0 and along[5] == 0.0:
            continue
        x, y, z, _ = plane(vertices, faces[triangle, 0], faces[triangle, 1], faces[triangle, 2])
        for corner in range(3):
            gradient, information = along[corner], along[3 + corner]
            total = sums[faces[triangle, corner]]
            total[0] += gradient * x
            total[1] += gradient * y
            total[2] += gradient * z
            total[3] += information * x * x
            total[4] += information * x * y
            total[5] += information * x * z
            total[6] += information * y * y
            total[7] += information * y * z
            total[8] += information * z * z
