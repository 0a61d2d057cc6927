"""Forearms for a batch of hands at once: as `arm.Arm`, each fitted to its own hand, bare or in a sleeve.

    forearms = Forearms.behind(hands, rotation_camera_hand, wrist_m, wear)
    forearms.vertices_m, forearms.colours                  # (n, rings * around, 3) each
    faces = tube_faces()                                   # the same for all

Rings up to BARE are skin, those from it on are cloth; how far from the hand the cloth begins is each arm's own.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32

from fitter.hand import HandModel
from fitter.render.shading import vertex_normals
from priors.synthetic.arm import BEND_M, END_M, GROWTH, INSIDE_M, LENGTH_M, STAND_OFF_M, STIFFEST_DEG
from priors.synthetic.complexion import Complexion
from priors.synthetic.skin import Skin, albedo

AROUND = 16  # on a wrist that is 40 pixels wide such a polygon is a third of a pixel off the ellipse
BARE, COVERED = 14, 12
RINGS = BARE + COVERED
FULLNESS = 0.8  # 1 is an ellipse; with less the step between hand and wrist is least (looked at)
LAPS_M = 0.01  # the skin goes on this far into the sleeve
# The nearest that cloth comes to the hand; a sleeve that begins at BARE_M leaves the whole arm bare.
LONGEST_SLEEVE_M, SHORTEST_SLEEVE_M, BARE_M = -0.01, 0.2, 0.385
BARE_SHARE = 0.4
FOLD_SHARE, FOLDS_PER_M = 0.03, (100.0, 220.0)
# Where along the arm its skin is painted.
PAINTED_M = np.linspace(-INSIDE_M, LENGTH_M, 24)
STRIPED_SHARE, STRIPE_M = 0.3, (0.006, 0.03)


@dataclass(frozen=True)
class HandEnd:
    """The vertices around the cut where a hand model ends."""

    rim: Int[np.ndarray, "rim"]

    @staticmethod
    def of(model: HandModel) -> "HandEnd":
        backwards = model.template[:, 0]
        return HandEnd(np.flatnonzero((backwards > backwards.max() - END_M).numpy()))


@dataclass(frozen=True)
class Wear:
    """What one forearm wears: where its cloth begins (metres behind the hand's end), the cloth's linear colours.

    `elbow` is the direction, in the axes of the vertices, in which the elbow lies; `stripe_m` is 0 for plain cloth.
    """

    sleeve_m: float
    cloth: Float[np.ndarray, "2 3"]
    stripe_m: float
    folds_per_m: float
    elbow: Float[np.ndarray, "3"]

    @staticmethod
    def random(rng: np.random.Generator) -> "Wear":
        """A bare arm, a short or a long sleeve of any colour; the elbow mostly below the hand, sometimes anywhere."""
        bare = rng.random() < BARE_SHARE
        sleeve_m = BARE_M if bare else rng.uniform(LONGEST_SLEEVE_M, SHORTEST_SLEEVE_M)
        shade = rng.beta(0.9, 1.6) * 0.8 + 0.01
        cloth = np.clip(shade * (1.0 + rng.normal(0.0, 0.25, 3)) + rng.normal(0.0, 0.02, 3), 0.005, 0.9)
        striped = rng.random() < STRIPED_SHARE
        second = np.clip(rng.beta(1.0, 1.6, 3), 0.01, 0.9) if striped else cloth
        elbow = np.array([rng.normal(0.0, 0.3), 1.0, rng.normal(0.1, 0.3)])
        if rng.random() < 0.3:
            elbow = rng.standard_normal(3)
        return Wear(
            sleeve_m=sleeve_m,
            cloth=np.stack([cloth, second]),
            stripe_m=rng.uniform(*STRIPE_M) if striped else 0.0,
            folds_per_m=rng.uniform(*FOLDS_PER_M),
            elbow=elbow / np.linalg.norm(elbow),
        )


@dataclass(frozen=True)
class Forearms:
    """Vertices ring after ring, from inside the hand to the elbow, and their linear albedo."""

    vertices_m: Float[np.ndarray, "n vertices 3"]
    colours: Float32[np.ndarray, "n vertices 3"]

    @staticmethod
    def behind(
        end: HandEnd,
        hands_m: Float[np.ndarray, "n hand 3"],
        rotation: Float[np.ndarray, "n 3 3"],
        wrist_m: Float[np.ndarray, "n 3"],
        wear: list[Wear],
        skin: Float32[np.ndarray, "n painted around 3"],
    ) -> "Forearms":
        """One for each hand of `hands_m` (vertices), whose wrist's `rotation` takes rest axes to the vertices' axes.

        `skin` is each person's, as `painted_forearm` makes it.
        """
        rim = (hands_m[:, end.rim] - wrist_m[:, None]) @ rotation  # in rest axes, from the wrist
        low, high = rim.min(1), rim.max(1)
        start, half = 0.5 * (low + high), 0.5 * (high - low)
        start[:, 0] = high[:, 0]
        distance = ring_distances(np.array([one.sleeve_m for one in wear]))
        elbow = np.stack([one.elbow for one in wear])
        forwards, sideways, turning, line = bent(rotation[:, :, 0], elbow, distance)
        section = sections(half, distance, np.array([one.folds_per_m for one in wear]))
        thick, wide = turned_about(turning, rotation[:, None, :, 1], forwards, sideways), rotation[:, None, :, 2]
        wide = turned_about(turning, wide, forwards, sideways)
        middle = (wrist_m + (rotation @ start[:, :, None])[..., 0])[:, None] + line
        vertices = middle[:, :, None] + section[..., :1] * thick[:, :, None] + section[..., 1:] * wide[:, :, None]
        return Forearms(vertices.reshape(len(wear), -1, 3), colours(wear, distance, skin))


def ring_distances(sleeve_m: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n rings"]:
    """How far each ring lies behind the hand's end, metres."""
    share = np.linspace(0.0, 1.0, BARE) ** 1.3  # closer rings where the wrist bends
    bare = -INSIDE_M + share * (sleeve_m[:, None] + LAPS_M + INSIDE_M)
    covered = sleeve_m[:, None] + np.linspace(0.0, 1.0, COVERED) * (LENGTH_M - sleeve_m[:, None])
    return np.concatenate([bare, covered], axis=1)


def sections(
    half: Float[np.ndarray, "n 3"], distance: Float[np.ndarray, "n rings"], folds_per_m: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n rings around 2"]:
    """Offsets of every ring's points from its middle, along the hand's thickness and width; metres."""
    place, size = np.array(GROWTH).T
    grown = np.interp(distance, place, size)
    cloth = np.arange(RINGS) >= BARE
    folds = 1.0 + FOLD_SHARE * np.sin(distance * folds_per_m[:, None]) * cloth
    thick = half[:, 1:2] * np.maximum(grown, 0.9) ** 1.5 * folds + STAND_OFF_M * cloth
    wide = half[:, 2:3] * grown * folds + STAND_OFF_M * cloth
    outline = section_outline()
    return np.stack([thick[..., None] * outline[:, 0], wide[..., None] * outline[:, 1]], axis=-1)


def section_outline() -> Float[np.ndarray, "around 2"]:
    """A ring's points for half sides of 1: fuller than an ellipse, as wrists are."""
    angle = np.arange(AROUND) * (2.0 * math.pi / AROUND)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.sign(circle) * np.abs(circle) ** FULLNESS


def bent(
    backwards: Float[np.ndarray, "n 3"], elbow: Float[np.ndarray, "n 3"], distance: Float[np.ndarray, "n rings"]
) -> tuple[
    Float[np.ndarray, "n 1 3"],
    Float[np.ndarray, "n 1 3"],
    Float[np.ndarray, "n rings"],
    Float[np.ndarray, "n rings 3"],
]:
    """The plane an arm bends in (its direction in the hand, and the one it bends towards), the angle and the middle.

    The angle (radians) of every ring rises to what a wrist allows; the middle is the direction's sum over the distance.
    """
    along = (backwards * elbow).sum(1, keepdims=True)
    sideways = elbow - along * backwards
    across = np.linalg.norm(sideways, axis=1, keepdims=True)
    sideways = sideways / np.maximum(across, 1e-9)
    bend = np.minimum(np.arctan2(across, along), math.radians(STIFFEST_DEG))
    grid = np.linspace(-INSIDE_M, LENGTH_M, 209)  # every 2 mm
    step = grid[1] - grid[0]
    angle = bend * eased((grid[:-1] + 0.5 * step) / BEND_M)
    sums = np.zeros((len(bend), 2, len(grid)))
    sums[:, 0, 1:] = np.cumsum(np.cos(angle), axis=1) * step
    sums[:, 1, 1:] = np.cumsum(np.sin(angle), axis=1) * step
    sums[:, 0] -= INSIDE_M
    place = np.clip((distance + INSIDE_M) / step, 0.0, len(grid) - 1.001)
    low, share = place.astype(int), place % 1.0
    rows = np.arange(len(bend))[:, None]
    ahead, aside = ((1.0 - share) * sums[rows, k, low] + share * sums[rows, k, low + 1] for k in range(2))
    forwards, sideways = backwards[:, None], sideways[:, None]
    line = ahead[..., None] * forwards + aside[..., None] * sideways
    return forwards, sideways, bend * eased(distance / BEND_M), line


def turned_about(
    angle: Float[np.ndarray, "n rings"],
    axis: Float[np.ndarray, "n 1 3"],
    forwards: Float[np.ndarray, "n 1 3"],
    sideways: Float[np.ndarray, "n 1 3"],
) -> Float[np.ndarray, "n rings 3"]:
    """`axis` after a turn by `angle` (radians) that takes `forwards` towards `sideways`."""
    ahead, aside = (axis * forwards).sum(-1, keepdims=True), (axis * sideways).sum(-1, keepdims=True)
    cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
    axis = axis + (ahead * (cosine - 1.0) - aside * sine) * forwards
    return axis + (ahead * sine + aside * (cosine - 1.0)) * sideways


def eased(share: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """0 below 0, 1 above 1, smooth between."""
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def colours(
    wear: list[Wear], distance: Float[np.ndarray, "n rings"], skin: Float32[np.ndarray, "n painted around 3"]
) -> Float32[np.ndarray, "n vertices 3"]:
    """Linear albedo of every vertex: the person's skin, then the cloth with its stripes."""
    place = np.interp(distance[:, :BARE], PAINTED_M, np.arange(len(PAINTED_M)))
    low = np.minimum(place.astype(int), len(PAINTED_M) - 2)
    share = (place - low)[..., None, None].astype(np.float32)
    rows = np.arange(len(wear))[:, None]
    bare = (1.0 - share) * skin[rows, low] + share * skin[rows, low + 1]
    cloth = np.stack([one.cloth for one in wear])
    width = np.array([one.stripe_m for one in wear])
    stripe = ((distance[:, BARE:] / np.maximum(width, 1e-3)[:, None]).astype(int) % 2) * (width > 0.0)[:, None]
    covered = np.repeat(cloth[rows, stripe][:, :, None], AROUND, axis=2)
    return np.concatenate([bare, covered], axis=1).reshape(len(wear), -1, 3).astype(np.float32)


def tube_faces() -> Int32[np.ndarray, "faces 3"]:
    """Outward triangles between neighbouring rings; the step from skin to sleeve is left open."""
    rings = [ring for ring in range(RINGS - 1) if ring != BARE - 1]
    corners = np.arange(AROUND)
    following = (corners + 1) % AROUND
    faces = []
    for ring in rings:
        near, far = ring * AROUND, (ring + 1) * AROUND
        faces += [np.stack([near + corners, near + following, far + corners], 1)]
        faces += [np.stack([near + following, far + following, far + corners], 1)]
    return np.concatenate(faces).astype(np.int32)


def painted_forearm(skin: Skin, complexion: Complexion, model: HandModel) -> Float32[np.ndarray, "painted around 3"]:
    """One person's linear albedo at PAINTED_M behind the mean hand's end, around the arm."""
    rest, joints = model.template.double(), model.joints.double()
    rim = rest[torch.from_numpy(HandEnd.of(model).rim)]
    half = 0.5 * (rim.amax(0) - rim.amin(0)).numpy()[None]
    start = 0.5 * (rim.amax(0) + rim.amin(0)).numpy()
    place, size = np.array(GROWTH).T
    grown = np.interp(PAINTED_M, place, size)
    outline = section_outline()
    points = np.zeros((len(PAINTED_M), AROUND, 3))
    points[..., 0] = PAINTED_M[:, None] + float(rest[:, 0].max())
    points[..., 1] = start[1] + half[0, 1] * grown[:, None] ** 1.5 * outline[:, 0]
    points[..., 2] = start[2] + half[0, 2] * grown[:, None] * outline[:, 1]
    grid = torch.from_numpy(points.reshape(-1, 3))
    ring, corner = np.meshgrid(np.arange(len(PAINTED_M) - 1), np.arange(AROUND), indexing="ij")
    near, near_next = ring * AROUND + corner, ring * AROUND + (corner + 1) % AROUND
    faces = np.concatenate(
        [np.stack([near, near_next, near + AROUND], -1), np.stack([near_next, near_next + AROUND, near + AROUND], -1)]
    )
    normals = vertex_normals(grid, torch.from_numpy(faces.reshape(-1, 3)))
    bare = albedo(skin, joints, grid, normals)
    return complexion.changed(bare, joints, grid, normals).reshape(len(PAINTED_M), AROUND, 3).astype(np.float32)
