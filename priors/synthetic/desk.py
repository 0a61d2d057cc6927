"""A background that makes it hard to tell a hand by its colour: a wooden desk with papers, cloth and bare skin on it.

picture = desk(rng, (640, 480))            # (480, 640, 3) linear RGB
"""

import cv2
import numpy as np
from jaxtyping import Float

from priors.synthetic.background import unevenness
from priors.synthetic.skin import Skin

Picture = Float[np.ndarray, "height width 3"]

# Linear RGB of wood, light to dark: hues of skin.
WOODS = np.array([[0.58, 0.38, 0.21], [0.40, 0.23, 0.11], [0.24, 0.12, 0.06], [0.50, 0.40, 0.30]])
THINGS = (6, 13)
FOCUS_BLUR = (0.001, 0.004)  # standard deviation relative to the picture's width: a desk is near, and nearly sharp


def desk(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """A still background of `size` = (width, height) pixels, linear RGB 0..1."""
    width, height = size
    picture = wood(rng, width, height)
    for _ in range(rng.integers(*THINGS)):
        place = (paper, cloth, limb)[rng.choice(3, p=(0.4, 0.3, 0.3))]
        place(rng, picture)
    picture = cv2.GaussianBlur(picture, (0, 0), max(0.3, width * rng.uniform(*FOCUS_BLUR)))
    return np.clip(picture * unevenness(rng, width, height), 0.01, 1.0)


def wood(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Boards with a grain: lines along one direction that wave a little."""
    colour = WOODS[rng.integers(len(WOODS))] * rng.uniform(0.7, 1.2)
    y, x = np.mgrid[0:height, 0:width] / width
    angle = rng.uniform(-0.4, 0.4)
    across = np.cos(angle) * y - np.sin(angle) * x
    wave = 0.01 * np.sin(2.0 * np.pi * (rng.uniform(0.5, 2.0) * x + rng.random()))
    grain = sum(
        share * np.sin(2.0 * np.pi * (lines * (across + wave * rng.uniform(0.5, 2.0)) + rng.random()))
        for lines, share in ((9.0, 0.08), (31.0, 0.06), (83.0, 0.05))
    )
    boards = 0.8 + 0.35 * rng.random(16)[np.floor((across + 1.0) * 4.0).astype(int) % 16]
    return np.ascontiguousarray(colour * (boards * (1.0 + grain))[..., None])


def paper(rng: np.random.Generator, picture: Picture) -> None:
    """A sheet with lines of writing, in place."""
    corners = tilted_rectangle(rng, picture, (0.06, 0.2))
    white = np.clip(rng.uniform(0.5, 0.9) * (1.0 + rng.normal(0.0, 0.04, 3)), 0.0, 0.95)
    cv2.fillConvexPoly(picture, corners.astype(np.int32), white.tolist(), cv2.LINE_AA)
    origin, along, down = corners[0], corners[1] - corners[0], corners[3] - corners[0]
    thickness = max(1, picture.shape[1] // 320)
    for line in np.arange(0.1, 0.92, rng.uniform(0.07, 0.14)):
        end = rng.uniform(0.5, 0.92)
        start_px, end_px = (origin + share * along + line * down for share in (0.08, end))
        ink = (white * rng.uniform(0.15, 0.6)).tolist()
        cv2.line(picture, start_px.astype(int).tolist(), end_px.astype(int).tolist(), ink, thickness, cv2.LINE_AA)


def cloth(rng: np.random.Generator, picture: Picture) -> None:
    """A checked cloth or a printed box, in place."""
    corners = tilted_rectangle(rng, picture, (0.06, 0.18))
    colours = np.clip(rng.beta(1.6, 2.4, (2, 3)), 0.02, 0.95)
    origin, along, down = corners[0], corners[1] - corners[0], corners[3] - corners[0]
    columns, rows = rng.integers(3, 9, 2)
    for column in range(columns):
        for row in range(rows):
            low = origin + along * column / columns + down * row / rows
            square = np.stack([low, low + along / columns, low + along / columns + down / rows, low + down / rows])
            colour = colours[(column + row) % 2] * rng.uniform(0.9, 1.1)
            cv2.fillConvexPoly(picture, np.rint(square).astype(np.int32), colour.tolist())


def limb(rng: np.random.Generator, picture: Picture) -> None:
    """Somebody's arm or finger without its shape: a shaded capsule of skin, in place."""
    height, width = picture.shape[:2]
    skin, centre = Skin.random(rng).back, rng.uniform([0.0, 0.0], [width, height])
    angle, length = rng.uniform(0.0, np.pi), width * rng.uniform(0.05, 0.3)
    end = centre + length * np.array([np.cos(angle), np.sin(angle)])
    thickness = width * rng.uniform(0.02, 0.09)
    for share in (1.0, 0.8, 0.55, 0.3):  # lighter towards the middle, as a round thing in even light
        colour = (skin * rng.uniform(0.6, 0.9) * (1.3 - 0.6 * share)).tolist()
        points = centre.astype(int).tolist(), end.astype(int).tolist()
        cv2.line(picture, *points, colour, max(1, int(share * thickness)), cv2.LINE_AA)


def tilted_rectangle(
    rng: np.random.Generator, picture: Picture, half_sides: tuple[float, float]
) -> Float[np.ndarray, "4 2"]:
    """Corners in turn of a rectangle anywhere in the picture; `half_sides` are a range relative to its width."""
    height, width = picture.shape[:2]
    centre, half = rng.uniform([0.0, 0.0], [width, height]), width * rng.uniform(*half_sides, 2)
    angle = rng.uniform(-0.7, 0.7)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return centre + (half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ turn
