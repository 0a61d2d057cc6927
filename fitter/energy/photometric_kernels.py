"""The compiled passes of the photometric term over the pixels of a clip: arrays in, arrays out, frame by frame.

    photometric_energies(views, surface, rules, energies)                    # (frames,)
    photometric_rows(views, surface, rules, sums, energies)                  # (frames, vertices, 9)

`photometric` tells the idea and defines in torch what these compute. Each frame is passed over twice: first every
pixel's weight and loss, then, when the patches around it are known, its derivatives. Sums are float64.
The kernels carry `no_type_check` because a run-time type checker's wrapper cannot be compiled, and are in one file
because the cache of compiled code looks for changes in a kernel's own file only.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

# What the compiler may do to a sum; unlike with `fastmath=True`, values that are not finite stay so.
REORDERED = {"contract", "reassoc", "nsz", "arcp"}
# Neighbouring pixels further apart than this in depth see two surfaces, and mix their colours, as in `render.paint`.
OCCLUSION_STEP_M = 0.006
# A value at the end of the sensor's range is a bound, not a measurement: all channels from, or up to, these count so.
BRIGHT, DARK = 250, 4
CLIPPED_WEIGHT = 0.1
# A texel that was never seen holds its neighbours' colour: a guess, but skin is mostly even.
UNSEEN_WEIGHT = 0.1


class Views(NamedTuple):
    """Per frame: what its pixels see and show, the mesh in it, and its numbers; of one frame, without the first
    axis.
    """

    triangle_id: np.ndarray  # (frames, size, size) int32
    barycentric: np.ndarray  # (frames, size, size, 2) float32
    depth: np.ndarray  # (frames, size, size) float32, metres
    rgb: np.ndarray  # (frames, size, size, 3) uint8
    weight: np.ndarray  # (frames, size, size)
    vertices: np.ndarray  # (frames, vertices, 3) metres
    screen: np.ndarray  # (frames, vertices, 3) window pixels and metres
    light: np.ndarray  # (frames, vertices, 3) float32
    gain: np.ndarray  # (frames, 3) over sigma and level
    lens: np.ndarray  # (frames, 4): focal lengths and principal point in window pixels
    share: np.ndarray  # (frames,) what the mean over a frame's pixels is multiplied by; 0 leaves the frame out


class Surface(NamedTuple):
    """What all frames share: triangles, their corners' places in the texture (in texels), albedo and coverage."""

    faces: np.ndarray  # (faces, 3) int32
    places: np.ndarray  # (faces, 3, 2) column and row
    texture: np.ndarray  # (size, size, 4) float32


class Rules(NamedTuple):
    """The term's numbers.

    0 in place of an inverse stands for a quadratic loss, and for patches that are never hidden.
    """

    linear: np.ndarray  # (256,) linear light of a display value over sigma and level
    least_facing: float
    inverse_squared_width: float
    inverse_hidden: float  # 1 over the mean loss at which a patch counts as hidden
    reach: int  # pixels from a patch's middle to its sides


@njit(cache=True)
@no_type_check
def view_of(views, t):
    return Views(
        *(views.triangle_id[t], views.barycentric[t], views.depth[t], views.rgb[t], views.weight[t]),
        *(views.vertices[t], views.screen[t], views.light[t], views.gain[t], views.lens[t], views.share[t]),
    )


@njit(cache=True)
@no_type_check
def face_towards_eye(vertices, faces, facing):
    """Cosine between each face's outward normal and the ray from its first corner to the camera."""
    for number in range(len(faces)):
        a, b, c = vertices[faces[number, 0]], vertices[faces[number, 1]], vertices[faces[number, 2]]
        bx, by, bz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        cx, cy, cz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        x, y, z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        lengths = np.sqrt((x * x + y * y + z * z) * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]))
        facing[number] = -(x * a[0] + y * a[1] + z * a[2]) / lengths if lengths > 0.0 else 0.0


@njit(cache=True, inline="always")
@no_type_check
def is_mixed(triangle_id, depth, row, column):
    """Does a neighbour see the background, or another surface? Then the colour here is partly theirs."""
    height, width = triangle_id.shape
    up, down, left, right = max(row - 1, 0), min(row + 1, height - 1), max(column - 1, 0), min(column + 1, width - 1)
    here = depth[row, column]
    return (
        triangle_id[up, column] < 0
        or triangle_id[down, column] < 0
        or triangle_id[row, left] < 0
        or triangle_id[row, right] < 0
        or abs(depth[up, column] - here) > OCCLUSION_STEP_M
        or abs(depth[down, column] - here) > OCCLUSION_STEP_M
        or abs(depth[row, left] - here) > OCCLUSION_STEP_M
        or abs(depth[row, right] - here) > OCCLUSION_STEP_M
    )


