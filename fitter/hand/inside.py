"""Kernels for `fitter.hand.penetration`: whether a closed surface winds around a point, and how far its skin is."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def depths_inside(points, skin, closed):
    """Distance (points,) of every point inside `closed` (triangles, 3, 3) to the triangles `skin`, 0 outside."""
    depths, longest = np.zeros(len(points)), longest_edge(skin)
    for i in range(len(points)):
        if winding(points[i], closed) != 0:
            depths[i] = distance(points[i], skin, longest)
    return depths


@njit(cache=True, nogil=True)
def winding(point, triangles):
    """How often a closed surface winds around a point: its crossings of the ray in +z, signed by their direction.

    Two triangles at an edge decide by the same comparison on which side of it the ray passes, so that it passes
    exactly one of them; the edge's ends are compared in an order of their own, whichever triangle asks.
    """
    crossings = 0
    x, y, z = point
    for f in range(len(triangles)):
        a, b, c = triangles[f]
        if a[2] < z and b[2] < z and c[2] < z:
            continue
        left_ab, left_bc, left_ca = left(a, b, x, y), left(b, c, x, y), left(c, a, x, y)
        if left_ab != left_bc or left_bc != left_ca:
            continue
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        if nz == 0.0:
            continue
        height = a[2] - (nx * (x - a[0]) + ny * (y - a[1])) / nz
        if height > z:
            crossings += 1 if left_ab else -1
    return crossings


@njit(cache=True, nogil=True, inline="always")
def left(a, b, x, y):
    """Whether (x, y) lies left of the way from a to b in the plane; of the way from b to a it then does not."""
    if a[0] < b[0] or (a[0] == b[0] and a[1] < b[1]):
        return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0.0
    return (a[0] - b[0]) * (y - b[1]) - (a[1] - b[1]) * (x - b[0]) < 0.0


@njit(cache=True, nogil=True)
def distance(point, triangles, longest):
    """From a point to the nearest of triangles (n, 3, 3) whose edges are no longer than `longest`."""
    nearest, bound = np.inf, np.inf
    for f in range(len(triangles)):
        corner = 0.0
        for k in range(3):
            corner += (point[k] - triangles[f, 0, k]) ** 2
        if corner < bound:
            squared = squared_distance(point, triangles[f])
            if squared < nearest:
                nearest = squared
                bound = (np.sqrt(nearest) + longest) ** 2
    return np.sqrt(nearest)


@njit(cache=True, nogil=True)
def longest_edge(triangles):
    longest = 0.0
    for f in range(len(triangles)):
        for i in range(3):
            squared = 0.0
            for k in range(3):
                squared += (triangles[f, i, k] - triangles[f, (i + 1) % 3, k]) ** 2
            longest = max(longest, squared)
    return np.sqrt(longest)


@njit(cache=True, nogil=True)
def squared_distance(point, triangle):
    """To one triangle, by the region of its plane that the point is above (Ericson 2005, section 5.1.5)."""
    a, b, c = triangle
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    px, py, pz = point[0] - a[0], point[1] - a[1], point[2] - a[2]
    d1 = abx * px + aby * py + abz * pz
    d2 = acx * px + acy * py + acz * pz
    ab2 = abx * abx + aby * aby + abz * abz
    ac2 = acx * acx + acy * acy + acz * acz
    abac = abx * acx + aby * acy + abz * acz
    d3, d4, d5, d6 = d1 - ab2, d2 - abac, d1 - abac, d2 - ac2
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0.0 and d2 <= 0.0:
        v, w = 0.0, 0.0
    elif d3 >= 0.0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0.0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v, w = d1 / (d1 - d3), 0.0
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        v, w = 0.0, d2 / (d2 - d6)
    elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        v = 1.0 - w
    else:
        scale = 1.0 / (va + vb + vc)
        v, w = vb * scale, vc * scale
    dx, dy, dz = px - v * abx - w * acx, py - v * aby - w * acy, pz - v * abz - w * acz
    return dx * dx + dy * dy + dz * dz
