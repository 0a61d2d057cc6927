"""The walk from covered pixels over the mesh to its outline, in numba; see `fitter.render.outline`.

A line is crossed by an edge whose ends lie on different sides of it, "on it" counting as one of them: of a triangle's
edges two or none are crossed, so that a walk leaves every triangle that it enters, on exactly one edge.
The kernels carry `no_type_check` because a run-time type checker's wrapper cannot be compiled.
"""

from typing import no_type_check

import numpy as np
from numba import njit

# A triangle of the walk is left further on: more of them between two neighbouring pixels is a mesh gone wrong.
LONGEST_WALK = 256
# How far (in pixels) rounding may put a crossing outside of the two pixel centres that it lies between.
ROUNDING_PX = 1e-6
FIRST_CAPACITY = 1024


@njit(cache=True)
@no_type_check
def twin_edges(faces):
    """For edge k of face f (corners k and k + 1), at 3 f + k: the same edge of the other face, or -1 without one.

    An edge of three and more faces has no other face.
    """
    n_edges = 3 * len(faces)
    low, high = np.empty(n_edges, np.int64), np.empty(n_edges, np.int64)
    for edge in range(n_edges):
        a, b = faces[edge // 3, edge % 3], faces[edge // 3, (edge + 1) % 3]
        low[edge], high[edge] = min(a, b), max(a, b)
    key = low * (high.max() + 1) + high
    order = np.argsort(key)
    twin = np.full(n_edges, -1, np.int32)
    first = 0
    while first < n_edges:
        last = first + 1
        while last < n_edges and key[order[last]] == key[order[first]]:
            last += 1
        if last - first == 2:
            twin[order[first]] = order[first + 1]
            twin[order[first + 1]] = order[first]
        first = last
    return twin


@njit(cache=True)
@no_type_check
def facing(frame, faces, triangle, near_m):
    """The sign of a triangle's area in the window, -1 from outside; 0 where it is not drawn."""
    a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
    if not (frame[a, 2] > near_m and frame[b, 2] > near_m and frame[c, 2] > near_m):
        return 0
    area = (frame[b, 0] - frame[a, 0]) * (frame[c, 1] - frame[a, 1])
    area -= (frame[b, 1] - frame[a, 1]) * (frame[c, 0] - frame[a, 0])
    return -1 if area < 0.0 else (1 if area > 0.0 else 0)


@njit(cache=True)
@no_type_check
def where_crossed(frame, i, j, axis, line):
    """Where along `axis` the edge between vertices i and j crosses the line; the same for both orders of them."""
    if i > j:
        i, j = j, i
    share = (line - frame[i, 1 - axis]) / (frame[j, 1 - axis] - frame[i, 1 - axis])
    return frame[i, axis] + share * (frame[j, axis] - frame[i, axis])


@njit(cache=True)
@no_type_check
def first_edge(frame, faces, triangle, axis, line, direction):
    """The edge (3 face + k) on which the line leaves the triangle that it starts in, or -1 where it misses it."""
    leaving, furthest = -1, -np.inf
    for k in range(3):
        i, j = faces[triangle, k], faces[triangle, (k + 1) % 3]
        if (frame[i, 1 - axis] >= line) != (frame[j, 1 - axis] >= line):
            along = where_crossed(frame, i, j, axis, line) * direction
            if along > furthest:
                leaving, furthest = 3 * triangle + k, along
    return leaving


@njit(cache=True)
@no_type_check
def silhouette_edge(frame, faces, twin, triangle, axis, line, direction, near_m):
    """Walk from `triangle` along the line: the edge (3 face + k) where the mesh turns away or ends, or -1 (a tie)."""
    orientation = facing(frame, faces, triangle, near_m)
    leaving = first_edge(frame, faces, triangle, axis, line, direction)
    if leaving < 0:
        return -1
    for _ in range(LONGEST_WALK):
        entered = twin[leaving]
        if entered < 0:
            return leaving
        triangle, k = entered // 3, entered % 3
        if facing(frame, faces, triangle, near_m) != orientation:
            return leaving
        # Entered over i -> j, it is left over j -> apex or apex -> i: the one whose ends lie on different sides.
        apex, j = faces[triangle, (k + 2) % 3], faces[triangle, (k + 1) % 3]
        apart = (frame[apex, 1 - axis] >= line) != (frame[j, 1 - axis] >= line)
        leaving = 3 * triangle + (k + (1 if apart else 2)) % 3
    return -1


@njit(cache=True)
@no_type_check
def cross_edge(frame, faces, edge, axis, line, place, corner):
    """Write a crossing: place = x, y, outward normal, weights of the two corners in space; corner = their ids."""
    face, k = edge // 3, edge % 3
    a, b, c = faces[face, k], faces[face, (k + 1) % 3], faces[face, (k + 2) % 3]
    place[axis], place[1 - axis] = where_crossed(frame, a, b, axis, line), line
    dx, dy = frame[b, 0] - frame[a, 0], frame[b, 1] - frame[a, 1]
    inside = dy * (frame[c, 0] - frame[a, 0]) - dx * (frame[c, 1] - frame[a, 1])
    outward = (-1.0 if inside > 0.0 else 1.0) / np.sqrt(dx * dx + dy * dy)
    place[2], place[3] = outward * dy, -outward * dx
    # What is linear in the window is X / z and 1 / z.
    share = (line - frame[a, 1 - axis]) / (frame[b, 1 - axis] - frame[a, 1 - axis])
    near_a, near_b = (1.0 - share) * frame[b, 2], share * frame[a, 2]
    place[4] = near_a / (near_a + near_b)
    place[5] = 1.0 - place[4]
    corner[0], corner[1] = a, b


@njit(cache=True)
@no_type_check
def trace_frame(frame, faces, twin, triangle_id, near_m, pairs, places, corners):
    """Write a frame's crossings, and the pixels that have one to the top of `pairs`; how many there are."""
    found = 0
    for i in range(len(pairs)):
        column, row, right, down = pairs[i, 0], pairs[i, 1], pairs[i, 2], pairs[i, 3]
        if right:
            axis, line, start, direction = 0, row + 0.5, column + 0.5, right
        else:
            axis, line, start, direction = 1, column + 0.5, row + 0.5, down
        edge = silhouette_edge(frame, faces, twin, triangle_id[row, column], axis, line, direction, near_m)
        if edge < 0:
            continue
        place, corner = places[found], corners[found]
        cross_edge(frame, faces, edge, axis, line, place, corner)
        if -ROUNDING_PX <= (place[axis] - start) * direction <= 1.0 + ROUNDING_PX:
            pairs[found, 0], pairs[found, 1], pairs[found, 2], pairs[found, 3] = column, row, right, down
            found += 1
    return found


@njit(cache=True, nogil=True)
@no_type_check
def trace_frames(screen, faces, twin, triangle_id, near_m):
    """All crossings: their number per frame, `places` and `corners` as `cross_edge`, `pixels` as `boundary_pairs`."""
    n_frames, height, width = triangle_id.shape
    count = np.zeros(n_frames, np.int64)
    places = np.empty((FIRST_CAPACITY, 6))
    corners, pixels = np.empty((FIRST_CAPACITY, 2), np.int32), np.empty((FIRST_CAPACITY, 4), np.int32)
    pairs = np.empty((2 * height * width, 4), np.int32)
    total = 0
    for t in range(n_frames):
        most = boundary_pairs(triangle_id[t], pairs)
        if total + most > len(places):
            capacity = 2 * (total + most)
            places, corners, pixels = grown(places, capacity), grown(corners, capacity), grown(pixels, capacity)
        here = pairs[:most]
        found = trace_frame(screen[t], faces, twin, triangle_id[t], near_m, here, places[total:], corners[total:])
        pixels[total : total + found] = here[:found]
        count[t] = found
        total += found
    return count, places[:total], corners[:total], pixels[:total]


@njit(cache=True)
@no_type_check
def grown(array, capacity):
    """The array with room for `capacity` rows."""
    larger = np.empty((capacity, array.shape[1]), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True)
@no_type_check
def boundary_pairs(triangle_id, pairs):
    """Write column, row and step of every covered pixel beside an uncovered one, once per such neighbour; how many."""
    height, width = triangle_id.shape
    n_pairs = 0
    for row in range(height):
        for column in range(width):
            covered = triangle_id[row, column] >= 0
            if column + 1 < width and (triangle_id[row, column + 1] >= 0) != covered:
                pairs[n_pairs, 0], pairs[n_pairs, 1] = (column, row) if covered else (column + 1, row)
                pairs[n_pairs, 2], pairs[n_pairs, 3] = (1, 0) if covered else (-1, 0)
                n_pairs += 1
            if row + 1 < height and (triangle_id[row + 1, column] >= 0) != covered:
                pairs[n_pairs, 0], pairs[n_pairs, 1] = (column, row) if covered else (column, row + 1)
                pairs[n_pairs, 2], pairs[n_pairs, 3] = (0, 1) if covered else (0, -1)
                n_pairs += 1
    return n_pairs