@njit(cache=True, inline="always")
@no_type_check
def is_clipped(r, g, b):
    return (r >= BRIGHT and g >= BRIGHT and b >= BRIGHT) or (r <= DARK and g <= DARK and b <= DARK)


@njit(cache=True, inline="always")
@no_type_check
def blended(weights, a, b, c):
    """A value of the three corners, by their weights."""
    return weights[0] * a + weights[1] * b + weights[2] * c


@njit(cache=True, inline="always")
@no_type_check
def texel(place, size):
    """First of the two texels around a place along one side of the texture, and the second one's share."""
    inside = min(max(place, 0.0), size - 1.0)
    first = min(int(inside), size - 2)
    return first, inside - first


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def weigh_and_compare(view, surface, rules, facing, weight, squared):
    """Every pixel's weight and squared residual norm (both 0 before). Returns the box that holds weight."""
    triangle_id, depth, rgb, light, gain = view.triangle_id, view.depth, view.rgb, view.light, view.gain
    faces, places, texture = surface.faces, surface.places, surface.texture
    height, width = triangle_id.shape
    size = texture.shape[0]
    first_row, last_row, first_column, last_column = height, 0, width, 0
    for row in range(height):
        for column in range(width):
            number = triangle_id[row, column]
            if number < 0:
                continue
            given, towards = view.weight[row, column], facing[number]
            if given <= 0.0 or towards < rules.least_facing or is_mixed(triangle_id, depth, row, column):
                continue
            wa, wb = np.float64(view.barycentric[row, column, 0]), np.float64(view.barycentric[row, column, 1])
            shares = wa, wb, 1.0 - wa - wb
            left, fx = texel(blended(shares, places[number, 0, 0], places[number, 1, 0], places[number, 2, 0]), size)
            top, fy = texel(blended(shares, places[number, 0, 1], places[number, 1, 1], places[number, 2, 1]), size)
            w1, w2, w3, w4 = (1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy
            a, b, c = faces[number, 0], faces[number, 1], faces[number, 2]
            total = 0.0
            for k in range(3):
                albedo = w1 * texture[top, left, k] + w2 * texture[top, left + 1, k]
                albedo += w3 * texture[top + 1, left, k] + w4 * texture[top + 1, left + 1, k]
                lit = blended(shares, light[a, k], light[b, k], light[c, k])
                difference = rules.linear[rgb[row, column, k]] - gain[k] * albedo * lit
                total += difference * difference
            seen = w1 * texture[top, left, 3] + w2 * texture[top, left + 1, 3]
            seen += w3 * texture[top + 1, left, 3] + w4 * texture[top + 1, left + 1, 3]
            value = given * towards * towards * (UNSEEN_WEIGHT + (1.0 - UNSEEN_WEIGHT) * seen)
            if is_clipped(rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]):
                value *= CLIPPED_WEIGHT
            weight[row, column] = value
            squared[row, column] = total
            first_row, last_row = min(first_row, row), max(last_row, row)
            first_column, last_column = min(first_column, column), max(last_column, column)
    return first_row, last_row + 1, first_column, last_column + 1


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def patch_sums(box, reach, values, sums):
    """Sum `values`, which are 0 outside the box, over the square around every pixel of the box."""
    top, bottom, left, right = box
    columns = np.zeros(right - left + 2 * reach)  # with a margin of zeros
    for row in range(top - reach, bottom):
        entering, leaving = row + reach, row - reach - 1
        if entering < bottom:
            for i in range(right - left):
                columns[reach + i] += values[entering, left + i]
        if leaving >= top:
            for i in range(right - left):
                columns[reach + i] -= values[leaving, left + i]
        if row >= top:
            total = 0.0
            for i in range(2 * reach):
                total += columns[i]
            for i in range(right - left):
                total += columns[i + 2 * reach]
                sums[row, left + i] = total
                total -= columns[i]


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def first_pass(view, surface, rules, scratch):
    """Weights, squared residual norms and their loss; then each patch's mean loss.

    Returns the box that holds weight.
    """
    facing, weight, squared, loss, around, mean = scratch
    weight[:] = 0.0
    squared[:] = 0.0
    face_towards_eye(view.vertices, surface.faces, facing)
    box = weigh_and_compare(view, surface, rules, facing, weight, squared)
    top, bottom, left, right = box
    inverse = rules.inverse_squared_width
    for row in range(top, bottom):
        for column in range(left, right):
            value = squared[row, column]
            if inverse > 0.0 and value > 0.0:
                value = np.log(1.0 + value * inverse) / inverse
            loss[row, column] = weight[row, column] * value
    if rules.inverse_hidden > 0.0 and top < bottom:
        patch_sums(box, rules.reach, loss, mean)
        patch_sums(box, rules.reach, weight, around)
        for row in range(top, bottom):
            for column in range(left, right):
                if weight[row, column] > 0.0:
                    mean[row, column] /= around[row, column]
    return box


