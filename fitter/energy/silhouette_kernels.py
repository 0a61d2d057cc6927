"""The silhouette term frame by frame in numba; `fitter.energy.silhouette` says what it is.

The kernels carry `no_type_check` because a run-time type checker's wrapper cannot be compiled.
"""

from typing import no_type_check

import numpy as np
from numba import njit

# Instead of a crossing: the mask's point has none that faces its way, or its crossing belongs to the wrist.
NONE, WRIST = -1, -2
# Crossings are looked up in square cells of this side: about 8 in each that the outline runs through.
CELL_PX = 8


@njit(cache=True)
@no_type_check
def match_frame(position, normal, at_wrist, points, size, match):
    """For each outline point of a mask the nearest crossing whose normal agrees within 90 degrees (its index here)."""
    n_cells = (size + CELL_PX - 1) // CELL_PX
    heads, following = np.full((n_cells, n_cells), -1, np.int64), np.empty(len(position), np.int64)
    for i in range(len(position)):
        row, column = cell_of(position[i, 1], n_cells), cell_of(position[i, 0], n_cells)
        following[i] = heads[row, column]
        heads[row, column] = i
    for p in range(len(points)):
        nearest = nearest_crossing(position, normal, heads, following, points[p])
        match[p] = NONE if nearest < 0 else (WRIST if at_wrist[nearest] else nearest)


@njit(cache=True, inline="always")
@no_type_check
def cell_of(coordinate, n_cells):
    return min(max(int(coordinate / CELL_PX), 0), n_cells - 1)


@njit(cache=True)
@no_type_check
def nearest_crossing(position, normal, heads, following, point):
    """Ring by ring of cells around the point's own, until all that is left is further away than what is found."""
    x, y, right, down = point
    n_cells = len(heads)
    column, row = cell_of(x, n_cells), cell_of(y, n_cells)
    to_border = min(
        min(x - column * CELL_PX, (column + 1) * CELL_PX - x), min(y - row * CELL_PX, (row + 1) * CELL_PX - y)
    )
    best, nearest = np.inf, -1
    for ring in range(n_cells):
        least = to_border + (ring - 1) * CELL_PX
        if least > 0.0 and least * least >= best:
            break
        for r in range(max(row - ring, 0), min(row + ring, n_cells - 1) + 1):
            step = 1 if abs(r - row) == ring or ring == 0 else 2 * ring
            for c in range(column - ring, column + ring + 1, step):
                i = heads[r, c] if 0 <= c < n_cells else -1
                while i >= 0:
                    dx, dy = position[i, 0] - x, position[i, 1] - y
                    squared = dx * dx + dy * dy
                    if squared < best and normal[i, 0] * right + normal[i, 1] * down > 0.0:
                        best, nearest = squared, i
                    i = following[i]
    return nearest


@njit(cache=True, nogil=True)
@no_type_check
def match_frames(first, position, normal, at_wrist, outline, count, size, match):
    """`match_frame` for every frame; frame t's crossings are first[t] to first[t + 1], numbered over all frames."""
    for t in range(len(match)):
        here = slice(first[t], first[t + 1])
        match_frame(position[here], normal[here], at_wrist[here], outline[t, : count[t]], size, match[t, : count[t]])
        for p in range(count[t]):
            if match[t, p] >= 0:
                match[t, p] += first[t]


@njit(cache=True, inline="always")
@no_type_check
def corner_pixel(x, size):
    """The first of the two pixels around a coordinate and the share of the second."""
    low = min(max(int(np.floor(x - 0.5)), 0), size - 2)
    return low, x - 0.5 - low


@njit(cache=True)
@no_type_check
def counts_there(inside, x, y):
    """Whether all four pixels around a place lie in the image."""
    column, _ = corner_pixel(x, inside.shape[1])
    row, _ = corner_pixel(y, inside.shape[0])
    return inside[row, column] and inside[row, column + 1] and inside[row + 1, column] and inside[row + 1, column + 1]


@njit(cache=True)
@no_type_check
def height(field, x, y):
    """A field between its pixels, bilinear."""
    column, right = corner_pixel(x, field.shape[1])
    row, down = corner_pixel(y, field.shape[0])
    a, b = np.float64(field[row, column]), np.float64(field[row, column + 1])
    c, d = np.float64(field[row + 1, column]), np.float64(field[row + 1, column + 1])
    upper, lower = a + right * (b - a), c + right * (d - c)
    return upper + down * (lower - upper)


@njit(cache=True)
@no_type_check
def loss_and_weight(squared, width):
    """Cauchy's loss and its slope; quadratic where the width is infinite."""
    if width == np.inf:
        return squared, 1.0
    return width * width * np.log1p(squared / (width * width)), 1.0 / (1.0 + squared / (width * width))


