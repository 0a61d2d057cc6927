"""One orthogonal basis of hand shapes in standard deviations: bone lengths, girths, and flesh, combined by a PCA.

Every ingredient is a displacement field of vertices and of the 21 points with a deviation known from people; joints
stay exactly linear in the result's coefficients, betas ~ N(0, 1), uncorrelated.

    fields = [size_field(hand), *length_fields(hand), *girth_fields(hand)]
    space = principal_shapes(fields, limit=20)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitter.hand.anny_rest import RestPose
from fitter.hand.anthropometry import SIZE_DEVIATION, girth_covariance, length_covariance
from fitter.hand.deform import stretch_bones
from fitter.skeleton import BONES, POINT_PARENTS

# Columns of the weights that belong to the palm: the wrist and the bones from the wrist to the knuckles.
PALM = np.array([0, 1, 5, 9, 13, 17])
DIGITS = np.setdiff1d(np.arange(21), PALM)


@dataclass(frozen=True)
class Field:
    """Displacements in metres for one standard deviation: `vertices` (V, 3) and `points` (21, 3)."""

    vertices: NDArray[np.float64]
    points: NDArray[np.float64]


@dataclass(frozen=True)
class ShapeSpace:
    """Orthogonal fields `vertices` (V, 3, B) and `points` (21, 3, B), metres per standard deviation, largest first.

    `kept` (B,) is the share of the points' variance that the first 1 .. B components keep.
    """

    vertices: NDArray[np.float64]
    points: NDArray[np.float64]
    kept: NDArray[np.float64]


def size_field(hand: RestPose) -> Field:
    """Everything larger about the wrist."""
    return Field(SIZE_DEVIATION * hand.vertices[0], SIZE_DEVIATION * hand.points[0])


def length_fields(hand: RestPose) -> list[Field]:
    """Uncorrelated fields that together give the bone lengths their measured covariance."""
    stretch = np.zeros((len(BONES), 21))
    stretch[:, BONES] = np.linalg.cholesky(length_covariance()).T
    count = len(stretch)
    vertices = np.broadcast_to(hand.vertices[0], (count, *hand.vertices[0].shape))
    points = np.broadcast_to(hand.points[0], (count, 21, 3))
    longer_vertices, longer_points = stretch_bones(vertices, points, hand.weights, stretch)
    return [Field(v, p) for v, p in zip(longer_vertices - vertices, longer_points - points, strict=True)]


def girth_fields(hand: RestPose) -> list[Field]:
    """Uncorrelated fields that give the girth of digits, the palm's breadth (z) and thickness (y) their covariance."""
    vertices, points, weights = hand.vertices[0], hand.points[0], hand.weights
    digits = np.zeros_like(vertices)
    for far in DIGITS:
        near = POINT_PARENTS[far]
        axis = (points[far] - points[near]) / np.linalg.norm(points[far] - points[near])
        offset = vertices - points[near]
        digits += weights[:, far, None] * (offset - (offset @ axis)[:, None] * axis)
    raw = [Field(digits, np.zeros_like(points))]
    for axis in (2, 1):
        moved = np.zeros_like(points)
        moved[PALM, axis] = points[PALM, axis]
        for far in DIGITS:  # a digit moves with the joint that it hangs on
            moved[far] = moved[POINT_PARENTS[far]]
        skin = weights[:, DIGITS] @ moved[DIGITS]
        skin[:, axis] += weights[:, PALM].sum(axis=1) * vertices[:, axis]
        raw.append(Field(skin, moved))
    mixed = np.linalg.cholesky(girth_covariance()).T
    skins = np.tensordot(mixed, np.stack([field.vertices for field in raw]), axes=1)
    moves = np.tensordot(mixed, np.stack([field.points for field in raw]), axes=1)
    return [Field(skin, moved) for skin, moved in zip(skins, moves, strict=True)]


def flesh_fields(hand: RestPose, limit: int) -> list[Field]:
    """The body model's own variation at given bone lengths: the largest `limit` components of its random hands."""
    difference = np.concatenate([hand.vertices[1:] - hand.vertices[0], hand.points[1:] - hand.points[0]], axis=1)
    difference = difference - difference.mean(axis=0)
    scale = _metric(hand.vertices.shape[1])
    flat = (difference * scale[:, None]).reshape(len(difference), -1)
    _, deviation, directions = np.linalg.svd(flat, full_matrices=False)
    directions = directions[:limit] * (deviation[:limit] / np.sqrt(len(flat) - 1))[:, None]
    split = directions.reshape(limit, -1, 3) / scale[:, None]
    return [Field(field[:-21], field[-21:]) for field in split]


def principal_shapes(fields: list[Field], limit: int) -> ShapeSpace:
    """Principal components of independent fields, vertices and points weighted alike; at most `limit`."""
    stacked = np.stack([np.concatenate([field.vertices, field.points]) for field in fields], axis=-1)
    scale = _metric(stacked.shape[0] - 21)
    left, deviation, _ = np.linalg.svd((stacked * scale[:, None, None]).reshape(-1, len(fields)), full_matrices=False)
    basis = (left * deviation).reshape(stacked.shape) / scale[:, None, None]
    variance = (basis[-21:] ** 2).sum(axis=(0, 1))
    basis = basis[..., :limit] * _signs(basis[-21:, :, :limit])
    return ShapeSpace(basis[:-21], basis[-21:], np.cumsum(variance)[:limit] / variance.sum())


def _signs(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sign (B,) by which every component's largest displacement of a point leads away from the wrist."""
    flat = points.reshape(-1, points.shape[-1])
    largest = np.abs(flat).argmax(axis=0)
    outward = np.where(largest % 3 == 0, -1.0, 1.0)
    return np.where(flat[largest, np.arange(flat.shape[1])] < 0, -outward, outward)


def _metric(vertices: int) -> NDArray[np.float64]:
    """Square roots of the weights of V vertices, together as heavy as the 21 points, then of the points (V + 21,)."""
    return np.concatenate([np.full(vertices, np.sqrt(21 / vertices)), np.ones(21)])