@njit(cache=True)
@no_type_check
def new_scratch(views, surface):
    """Cosines of the faces, then maps of a frame: weight, squared, loss, around, mean."""
    maps = np.empty((5, *views.triangle_id.shape[1:]))
    return np.empty(len(surface.faces)), maps[0], maps[1], maps[2], maps[3], maps[4]


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def mean_cost(box, rules, scratch):
    """Half of what the pixels cost, the mean by their weights; after `first_pass`, before `reweigh`."""
    facing, weight, squared, loss, around, mean = scratch
    top, bottom, left, right = box
    total, weights = 0.0, 0.0
    for row in range(top, bottom):
        for column in range(left, right):
            w = weight[row, column]
            weights += w
            if rules.inverse_hidden == 0.0:
                total += loss[row, column]
            elif w > 0.0:
                ratio = mean[row, column] * rules.inverse_hidden
                total += w * mean[row, column] / np.sqrt(1.0 + ratio * ratio)
    return 0.5 * total / weights if weights > 0.0 else 0.0


@njit(cache=True, nogil=True)
@no_type_check
def photometric_energies(views, surface, rules, energies):
    """Each frame's energy into `energies`."""
    scratch = new_scratch(views, surface)
    for t in range(len(energies)):
        energies[t] = 0.0
        if views.share[t] == 0.0:
            continue
        box = first_pass(view_of(views, t), surface, rules, scratch)
        energies[t] = views.share[t] * mean_cost(box, rules, scratch)


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def reweigh(box, rules, scratch):
    """Multiply weights by the slope of the patches' cost by squared residual norms. Returns their sum before.

    A pixel's loss counts in the means of all patches around it, in each by its share of the patch's weight.
    """
    facing, weight, squared, loss, around, mean = scratch
    top, bottom, left, right = box
    hides = rules.inverse_hidden > 0.0 and top < bottom
    if hides:
        for row in range(top, bottom):
            for column in range(left, right):
                loss[row, column] = 0.0
                if weight[row, column] > 0.0:
                    ratio = mean[row, column] * rules.inverse_hidden
                    inner = 1.0 + ratio * ratio
                    loss[row, column] = weight[row, column] / (inner * np.sqrt(inner) * around[row, column])
        patch_sums(box, rules.reach, loss, mean)
    total = 0.0
    for row in range(top, bottom):
        for column in range(left, right):
            total += weight[row, column]
            slope = mean[row, column] if hides else 1.0
            weight[row, column] *= slope / (1.0 + squared[row, column] * rules.inverse_squared_width)
    return total


@njit(cache=True, inline="always")
@no_type_check
def colour_derivatives(view, surface, linear, row, column, number, corners, shares):
    """Gradient (a, b) and information (aa, ab, bb) of half the squared residual by minus the first two weights."""
    texture, places, light = surface.texture, surface.places, view.light
    a, b, c = corners
    last = texture.shape[0] - 1.0
    x = blended(shares, places[number, 0, 0], places[number, 1, 0], places[number, 2, 0])
    y = blended(shares, places[number, 0, 1], places[number, 1, 1], places[number, 2, 1])
    left, fx = texel(x, texture.shape[0])
    top, fy = texel(y, texture.shape[0])
    xa, xb = places[number, 0, 0] - places[number, 2, 0], places[number, 1, 0] - places[number, 2, 0]
    ya, yb = places[number, 0, 1] - places[number, 2, 1], places[number, 1, 1] - places[number, 2, 1]
    if x < 0.0 or x > last:  # the texture's border is repeated
        xa, xb = 0.0, 0.0
    if y < 0.0 or y > last:
        ya, yb = 0.0, 0.0
    ga, gb, aa, ab, bb = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(3):
        upper, lower = np.float64(texture[top, left, k]), np.float64(texture[top + 1, left, k])
        upper_step, lower_step = texture[top, left + 1, k] - upper, texture[top + 1, left + 1, k] - lower
        upper, lower = upper + fx * upper_step, lower + fx * lower_step
        albedo, down = upper + fy * (lower - upper), lower - upper
        along = upper_step + fy * (lower_step - upper_step)
        la, lb = np.float64(light[a, k] - light[c, k]), np.float64(light[b, k] - light[c, k])
        lit, gain = light[c, k] + shares[0] * la + shares[1] * lb, view.gain[k]
        slope_a = gain * ((along * xa + down * ya) * lit + albedo * la)
        slope_b = gain * ((along * xb + down * yb) * lit + albedo * lb)
        difference = linear[view.rgb[row, column, k]] - gain * albedo * lit
        ga += difference * slope_a
        gb += difference * slope_b
        aa += slope_a * slope_a
        ab += slope_a * slope_b
        bb += slope_b * slope_b
    return ga, gb, aa, ab, bb