@njit(cache=True)
@no_type_check
def add_at_corners(vertices, corners, weights, lens, right, down, strength, residual, gradient, information):
    """Chain a residual's slope (right, down) per window pixel with the projection and lump it at the two corners.

    lens = focal lengths in window pixels; strength = weight of the residual's square.
    """
    a, b = corners
    x = weights[0] * vertices[a, 0] + weights[1] * vertices[b, 0]
    y = weights[0] * vertices[a, 1] + weights[1] * vertices[b, 1]
    z = weights[0] * vertices[a, 2] + weights[1] * vertices[b, 2]
    jx, jy = right * lens[0] / z, down * lens[1] / z
    jz = -(jx * x + jy * y) / z
    for k in range(2):
        share, vertex = weights[k] * strength, corners[k]
        pull = share * residual
        gradient[vertex, 0] += pull * jx
        gradient[vertex, 1] += pull * jy
        gradient[vertex, 2] += pull * jz
        information[vertex, 0] += share * jx * jx
        information[vertex, 1] += share * jx * jy
        information[vertex, 2] += share * jx * jz
        information[vertex, 3] += share * jy * jy
        information[vertex, 4] += share * jy * jz
        information[vertex, 5] += share * jz * jz


@njit(cache=True)
@no_type_check
def add_mesh_to_mask(crossings, at_wrist, mask, rule, vertices, lens, gradient, information):
    """Half the weighted losses of the crossings' distances to the mask; adds to the rows where they have any length.

    crossings = position, corners, weights; mask = distance, inside; rule = sigma, width, weight of all together.
    """
    position, corners, weights = crossings
    distance, inside = mask
    sigma, width, together = rule
    counted = 0
    for i in range(len(position)):
        if not at_wrist[i] and counts_there(inside, position[i, 0], position[i, 1]):
            counted += 1
    total = 0.0
    for i in range(len(position)):
        if at_wrist[i] or not counts_there(inside, position[i, 0], position[i, 1]):
            continue
        x, y = position[i]
        residual = height(distance, x, y) / sigma
        loss, slope = loss_and_weight(residual * residual, width)
        total += 0.5 * together / counted * loss
        if len(gradient):
            strength = together / counted * slope
            right = (height(distance, x + 0.5, y) - height(distance, x - 0.5, y)) / sigma
            down = (height(distance, x, y + 0.5) - height(distance, x, y - 0.5)) / sigma
            add_at_corners(
                vertices, corners[i], weights[i], lens, right, down, strength, residual, gradient, information
            )
    return total


@njit(cache=True)
@no_type_check
def add_mask_to_mesh(crossings, points, match, far, rule, vertices, lens, gradient, information):
    """The same for the mask's points and the crossings that they are matched with; `far` (pixels) without a match."""
    position, corners, weights = crossings
    sigma, width, together = rule
    counted = np.sum(match != WRIST)
    total = 0.0
    for p in range(len(points)):
        i = match[p]
        if i == WRIST:
            continue
        right, down = points[p, 2] / sigma, points[p, 3] / sigma
        residual = far / sigma
        if i != NONE:
            residual = right * (position[i, 0] - points[p, 0]) + down * (position[i, 1] - points[p, 1])
        loss, slope = loss_and_weight(residual * residual, width)
        total += 0.5 * together / counted * loss
        if len(gradient) and i != NONE:
            strength = together / counted * slope
            add_at_corners(
                vertices, corners[i], weights[i], lens, right, down, strength, residual, gradient, information
            )
    return total


@njit(cache=True, nogil=True)
@no_type_check
def add_frames(
    first, crossings, at_wrist, masks, match, rules, far, vertices, lenses, with_rows, energy, gradient, information
):
    """Energy per frame, and its rows if they are wanted.

    crossings = position, corners, weights of all frames; masks = distance, inside, outline, count; rules (frames, 3) =
    sigma, width, weight of each of the two directions.
    """
    position, corners, weights = crossings
    distance, inside, outline, count = masks
    nowhere = np.empty((0, 0))
    for t in range(len(first) - 1):
        if rules[t, 2] == 0.0:
            continue
        here, rule = slice(first[t], first[t + 1]), (rules[t, 0], rules[t, 1], rules[t, 2])
        ours = gradient[t] if with_rows else nowhere
        theirs = information[t] if with_rows else nowhere
        energy[t] = add_mesh_to_mask(
            (position[here], corners[here], weights[here]),
            *(at_wrist[here], (distance[t], inside[t]), rule, vertices[t], lenses[t], ours, theirs),
        )
        energy[t] += add_mask_to_mesh(
            crossings,
            *(outline[t, : count[t]], match[t, : count[t]], far, rule, vertices[t], lenses[t], ours, theirs),
        )
