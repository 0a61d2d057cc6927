"""How deep surfaces lie inside each other, millimetres: one hand in another, or a finger in another or in the palm.

A vertex is inside a closed surface where the surface winds around it, counted along a ray; its depth is its distance to
the nearest triangle. Nothing here is differentiable: it judges a fit.

    between_hands(right_vertices, right_faces, left_vertices, left_faces).deepest_mm     # (frames,)
    Parts.of(model).within(vertices).deepest_mm                                          # (frames,)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fitter.hand.inside import depths_inside
from fitter.hand.model import HandModel
from fitter.skeleton import MANO_FINGERS

MM_PER_M = 1000.0
PALM = 5
PART_NAMES = (*MANO_FINGERS, "palm")
# The part of each rotation: chains of three, but the thumb's metacarpal moves in the palm's flesh.
PART_OF_ROTATION = np.array([PALM, *np.repeat(np.arange(5), 3)])
PART_OF_ROTATION[MANO_FINGERS.index("thumb") * 3 + 1] = PALM
# The rotations whose flesh hangs together with no other part: the bones that are not the first of their part.
OUTER = np.array([PART_OF_ROTATION[r] != PALM and PART_OF_ROTATION[r - 1] == PART_OF_ROTATION[r] for r in range(16)])


@dataclass(frozen=True)
class Penetration:
    """Of every frame: the greatest depth and the mean of those of all vertices that are inside, millimetres (0: none
    is), and which two parts are deepest in each other (indices into PART_NAMES; -1 where there are none).
    """

    deepest_mm: Float[np.ndarray, "frames"]
    mean_mm: Float[np.ndarray, "frames"]
    parts: Int[np.ndarray, "frames 2"]


def between_hands(
    first: Float[np.ndarray, "frames vertices_a 3"],
    first_faces: Int[np.ndarray, "faces_a 3"],
    second: Float[np.ndarray, "frames vertices_b 3"],
    second_faces: Int[np.ndarray, "faces_b 3"],
) -> Penetration:
    """Of two meshes in the same axes, metres; vertices of either inside the other. Open wrists are closed."""
    meshes = ((first, _Closed.of(first_faces)), (second, _Closed.of(second_faces)))
    deepest, mean = np.zeros(len(first)), np.zeros(len(first))
    for frame in range(len(first)):
        depths = [
            _depths(own[frame], other[frame], closed)
            for (own, _), (other, closed) in (meshes, meshes[::-1])  # either way
        ]
        deepest[frame], mean[frame] = _figures(np.concatenate(depths))
    return Penetration(MM_PER_M * deepest, MM_PER_M * mean, np.full((len(first), 2), -1))


def _figures(depth: Float[np.ndarray, "vertices"]) -> tuple[float, float]:
    inside = depth[depth > 0]
    return (float(inside.max()), float(inside.mean())) if len(inside) else (0.0, 0.0)


@dataclass(frozen=True)
class Parts:
    """A hand cut into its five fingers and its palm, each closed where it was cut.

    `fingers`: the vertices of each finger that are looked for in other parts: not those of its first bone, whose skin
    is the web between it, the palm and its neighbours (of the thumb, that of its first bone beyond the metacarpal).
    """

    closed: tuple["_Closed", ...]
    fingers: tuple[Int[np.ndarray, "..."], ...]

    @staticmethod
    def of(model: HandModel) -> "Parts":
        owner = np.argmax(model.skinning.detach().cpu().numpy(), axis=1)
        faces = model.faces.detach().cpu().numpy().astype(np.int64)
        part = PART_OF_ROTATION[owner]
        # A face across a cut belongs to the finger, whose first ring of skin then overlaps no other part's.
        part_of_face = part[faces].min(axis=1)
        closed = [_Closed.of(faces[part_of_face == finger]) for finger in range(len(MANO_FINGERS))]
        closed.append(_Closed.rest(faces[part_of_face == PALM], closed, _Closed.of(faces)))
        fingers = tuple(np.flatnonzero(OUTER[owner] & (part == each)) for each in range(len(MANO_FINGERS)))
        return Parts(tuple(closed), fingers)

    def within(self, vertices: Float[np.ndarray, "frames vertices 3"]) -> Penetration:
        """Of one hand's meshes, metres: vertices of the fingers' outer bones inside another finger or the palm."""
        n_frames = len(vertices)
        deepest, mean, parts = np.zeros(n_frames), np.zeros(n_frames), np.full((n_frames, 2), -1)
        for frame in range(n_frames):
            found = np.zeros(0)
            for finger, own in enumerate(self.fingers):
                for other, closed in enumerate(self.closed):
                    if other == finger:
                        continue
                    depth = _depths(vertices[frame][own], vertices[frame], closed)
                    if depth.max(initial=0.0) > found.max(initial=0.0):
                        parts[frame] = finger, other
                    found = np.concatenate([found, depth])
            deepest[frame], mean[frame] = _figures(found)
        return Penetration(MM_PER_M * deepest, MM_PER_M * mean, parts)


@dataclass(frozen=True)
class _Closed:
    """A surface closed by cones over its open edges.

    A row of `caps` is an edge, turned round, and the number of the loop in whose middle its cone ends; `loops` are
    their vertices.
    """

    faces: Int[np.ndarray, "faces 3"]
    caps: Int[np.ndarray, "caps 3"]
    loops: tuple[Int[np.ndarray, "..."], ...]

    @staticmethod
    def of(faces: Int[np.ndarray, "faces 3"]) -> "_Closed":
        """`faces` index some mesh's vertices."""
        faces = np.asarray(faces, dtype=np.int64)
        edges = [edge for i, j in ((0, 1), (1, 2), (2, 0)) for edge in map(tuple, faces[:, [i, j]].tolist())]
        existing = set(edges)
        open_edges = [edge for edge in edges if edge[::-1] not in existing]
        loop = np.unique(np.array(_components(open_edges), dtype=np.int64), return_inverse=True)[1].reshape(-1)
        ends = np.array(open_edges, dtype=np.int64).reshape(-1, 2)
        loops = tuple(np.unique(ends[loop == each]) for each in range(loop.max(initial=-1) + 1))
        return _Closed(faces, np.column_stack([ends[:, ::-1], loop]), loops)

    @staticmethod
    def rest(faces: Int[np.ndarray, "faces 3"], parts: Sequence["_Closed"], whole: "_Closed") -> "_Closed":
        """What is left of a mesh without `parts`: closed by the parts' caps, turned round, and by those of the whole.

        By its own loops it could not be: where three parts meet, two of its cuts have a vertex in common.
        """
        caps, loops = [whole.caps], list(whole.loops)
        for part in parts:
            caps.append(part.caps[:, [1, 0, 2]] + [0, 0, len(loops)])
            loops += part.loops
        return _Closed(faces, np.concatenate(caps), tuple(loops))

    def triangles(
        self, vertices: Float[np.ndarray, "vertices 3"]
    ) -> tuple[Float[np.ndarray, "faces 3 3"], Float[np.ndarray, "caps 3 3"]]:
        """The corners of the skin's triangles and of those that close it."""
        apexes = np.array([vertices[loop].mean(axis=0) for loop in self.loops]).reshape(-1, 3)
        caps = np.concatenate([vertices[self.caps[:, :2]], apexes[self.caps[:, 2], None]], axis=1)
        return vertices[self.faces], caps


def _components(edges: Sequence[tuple[int, int]]) -> list[int]:
    """A number for each edge, the same for those that are connected."""
    parent = {vertex: vertex for edge in edges for vertex in edge}

    def root(vertex: int) -> int:
        while parent[vertex] != vertex:
            vertex = parent[vertex]
        return vertex

    for start, end in edges:
        parent[root(start)] = root(end)
    return [root(start) for start, _ in edges]


def _depths(
    points: Float[np.ndarray, "points 3"], vertices: Float[np.ndarray, "vertices 3"], closed: _Closed
) -> Float[np.ndarray, "points"]:
    """Metres inside the closed surface, 0 outside; only points within its box are looked at."""
    skin, caps = closed.triangles(vertices)
    depth = np.zeros(len(points))
    near = _within_box(points, skin.reshape(-1, 3))
    if near.any():
        depth[near] = depths_inside(np.ascontiguousarray(points[near]), skin, np.concatenate([skin, caps]))
    return depth


def _within_box(
    points: Float[np.ndarray, "points 3"], corners: Float[np.ndarray, "corners 3"]
) -> Bool[np.ndarray, "points"]:
    return ((points > corners.min(axis=0)) & (points < corners.max(axis=0))).all(axis=1)