@njit(cache=True, inline="always")
@no_type_check
def weights_by_motion(screen, lens, corners, shares, x, y):
    """How minus the first two weights of the point seen at (x, y) change as the surface moves in camera axes: two rows.

    (du/db)^-1 du/dX: on the screen a corner pulls the point along the way to itself, the more the further it is from
    the camera; and the surface moves there by (px, 0, -qx) and (0, py, -qy) window pixels per metre.
    """
    a, b, c = corners
    near = 1.0 / blended(shares, screen[a, 2], screen[b, 2], screen[c, 2])
    az, bz, cz = screen[a, 2] * near, screen[b, 2] * near, screen[c, 2] * near
    cx, cy = cz * (screen[c, 0] - x), cz * (screen[c, 1] - y)
    ax, ay = az * (screen[a, 0] - x) - cx, az * (screen[a, 1] - y) - cy
    bx, by = bz * (screen[b, 0] - x) - cx, bz * (screen[b, 1] - y) - cy
    per_metre = near / (ax * by - bx * ay)
    px, py, qx, qy = lens[0] * per_metre, lens[1] * per_metre, (x - lens[2]) * per_metre, (y - lens[3]) * per_metre
    return (by * px, -bx * py, bx * qy - by * qx), (-ay * px, ax * py, ay * qx - ax * qy)


@njit(cache=True, inline="always")
@no_type_check
def in_camera_axes(derivatives, motion):
    """Gradient (x, y, z) and information (xx, xy, xz, yy, yz, zz) by the surface's motion."""
    ga, gb, aa, ab, bb = derivatives
    (ax, ay, az), (bx, by, bz) = motion
    # Each column of the information times the two rows.
    cx, cy, cz = aa * ax + ab * bx, aa * ay + ab * by, aa * az + ab * bz
    dx, dy, dz = ab * ax + bb * bx, ab * ay + bb * by, ab * az + bb * bz
    return (
        *(ga * ax + gb * bx, ga * ay + gb * by, ga * az + gb * bz),
        *(ax * cx + bx * dx, ax * cy + bx * dy, ax * cz + bx * dz),
        *(ay * cy + by * dy, ay * cz + by * dz, az * cz + bz * dz),
    )


@njit(cache=True, nogil=True, fastmath=REORDERED)
@no_type_check
def add_rows(view, surface, linear, box, weight, sums):
    """Add every pixel's gradient and information, times its weight, at its triangle's corners.

    The pixel stays; where the surface moves by du on the screen, the material point seen moves by -du, and the colour
    by -(dR/db) (du/db)^-1 du, where b are the first two corner weights.
    """
    top, bottom, left, right = box
    for row in range(top, bottom):
        for column in range(left, right):
            w = weight[row, column]
            if w <= 0.0:
                continue
            number = view.triangle_id[row, column]
            corners = surface.faces[number, 0], surface.faces[number, 1], surface.faces[number, 2]
            wa, wb = np.float64(view.barycentric[row, column, 0]), np.float64(view.barycentric[row, column, 1])
            shares = wa, wb, 1.0 - wa - wb
            derivatives = colour_derivatives(view, surface, linear, row, column, number, corners, shares)
            motion = weights_by_motion(view.screen, view.lens, corners, shares, column + 0.5, row + 0.5)
            parts = in_camera_axes(derivatives, motion)
            for k in range(3):
                own, vertex = w * shares[k], corners[k]
                for i in range(9):
                    sums[vertex, i] += own * parts[i]


@njit(cache=True, nogil=True)
@no_type_check
def photometric_rows(views, surface, rules, sums, energies):
    """Each vertex's gradient (3) and information (6) into `sums` (frames, vertices, 9), and each frame's energy."""
    scratch = new_scratch(views, surface)
    for t in range(len(sums)):
        sums[t], energies[t] = 0.0, 0.0
        if views.share[t] == 0.0:
            continue
        view = view_of(views, t)
        box = first_pass(view, surface, rules, scratch)
        energies[t] = views.share[t] * mean_cost(box, rules, scratch)
        weights = reweigh(box, rules, scratch)
        if weights > 0.0:
            add_rows(view, surface, rules.linear, box, scratch[1], sums[t])
            sums[t] *= views.share[t] / weights
